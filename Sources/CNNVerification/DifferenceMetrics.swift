/// How two arrays of numbers differ, element by element.
public struct DifferenceMetrics: Sendable, Hashable {
    /// One element in which the arrays differ.
    public struct Extreme: Sendable, Hashable {
        /// The absolute or relative difference.
        public let difference: Double
        /// The element's position along each axis.
        public let index: [Int]
        /// The two values; of complex numbers the moduli.
        public let actual: Double
        public let reference: Double
    }

    /// How many elements of an array are no finite numbers.
    public struct Census: Sendable, Hashable {
        public var nanCount = 0
        public var positiveInfinityCount = 0
        public var negativeInfinityCount = 0

        /// How many elements are no finite numbers.
        public var nonFiniteCount: Int { nanCount + positiveInfinityCount + negativeInfinityCount }

        mutating func count(_ value: Double) {
            if value.isNaN { nanCount += 1 }
            if value == .infinity { positiveInfinityCount += 1 }
            if value == -.infinity { negativeInfinityCount += 1 }
        }
    }

    public let elementCount: Int
    /// How many elements differ by more than the tolerance, or are NaN or infinite on one side only.
    public let mismatchCount: Int
    /// How many of them are NaN or infinite on one side, or infinite with opposite signs.
    public let nonFiniteMismatchCount: Int
    /// The position of the first mismatch in row-major order; nil if there is none.
    public let firstMismatchIndex: [Int]?
    /// The largest |actual − reference| over the elements that are finite on both sides; nil if there is none.
    public let maxAbsolute: Extreme?
    /// The largest |actual − reference| / |reference| over those of them whose reference is not 0; nil if there is none.
    public let maxRelative: Extreme?
    /// The root of the mean squared difference, over the elements that are finite on both sides; nil if there is none.
    public let rootMeanSquare: Double?
    /// The cosine of the angle between the arrays taken as vectors, over the elements that are finite on both sides: 1 where
    /// both are zero, 0 where one is; nil if there is no such element.
    public let cosineSimilarity: Double?
    /// The reference's largest finite magnitude; 0 if it has none.
    public let largestReference: Double
    public let actualCensus: Census
    public let referenceCensus: Census
}

/// Reads two arrays in step and adds up how they differ. Two passes: the tolerance may depend on the reference's scale, and
/// dividing by it keeps squares of large numbers finite.
struct DifferenceAccumulator {
    private(set) var largestActual = 0.0
    private(set) var largestReference = 0.0
    private var actualCensus = DifferenceMetrics.Census()
    private var referenceCensus = DifferenceMetrics.Census()

    private var elementCount = 0
    private var mismatchCount = 0
    private var nonFiniteMismatchCount = 0
    private var firstMismatch: Int?
    private var finiteCount = 0
    private var maxAbsolute: Peak?
    private var maxRelative: Peak?
    private var squaredDifferences = 0.0
    private var product = 0.0
    private var squaredActual = 0.0
    private var squaredReference = 0.0

    private struct Peak {
        let difference: Double
        let offset: Int
        let actual: Double
        let reference: Double
    }

    /// First pass: takes note of an element's scale.
    mutating func survey(actual: Double, reference: Double) {
        if actual.isFinite { largestActual = max(largestActual, actual.magnitude) } else { actualCensus.count(actual) }
        if reference.isFinite {
            largestReference = max(largestReference, reference.magnitude)
        } else {
            referenceCensus.count(reference)
        }
    }

    /// Second pass: takes in the next element.
    /// - Parameters:
    ///   - difference: |actual − reference|, where it is known better than by subtracting the two.
    ///   - isMatch: whether a finite pair is close enough.
    @inline(__always)
    mutating func add(actual: Double, reference: Double, difference: Double, isMatch: Bool) {
        let offset = elementCount
        elementCount += 1
        guard actual.isFinite, reference.isFinite else {
            if !(actual == reference || actual.isNaN && reference.isNaN) {
                nonFiniteMismatchCount += 1
                countMismatch(at: offset)
            }
            return
        }
        finiteCount += 1
        if !isMatch { countMismatch(at: offset) }
        if difference > maxAbsolute?.difference ?? -1 {
            maxAbsolute = Peak(difference: difference, offset: offset, actual: actual, reference: reference)
        }
        let relative = difference / reference.magnitude
        if reference != 0, relative > maxRelative?.difference ?? -1 {
            maxRelative = Peak(difference: relative, offset: offset, actual: actual, reference: reference)
        }
        let scale = max(largestActual, largestReference, .leastNormalMagnitude)
        squaredDifferences += (difference / scale) * (difference / scale)
        let (scaledActual, scaledReference) = (
            actual / max(largestActual, .leastNormalMagnitude), reference / max(largestReference, .leastNormalMagnitude)
        )
        product += scaledActual * scaledReference
        squaredActual += scaledActual * scaledActual
        squaredReference += scaledReference * scaledReference
    }

    private mutating func countMismatch(at offset: Int) {
        mismatchCount += 1
        if firstMismatch == nil { firstMismatch = offset }
    }

    /// - Parameter index: the position along each axis of an element counted in row-major order.
    func metrics(index: (Int) -> [Int]) -> DifferenceMetrics {
        func extreme(_ peak: Peak?) -> DifferenceMetrics.Extreme? {
            peak.map {
                DifferenceMetrics.Extreme(
                    difference: $0.difference, index: index($0.offset), actual: $0.actual, reference: $0.reference)
            }
        }
        let scale = max(largestActual, largestReference, .leastNormalMagnitude)
        return DifferenceMetrics(
            elementCount: elementCount, mismatchCount: mismatchCount, nonFiniteMismatchCount: nonFiniteMismatchCount,
            firstMismatchIndex: firstMismatch.map(index), maxAbsolute: extreme(maxAbsolute), maxRelative: extreme(maxRelative),
            rootMeanSquare: finiteCount == 0 ? nil : (squaredDifferences / Double(finiteCount)).squareRoot() * scale,
            cosineSimilarity: finiteCount == 0 ? nil : cosine, largestReference: largestReference, actualCensus: actualCensus,
            referenceCensus: referenceCensus)
    }

    private var cosine: Double {
        if squaredActual == 0 || squaredReference == 0 { return squaredActual == squaredReference ? 1 : 0 }
        // Rounding can carry the quotient past the range of a cosine.
        return min(max(product / (squaredActual.squareRoot() * squaredReference.squareRoot()), -1), 1)
    }
}
