/// Whether an array is a rounded evaluation of what it should be.
public struct RoundingJudgement: Sendable, Hashable {
    /// What the allowed difference follows from.
    public enum Basis: Sendable, Hashable {
        /// An a-priori bound of the operator, which no float32 evaluation passes, in whatever order it sums.
        case bound
        /// The expected error of each element, from rounding errors propagated through the network as variances.
        case deviation
        /// The result is not rounded at all (data is moved or selected, or whole numbers): it must be the same.
        case exact
        /// A rule of thumb, since the operator states no bound.
        case convention
    }

    /// Whether the difference is explained.
    public enum Verdict: String, Sendable, Hashable {
        /// The difference is rounding.
        case agrees
        /// The difference is more than rounding explains.
        case differs
        /// Nothing is known of what rounding does to some elements, which differ by more than `ComparisonTolerance.standard`;
        /// no other element is outside.
        case undecided
    }

    /// The element that is furthest outside, measured by what is allowed.
    public struct Worst: Sendable, Hashable {
        /// The element's position along each axis.
        public let index: [Int]
        public let value: Double
        /// What the element should be: the Double evaluation, or the array compared with.
        public let expected: Double
        /// One bound, or one standard deviation of the expected error.
        public let unit: Double
    }

    public let basis: Basis
    public let elementCount: Int
    /// The largest difference in units: of the bound, or of the standard deviation. Infinite where an element is NaN or infinite on
    /// one side only, or differs where nothing is rounded.
    public let largest: Double
    /// The most units that are allowed: 1 for bounds; for standard deviations `RoundingThreshold.deviations`.
    public let threshold: Double
    /// How many elements differ by more.
    public let outsideCount: Int
    /// How many elements could not be judged: their unit is infinite or undefined, and they differ by more than
    /// `ComparisonTolerance.standard`.
    public let undecidedCount: Int
    /// The root mean square of the differences in units; about 1 for standard deviations that describe the evaluation well.
    public let rootMeanSquare: Double
    /// The median of unit/|difference| over the elements that differ at all: how far the bound lies above what happens,
    /// to within one part in 128. Nil if none differs.
    public let medianSlack: Double?
    public let worst: Worst?

    public var verdict: Verdict { outsideCount > 0 ? .differs : undecidedCount > 0 ? .undecided : .agrees }
    /// Whether the difference is rounding.
    public var agrees: Bool { verdict == .agrees }
    /// Whether the difference is more than rounding explains; false too where nothing is known.
    public var differs: Bool { verdict == .differs }
    /// Why there is no verdict; nil if there is one.
    public var undecidedReason: String? {
        verdict == .undecided
            ? "the expected deviation is unknown for \(undecidedCount) of \(elementCount) elements" : nil
    }

    package init(
        basis: Basis, elementCount: Int, largest: Double, threshold: Double, outsideCount: Int, undecidedCount: Int = 0,
        rootMeanSquare: Double, medianSlack: Double?, worst: Worst?
    ) {
        self.undecidedCount = undecidedCount
        self.basis = basis
        self.elementCount = elementCount
        self.largest = largest
        self.threshold = threshold
        self.outsideCount = outsideCount
        self.rootMeanSquare = rootMeanSquare
        self.medianSlack = medianSlack
        self.worst = worst
    }
}

extension RoundingJudgement: CustomStringConvertible {
    /// One line, for example `within rounding: at most 2.1 σ of 37 σ allowed`.
    public var description: String {
        func number(_ value: Double) -> String {
            value == 0 ? "0" : value >= 1e4 || value < 0.01 ? Self.scientific(value) : "\((value * 100).rounded() / 100)"
        }
        if let undecidedReason { return "undecided: \(undecidedReason)" }
        let unit = basis == .deviation ? " σ" : " of the bound"
        if basis == .exact {
            return agrees ? "the same" : "\(outsideCount) of \(elementCount) elements differ where nothing is rounded"
        }
        let sides =
            basis == .deviation
            ? "at most \(number(largest))\(unit), \(number(threshold)) σ are allowed" : "at most \(number(largest))\(unit)"
        return agrees
            ? "within rounding: \(sides)"
            : "outside rounding: \(sides), \(outsideCount) of \(elementCount) elements are outside"
    }

    private static func scientific(_ value: Double) -> String {
        guard value.isFinite else { return "\(value)" }
        let exponent = value == 0 ? 0 : Int(Self.floorLog10(value))
        var power = 1.0
        for _ in 0..<abs(exponent) { power *= 10 }
        let mantissa = exponent < 0 ? value * power : value / power
        return "\((mantissa * 10).rounded() / 10)e\(exponent)"
    }

    private static func floorLog10(_ value: Double) -> Double {
        var exponent = 0.0
        var rest = value
        while rest >= 10 { (rest, exponent) = (rest / 10, exponent + 1) }
        while rest < 1 { (rest, exponent) = (rest * 10, exponent - 1) }
        return exponent
    }
}
