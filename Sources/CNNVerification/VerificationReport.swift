import CNNTensors

/// What comparing a model's outputs with references came to. It cannot pass by omission: an output without a reference, a
/// reference that belongs to no output, a shape or type that differs, elements of whose rounding nothing is known, or nothing
/// compared at all make it incomplete.
public struct VerificationReport: Sendable, Hashable {
    /// One output with its reference.
    public struct Output: Sendable, Hashable {
        public let name: String
        public let comparison: TensorComparison
        /// How the difference stands to the rounding that the model's arithmetic explains; nil where that was not asked.
        public let rounding: OutputRounding?

        /// An output of that name, compared.
        public init(name: String, comparison: TensorComparison, rounding: OutputRounding? = nil) {
            self.name = name
            self.comparison = comparison
            self.rounding = rounding
        }

        /// Why it is not known whether the output agrees though no element is a mismatch; nil if it is known.
        public var undecidedReason: String? {
            comparison.verdict == .match ? rounding?.difference.undecidedReason : nil
        }

        /// Whether the output agrees with its reference.
        public var agrees: Bool { comparison.verdict == .match && undecidedReason == nil }
    }

    /// The outcome. A mismatch outweighs what is missing: it is certain.
    public enum Verdict: String, Sendable, Hashable {
        case passed
        case mismatch
        case incomplete
    }

    /// The outputs that were compared or could not be, in the model's order.
    public let outputs: [Output]
    /// The model's outputs that had no reference.
    public let outputsWithoutReference: [String]
    /// The reference arrays that belong to no output, as the user knows them.
    public let unusedReferences: [String]
    /// Whether outputs without a reference and references without an output are allowed. Shapes or types that differ, and
    /// nothing compared at all, never are.
    public let allowsPartial: Bool
    /// The check of every node from the reference's own inputs to it; nil if there was none.
    public let layers: LayerReport?

    /// What was compared, and what could not be; the verdict follows from it.
    public init(
        outputs: [Output], outputsWithoutReference: [String] = [], unusedReferences: [String] = [], allowsPartial: Bool = false,
        layers: LayerReport? = nil
    ) {
        self.layers = layers
        self.outputs = outputs
        self.outputsWithoutReference = outputsWithoutReference
        self.unusedReferences = unusedReferences
        self.allowsPartial = allowsPartial
    }

    public var verdict: Verdict {
        if outputs.contains(where: { $0.comparison.verdict == .mismatch }) || layers?.agrees == false { return .mismatch }
        return omissions.isEmpty ? .passed : .incomplete
    }

    /// Whether an output differs from its reference, in its numbers or in its shape.
    public var hasDifference: Bool { outputs.contains { $0.comparison.verdict != .match } }

    /// How many outputs agree with their reference.
    public var matchCount: Int { outputs.count(where: \.agrees) }

    /// Why the report is incomplete, a sentence each; empty if it is complete.
    public var omissions: [String] {
        var omissions: [String] = []
        for output in outputs {
            if case .incomparable(let reason) = output.comparison.verdict {
                omissions.append(SavedReport.omission(output.name, reason.description))
            }
            if let reason = output.undecidedReason { omissions.append(SavedReport.omission(output.name, reason)) }
        }
        omissions += layers?.omissions ?? []
        if !allowsPartial {
            omissions += outputsWithoutReference.map { "output '\($0)' has no reference" }
            omissions += unusedReferences.map { "the reference '\($0)' belongs to no output" }
        }
        if Self.comparedNothing(outputs.map { $0.comparison.metrics?.elementCount }) { omissions.append(Self.nothingCompared) }
        return omissions
    }

    static let nothingCompared = "nothing was compared"

    /// Whether there is no output, or no element in any.
    /// - Parameter elementCounts: of each output; nil for one that could not be compared, which is said elsewhere.
    static func comparedNothing(_ elementCounts: [Int?]) -> Bool { elementCounts.allSatisfy { $0 == 0 } }
}

extension VerificationReport {
    /// Compares a model's outputs with references by the rules of `ReferenceMatching`.
    /// - Parameters:
    ///   - outputs: the computed outputs, in the model's order.
    ///   - references: reference arrays, by name where they have one.
    ///   - knownNames: names of the model's other values, which a reference file may hold as well.
    public init(
        outputs: [(name: String, tensor: Tensor)], references: [(name: String?, tensor: Tensor)],
        knownNames: Set<String> = [], tolerance: ComparisonTolerance = .standard, allowsPartial: Bool = false
    ) throws {
        let matching = ReferenceMatching(
            outputs: outputs.map(\.name), references: references.map(\.name), ignoring: knownNames)
        let computed = Dictionary(outputs.map { ($0.name, $0.tensor) }) { first, _ in first }
        let compared = try matching.pairs.compactMap { pair in
            try computed[pair.output].map { tensor in
                Output(
                    name: pair.output,
                    comparison: try TensorComparison(
                        actual: tensor, reference: references[pair.reference].tensor, tolerance: tolerance))
            }
        }
        self.init(
            outputs: compared, outputsWithoutReference: matching.outputsWithoutReference,
            unusedReferences: matching.unusedReferences.map { references[$0].name ?? "unnamed" },
            allowsPartial: allowsPartial)
    }
}

extension TensorComparison.Verdict.Reason: CustomStringConvertible {
    /// Both sides, and the first axis at which shapes differ.
    public var description: String {
        switch self {
        case .dataTypes(let actual, let reference): return "its type is \(actual), the reference's \(reference)"
        case .shapes(let actual, let reference):
            let sides = "its shape is \(actual), the reference's \(reference)"
            guard actual.rank == reference.rank else {
                return "\(sides): \(actual.rank) axes against \(reference.rank)"
            }
            let axis = zip(actual.dimensions, reference.dimensions).enumerated().first { $1.0 != $1.1 }?.offset
            return axis.map { "\(sides): axis \($0) differs" } ?? sides
        }
    }
}
