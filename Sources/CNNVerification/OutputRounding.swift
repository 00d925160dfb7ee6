import CNNTensors

/// How an output's difference stands to the rounding errors that the model's arithmetic explains, in standard deviations σ of
/// the expected error.
public struct OutputRounding: Sendable, Hashable {
    /// Ours against the reference, in √2 σ: the deviation of the difference of two independent evaluations.
    public let difference: RoundingJudgement
    /// The reference against the Double evaluation.
    public let reference: RoundingJudgement
    /// Ours against the Double evaluation.
    public let ours: RoundingJudgement
    /// How the elements' differences are spread; nil for values that are not rounded.
    public let histogram: DeviationHistogram?
    /// Where class scores disagree on the best classes, and whether rounding explains it; nil for what is no class score.
    public let classFlips: ClassFlips?

    /// The lower precision that the reference fits, where it is outside of float32's rounding; nil if none was found.
    public let precision: PrecisionFinding?

    package init(
        difference: RoundingJudgement, reference: RoundingJudgement, ours: RoundingJudgement,
        histogram: DeviationHistogram? = nil, classFlips: ClassFlips? = nil,
        precision: PrecisionFinding? = nil
    ) {
        self.precision = precision
        self.classFlips = classFlips
        self.difference = difference
        self.reference = reference
        self.ours = ours
        self.histogram = histogram
    }

    /// Which side is no rounded evaluation of the model.
    public enum Culprit: String, Sendable, Hashable {
        case neither
        case reference
        case ours
        case both
    }

    /// Who is wrong: the Double evaluation decides.
    public var culprit: Culprit {
        switch (reference.differs, ours.differs) {
        case (false, false): .neither
        case (true, false): .reference
        case (false, true): .ours
        case (true, true): .both
        }
    }

    /// The same in words.
    public var culpritText: String {
        switch culprit {
        case .neither:
            (reference.undecidedReason ?? ours.undecidedReason).map { "neither side is known to be wrong: \($0)" }
                ?? "both are within rounding of the Double evaluation"
        case .reference:
            "the reference is wrong, ours is right: the Double evaluation of this model decides"
                + (precision.map { "; \($0.text)" } ?? "")
        case .ours: "ours is wrong, the reference is right: the Double evaluation of this model decides"
        case .both:
            "neither side is within rounding of the Double evaluation of this model"
                + (precision.map { "; \($0.text)" } ?? "")
        }
    }
}

extension RoundingExpectation {
    /// Compares an output with its reference under the limits that this expectation sets.
    /// - Throws: `TensorError` if the arrays have other shapes than expected.
    /// - Parameter precision: which lower precision the reference fits; asked where the reference is outside of rounding.
    func compare(
        _ actual: Tensor, with reference: Tensor, precision: () throws -> PrecisionFinding? = { nil }
    ) throws -> (TensorComparison, OutputRounding) {
        let allowed = RoundingThreshold.deviations(elementCount: shape.elementCount) * 2.0.squareRoot()
        // An infinite or undefined deviation says that nothing is known of the element. It is no mismatch then; whether it
        // agrees is for the judgement of the difference to say, which counts it.
        let limits = deviations?.map { $0.isFinite ? $0 * allowed : .infinity }
        let ofReference = try judge(reference)
        let rounding = OutputRounding(
            difference: try judge(actual, against: reference), reference: ofReference, ours: try judge(actual),
            histogram: try deviations.map { deviations in
                try DeviationHistogram(actual: actual, reference: reference, deviations: deviations)
            },
            classFlips: try limits.flatMap { limits in
                // A tie within what is not known is none that rounding explains.
                let known = limits.map { $0.isFinite ? $0 : 0 }
                return try ClassFlips(actual: actual, reference: reference, allowed: known)
            },
            precision: ofReference.differs ? try precision() : nil)
        let comparison =
            try limits.map { try TensorComparison(actual: actual, reference: reference, limits: $0) }
            ?? TensorComparison(
                actual: actual, reference: reference, tolerance: ComparisonTolerance(relative: 0, absolute: .fixed(0)))
        return (comparison, rounding)
    }
}

/// How many elements differ by how many standard deviations (√2 σ), in doublings: the first count is of those below
/// 2^`lowestExponent`, each further one reaches twice as far, the last has all the rest.
public struct DeviationHistogram: Sendable, Hashable {
    public let lowestExponent: Int
    public let counts: [Int]

    package init(lowestExponent: Int, counts: [Int]) {
        self.lowestExponent = lowestExponent
        self.counts = counts
    }

    init(actual: Tensor, reference: Tensor, deviations: [Double]) throws {
        lowestExponent = -8
        var counts = [Int](repeating: 0, count: 34)
        let (own, other) = (try actual.doubles(), try reference.doubles())
        for (index, deviation) in deviations.enumerated() where index < own.count && index < other.count {
            guard own[index].isFinite, other[index].isFinite, deviation.isFinite else { continue }
            let difference = (own[index] - other[index]).magnitude
            let ratio = difference == 0 ? 0 : difference / (deviation * 2.0.squareRoot())
            let bin = ratio == 0 || ratio.isNaN ? 0 : ratio.isFinite ? Int(ratio.exponent) - lowestExponent + 1 : 33
            counts[min(max(bin, 0), 33)] += 1
        }
        self.counts = counts
    }
}
