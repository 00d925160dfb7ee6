#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Adds up how two arrays differ while they are read in step, twice: the tolerance may depend on the reference's scale, and
/// scaling by a power of two, which is exact, keeps squares of large numbers finite.
struct DifferenceAccumulator {
    private(set) var largestActual = 0.0
    private(set) var largestReference = 0.0
    private var leastReferenceValue = Double.infinity
    private var greatestReferenceValue = -Double.infinity
    private var actualCensus = DifferenceMetrics.Census()
    private var referenceCensus = DifferenceMetrics.Census()

    private var elementCount = 0
    private var mismatchCount = 0
    private var nonFiniteMismatchCount = 0
    private var firstMismatch: Int?
    private var finiteCount = 0
    private var maxAbsolute: Peak?
    private var maxRelative: Peak?
    private var frontier = ToleranceFrontier()
    private var scales: Scales?
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

    /// The powers of two that bring the largest numbers near 1.
    private struct Scales {
        let difference: Double
        let actual: Double
        let reference: Double

        init(actual: Double, reference: Double) {
            self.actual = Self.reciprocal(actual)
            self.reference = Self.reciprocal(reference)
            difference = Self.reciprocal(max(actual, reference))
        }

        /// 2^−e for a number of 2^e or more and less than 2^(e+1); of numbers past its range the nearest.
        private static func reciprocal(_ magnitude: Double) -> Double {
            guard magnitude > 0 else { return 1 }
            return Double(sign: .plus, exponent: -min(max(magnitude.exponent, -1000), 1000), significand: 1)
        }
    }

    // MARK: First pass

    /// Takes note of an element's scale.
    mutating func survey(actual: Double, reference: Double) {
        if actual.isFinite { largestActual = max(largestActual, actual.magnitude) } else { actualCensus.count(actual) }
        if reference.isFinite {
            largestReference = max(largestReference, reference.magnitude)
            leastReferenceValue = min(leastReferenceValue, reference)
            greatestReferenceValue = max(greatestReferenceValue, reference)
        } else {
            referenceCensus.count(reference)
        }
    }

    /// Takes note of the scale of a block.
    mutating func survey(_ block: ElementBlock) {
        guard block.isFinite else {
            for index in 0..<block.count { survey(actual: block.actual[index], reference: block.reference[index]) }
            return
        }
        largestActual = max(largestActual, block.largest(block.actual))
        largestReference = max(largestReference, block.largest(block.reference))
        let range = block.range(block.reference)
        leastReferenceValue = min(leastReferenceValue, range.lowerBound)
        greatestReferenceValue = max(greatestReferenceValue, range.upperBound)
    }

    // MARK: Second pass

    /// Takes in the next element.
    /// - Parameters:
    ///   - difference: |actual − reference|, where it is known better than by subtracting the two.
    ///   - isMatch: whether a finite pair is close enough.
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
        frontier.insert(ToleranceFrontier.Point(magnitude: reference.magnitude, difference: difference))
        let scales = currentScales()
        squaredDifferences += (difference * scales.difference) * (difference * scales.difference)
        product += (actual * scales.actual) * (reference * scales.reference)
        squaredActual += (actual * scales.actual) * (actual * scales.actual)
        squaredReference += (reference * scales.reference) * (reference * scales.reference)
    }

    /// Takes in a block with its limits.
    mutating func add(_ block: ElementBlock) {
        guard block.isFinite else {
            for index in 0..<block.count {
                add(
                    actual: block.actual[index], reference: block.reference[index], difference: block.difference[index],
                    isMatch: block.difference[index] <= block.limit[index])
            }
            return
        }
        let scales = currentScales()
        let summary = block.summary(
            differenceScale: scales.difference, actualScale: scales.actual,
            referenceScale: scales.reference)
        squaredDifferences += summary.squaredDifferences
        product += summary.product
        squaredActual += summary.squaredActual
        squaredReference += summary.squaredReference
        if summary.mismatchCount > 0, firstMismatch == nil {
            for index in 0..<block.count where !(block.difference[index] <= block.limit[index]) {
                firstMismatch = elementCount + index
                break
            }
        }
        mismatchCount += summary.mismatchCount
        if summary.largestDifference > maxAbsolute?.difference ?? -1 {
            maxAbsolute = peak(block) { block.difference[$0] }
        }
        if summary.largestRelative > maxRelative?.difference ?? -1 {
            maxRelative = peak(block) {
                block.reference[$0] == 0 ? -1 : block.difference[$0] / block.reference[$0].magnitude
            }
        }
        // No element of the block lies further to the upper left than this corner.
        if !frontier.covers(magnitude: summary.leastMagnitude, difference: summary.largestDifference) {
            for index in 0..<block.count {
                frontier.insert(
                    ToleranceFrontier.Point(
                        magnitude: block.reference[index].magnitude, difference: block.difference[index]))
            }
        }
        elementCount += block.count
        finiteCount += block.count
    }

    /// The first element of a block with the largest value of `measure`.
    private func peak(_ block: ElementBlock, _ measure: (Int) -> Double) -> Peak {
        var (best, value) = (0, measure(0))
        for index in 1..<max(block.count, 1) {
            let candidate = measure(index)
            if candidate > value { (best, value) = (index, candidate) }
        }
        return Peak(
            difference: value, offset: elementCount + best, actual: block.actual[best], reference: block.reference[best])
    }

    private mutating func countMismatch(at offset: Int) {
        mismatchCount += 1
        if firstMismatch == nil { firstMismatch = offset }
    }

    private mutating func currentScales() -> Scales {
        if let scales { return scales }
        let scales = Scales(actual: largestActual, reference: largestReference)
        self.scales = scales
        return scales
    }

    // MARK: Result

    var hasMismatches: Bool { mismatchCount > 0 }

    /// - Parameter index: the position along each axis of an element counted in row-major order.
    func metrics(
        unitsInLastPlace: UnitsInLastPlace? = nil, map: DifferenceMap? = nil, index: (Int) -> [Int]
    ) -> DifferenceMetrics {
        func extreme(_ peak: Peak?) -> DifferenceMetrics.Extreme? {
            peak.map {
                DifferenceMetrics.Extreme(
                    difference: $0.difference, index: index($0.offset), actual: $0.actual, reference: $0.reference)
            }
        }
        let rootMeanSquare = finiteCount == 0 ? nil : rootMeanSquare
        return DifferenceMetrics(
            elementCount: elementCount, mismatchCount: mismatchCount, nonFiniteMismatchCount: nonFiniteMismatchCount,
            firstMismatchIndex: firstMismatch.map(index), maxAbsolute: extreme(maxAbsolute), maxRelative: extreme(maxRelative),
            rootMeanSquare: rootMeanSquare, normalizedRootMeanSquare: finiteCount == 0 ? nil : normalizedRootMeanSquare,
            cosineSimilarity: finiteCount == 0 ? nil : cosine,
            peakSignalToNoiseRatio: rootMeanSquare.flatMap(peakSignalToNoiseRatio),
            largestReference: largestReference, actualCensus: actualCensus, referenceCensus: referenceCensus,
            frontier: frontier, unitsInLastPlace: unitsInLastPlace, map: map)
    }

    private var rootMeanSquare: Double {
        let scale = scales?.difference ?? 1
        return (squaredDifferences / Double(finiteCount)).squareRoot() / scale
    }

    private var normalizedRootMeanSquare: Double {
        guard squaredDifferences > 0 else { return 0 }
        guard squaredReference > 0, let scales else { return .infinity }
        return (squaredDifferences / squaredReference).squareRoot() * (scales.reference / scales.difference)
    }

    private var cosine: Double {
        if squaredActual == 0 || squaredReference == 0 { return squaredActual == squaredReference ? 1 : 0 }
        // Rounding can carry the quotient past the range of a cosine.
        return min(max(product / (squaredActual.squareRoot() * squaredReference.squareRoot()), -1), 1)
    }

    private func peakSignalToNoiseRatio(_ rootMeanSquare: Double) -> Double? {
        let range = greatestReferenceValue - leastReferenceValue
        guard range > 0, range.isFinite else { return nil }
        return rootMeanSquare == 0 ? .infinity : 20 * log10(range / rootMeanSquare)
    }
}
