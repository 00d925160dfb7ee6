/// How two arrays of numbers differ, element by element. Measures are taken over the elements that are finite on both sides,
/// and are nil if there is none. In the formulas a is the computed array, r the reference, n the number of those elements.
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
    /// The largest |a − r|.
    public let maxAbsolute: Extreme?
    /// The largest |a − r| / |r| over the elements whose reference is not 0.
    public let maxRelative: Extreme?
    /// The root of the mean squared difference: √(Σ(a − r)² / n).
    public let rootMeanSquare: Double?
    /// The root-mean-square difference in units of the reference's own root mean square: √(Σ(a − r)² / Σr²), the relative error
    /// in the Euclidean norm (scikit-image's `normalized_root_mse` with `normalization='euclidean'`). Infinite if only the
    /// reference is zero, 0 if both arrays are.
    public let normalizedRootMeanSquare: Double?
    /// The cosine of the angle between the arrays taken as vectors, Σar / √(Σa² Σr²): 1 where both are zero, 0 where one is.
    public let cosineSimilarity: Double?
    /// The peak signal-to-noise ratio in decibels, 20 log₁₀((max r − min r) / RMSE): the reference's range is the peak, as in
    /// scikit-image's `peak_signal_noise_ratio` with that `data_range`. Infinite for equal arrays; nil for a constant reference.
    public let peakSignalToNoiseRatio: Double?
    /// The reference's largest finite magnitude; 0 if it has none.
    public let largestReference: Double
    public let actualCensus: Census
    public let referenceCensus: Census
    /// What is needed to judge the arrays again under another tolerance.
    public let frontier: ToleranceFrontier
    /// The distance in representable numbers; nil for what is no real floating-point number.
    public let unitsInLastPlace: UnitsInLastPlace?
    /// Where the differences lie; nil if every element is close enough.
    public let map: DifferenceMap?
}
