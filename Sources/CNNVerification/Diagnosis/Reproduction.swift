import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors
import ONNXFormat

/// A part of a model with what a reference's program put in and got out: small enough to attach to a report, and failing as the
/// whole does.
public struct Reproduction: Sendable {
    public let model: Model
    /// For the part's inputs, by name: the reference's own values, as far as it has them.
    public let inputs: [String: Tensor]
    /// For the part's outputs, by name.
    public let references: [String: Tensor]
    /// What our runtime computes at every node of the part from these inputs.
    package let values: [String: Tensor]

    /// Nodes cut out of a model.
    /// - Parameters:
    ///   - nodes: positions in the graph, of which calls of functions are inlined.
    ///   - references: values of the reference, by name; at least one that the nodes compute.
    ///   - values: values for inputs that the reference does not have.
    /// - Returns: nil if the reference has none of the values that the nodes compute.
    /// - Throws: `ModelError`, `SubgraphError`, and what a run throws.
    public init?(
        of model: Model, nodes: [Int], references: [String: Tensor], values: [String: Tensor], options: SessionOptions
    ) throws {
        let inlined = try BoundModel(model).model
        let chosen = nodes.filter(inlined.graph.nodes.indices.contains)
        let made = chosen.flatMap { inlined.graph.nodes[$0].outputs }
        let known = values.merging(references) { _, reference in reference }
        let types = known.mapValues(ValueType.init(of:))
        // The values that flow on, or if the reference has none of them, all that it has.
        var part = try inlined.subgraph(nodes: chosen, types: types)
        var outputs = part.graph.outputs.map(\.name).filter { references[$0] != nil }
        if outputs.isEmpty { outputs = made.filter { references[$0] != nil } }
        guard !outputs.isEmpty else { return nil }
        part = try inlined.subgraph(nodes: chosen, outputs: outputs, types: types)
        let inputs = part.graph.requiredInputs.reduce(into: [String: Tensor]()) { $0[$1.name] = known[$1.name] }
        self.model = part
        self.inputs = inputs
        self.references = references.filter { outputs.contains($0.key) }
        self.values = try Session(part, options: options).run(inputs, keepingAll: true)
    }

    /// Writes the part as an ONNX test case: `model.onnx`, `test_data_set_0/input_*.pb` and `output_*.pb`, and the tolerance
    /// in `data.json`: half of the difference that was found, so that the case fails until that is mended.
    /// - Throws: `FileError`, `ModelFileError`.
    public func write(to folder: String) throws {
        var largest = 0.0
        for (name, reference) in references {
            guard let own = values[name] else { continue }
            let comparison = try TensorComparison(
                actual: own, reference: reference, tolerance: ComparisonTolerance(relative: 0, absolute: .fixed(0)))
            largest = max(largest, comparison.metrics?.maxAbsolute?.difference ?? 0)
        }
        try TestCaseFiles.write(
            model, inputs: inputs, outputs: references, to: folder,
            tolerance: ComparisonTolerance(relative: 0, absolute: .fixed(largest / 2)))
    }
}
