import CNNOperators
import CNNTensors

/// An output of a model, ours and a reference's, held against the Double evaluation.
public struct OutputJudgement: Sendable, Hashable {
    /// Who is not an evaluation of the model with nothing but rounding errors.
    public enum Suspect: String, Sendable, Hashable {
        case nobody
        case ours
        case reference
        /// Neither is; they may well agree with each other.
        case both
    }

    public let name: String
    /// The reference against the Double evaluation.
    public let reference: RoundingJudgement
    /// Our array against the same.
    public let ours: RoundingJudgement
    /// Ours against the reference, allowed √2 times as much as one of them.
    public let difference: RoundingJudgement
    /// The distances from the Double evaluation; nil for arrays that are no numbers.
    public let referenceDistance: LayerError?
    public let ourDistance: LayerError?
    /// Where class scores are ranked differently; nil for arrays that are no class scores.
    public let classFlips: [ClassFlip]?
    /// What lower precision the reference fits, if it is outside.
    public let precision: PrecisionFinding?

    public var suspect: Suspect {
        switch (ours.agrees, reference.agrees) {
        case (true, true): .nobody
        case (false, true): .ours
        case (true, false): .reference
        case (false, false): .both
        }
    }

    /// Whether the difference between the two is rounding: both are within rounding of the Double evaluation.
    public var agrees: Bool { suspect == .nobody }
}

extension RoundingAnalysis {
    /// Judges our outputs and a reference's, for the values that both have.
    /// - Parameters:
    ///   - inputs: what both were computed from.
    ///   - outputs: ours by name; values between nodes may be among them.
    ///   - references: the reference's by name.
    /// - Returns: in the order of `names`.
    /// - Throws: `InputError`, `ModelError`, `EvaluationError`; `TensorError` for arrays of another shape than the model's.
    public func judge(
        names: [String], inputs: [String: Tensor], outputs: [String: Tensor], references: [String: Tensor]
    ) throws -> [OutputJudgement] {
        let common = names.filter { outputs[$0] != nil && references[$0] != nil }
        let expectations = try expectations(for: inputs, of: Set(common))
        return try common.compactMap { name in
            guard let expectation = expectations[name], let ours = outputs[name], let reference = references[name] else {
                return nil
            }
            let judgement = try expectation.judge(reference)
            return OutputJudgement(
                name: name, reference: judgement, ours: try expectation.judge(ours),
                difference: try expectation.judge(ours, against: reference),
                referenceDistance: try LayerError(reference, expectation.exact),
                ourDistance: try LayerError(ours, expectation.exact),
                classFlips: try expectation.classFlips(ours, reference),
                precision: judgement.agrees
                    ? nil : try precisionFinding(for: reference, of: name, expectation: expectation, inputs: inputs))
        }
    }
}
