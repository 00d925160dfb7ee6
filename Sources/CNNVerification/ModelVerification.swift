import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors

/// Runs a model and holds what it computes against reference arrays: its outputs, and where the reference has them, the values
/// between nodes.
public struct ModelVerification: Sendable {
    /// Computes a model's outputs, or all its values, by name, from its inputs, by name.
    public typealias Evaluation = @Sendable (_ inputs: [String: Tensor], _ keepingAll: Bool) throws -> [String: Tensor]

    public let model: Model
    /// How our own nodes compute in a check of layers, and how many threads work.
    public let options: SessionOptions
    public let tolerance: Tolerance
    /// Whether each node is checked from the reference's own inputs to it, which needs `Tolerance.automatic` and a reference with
    /// values between nodes.
    public let checksLayers: Bool
    /// Whether outputs without a reference and references without an output are allowed.
    public let allowsPartial: Bool
    private let evaluation: Evaluation

    /// - Parameter evaluation: what is verified.
    public init(
        _ model: Model, options: SessionOptions, tolerance: Tolerance = .automatic, checksLayers: Bool = true,
        allowsPartial: Bool = false, evaluation: @escaping Evaluation
    ) {
        self.model = model
        self.options = options
        self.tolerance = tolerance
        self.checksLayers = checksLayers
        self.allowsPartial = allowsPartial
        self.evaluation = evaluation
    }

    /// The values between nodes that a reference has.
    public static func layerNames(of graph: Graph, in references: ReferenceArrays) -> [String] {
        let given = Set(references.names.compactMap { $0 })
        let outputs = Set(graph.outputs.map(\.name))
        return graph.nodes.flatMap(\.outputs).filter { given.contains($0) && !outputs.contains($0) }
    }

    /// Which reference belongs to which of the graph's outputs.
    public static func matching(of graph: Graph, to references: ReferenceArrays) -> ReferenceMatching {
        let others = graph.inputs.map(\.name) + graph.initializers.map(\.name) + graph.nodes.flatMap(\.outputs)
        return ReferenceMatching(
            outputs: graph.outputs.map(\.name), references: references.names, ignoring: Set(others))
    }

    /// - Parameter progress: called after every node of a check of layers with the number of nodes done and of all.
    /// - Throws: `ModelError`, `InputError`, `EvaluationError`, `SessionError`, and what reading the references throws.
    public func report(
        _ inputs: [String: Tensor], references: ReferenceArrays, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> VerificationReport {
        let graph = model.graph
        let layerNames = Self.layerNames(of: graph, in: references)
        let isLayerCheck = checksLayers && tolerance == .automatic && !layerNames.isEmpty
        let matching = Self.matching(of: graph, to: references)
        // Without a check of their own, values between nodes are compared as outputs are.
        let layerPairs = (isLayerCheck ? [] : layerNames).compactMap { name in
            references.names.firstIndex(of: name).map { ReferenceMatching.Pair(output: name, reference: $0) }
        }
        let pairs = layerPairs + matching.pairs
        let computed = try evaluation(inputs, !layerPairs.isEmpty)
        let expectations = try expectations(inputs, pairs.map(\.output))
        let outputs = try pairs.compactMap { pair -> VerificationReport.Output? in
            guard let actual = computed[pair.output] else { return nil }
            let reference = try references.tensor(at: pair.reference)
            return try output(pair.output, actual, reference, expectations[pair.output], inputs)
        }
        let isWrong = outputs.contains { $0.comparison.verdict == .mismatch && $0.rounding?.reference.differs == true }
        let layers = isLayerCheck ? try checkLayers(inputs, references, matching, computed, isWrong, progress) : nil
        return VerificationReport(
            outputs: layers?.isOneNodeWrong == true ? outputs.map(\.withoutArithmetic) : outputs,
            outputsWithoutReference: matching.outputsWithoutReference,
            unusedReferences: matching.unusedReferences.map { references.names[$0] ?? "unnamed" },
            allowsPartial: allowsPartial, layers: layers)
    }

    private func expectations(_ inputs: [String: Tensor], _ names: [String]) throws -> [String: RoundingExpectation] {
        guard tolerance == .automatic, !names.isEmpty else { return [:] }
        return try RoundingAnalysis(model, threads: options.threads).expectations(for: inputs, of: Set(names))
    }

    private func output(
        _ name: String, _ actual: Tensor, _ reference: Tensor, _ expectation: RoundingExpectation?,
        _ inputs: [String: Tensor]
    ) throws -> VerificationReport.Output {
        // Another type or shape is found, and named, by the plain comparison.
        let isComparable = actual.dataType == reference.dataType && actual.shape == reference.shape
        if let expectation, isComparable, actual.dataType.isFloatingPoint, actual.shape == expectation.shape {
            let (comparison, rounding) = try expectation.compare(actual, with: reference) {
                try RoundingAnalysis(model, threads: options.threads).precisionFinding(
                    for: reference, of: name, expectation: expectation, inputs: inputs)
            }
            return VerificationReport.Output(name: name, comparison: comparison, rounding: rounding)
        }
        let rule: ComparisonTolerance =
            switch tolerance {
            case .fixed(let rule): rule
            case .automatic: .standard
            }
        return VerificationReport.Output(
            name: name, comparison: try TensorComparison(actual: actual, reference: reference, tolerance: rule))
    }

    private func checkLayers(
        _ inputs: [String: Tensor], _ references: ReferenceArrays, _ matching: ReferenceMatching,
        _ computed: [String: Tensor], _ isReferenceWrong: Bool, _ progress: (Int, Int) -> Void
    ) throws -> LayerReport {
        var places: [String: Int] = [:]
        for (place, name) in references.names.enumerated() {
            if let name, places[name] == nil { places[name] = place }
        }
        for pair in matching.pairs { places[pair.output] = pair.reference }
        let reference = { (name: String) throws -> Tensor? in
            guard let place = places[name] else { return nil }
            let tensor = try references.tensor(at: place)
            // An output of another shape or type is reported as such, and is no layer to check.
            if let output = computed[name], output.shape != tensor.shape || output.dataType != tensor.dataType {
                return nil
            }
            return tensor
        }
        let check = try LayerCheck(model, options: options)
        return isReferenceWrong
            ? try check.locate(inputs, reference: reference, progress: progress)
            : try check.run(inputs, reference: reference, progress: progress)
    }
}

extension LayerReport {
    /// Whether the reference computes like the model but for one node, or nodes that multiply nothing: the arithmetic of a
    /// program is the same at every node.
    fileprivate var isOneNodeWrong: Bool {
        let products: Set<String> = ["Conv", "ConvTranspose", "Gemm", "MatMul"]
        return !agrees && failures.count { products.contains($0.operatorType) } < 2
    }
}

extension VerificationReport.Output {
    /// The output without a lower precision for which only the size of the errors speaks.
    fileprivate var withoutArithmetic: VerificationReport.Output {
        guard let rounding, rounding.precision?.isOfSize == true else { return self }
        return VerificationReport.Output(
            name: name, comparison: comparison,
            rounding: OutputRounding(
                difference: rounding.difference, reference: rounding.reference, ours: rounding.ours,
                histogram: rounding.histogram, classFlips: rounding.classFlips))
    }
}
