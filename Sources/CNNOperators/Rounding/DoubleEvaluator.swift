import CNNModels
import CNNTensors

/// Runs a model in real numbers, as far as Double has them: what is float32 in the model (or of 16 bits) is float64 from node to
/// node and never rounded. Every other evaluation of the model is this one with rounding errors. Nodes run one after the other, and
/// a value goes when the last node that reads it is done.
package struct DoubleEvaluator: Sendable {
    package let bound: BoundModel

    /// - Throws: `ModelError` with everything that is wrong with the model.
    package init(_ model: Model) throws(ModelError) {
        bound = try BoundModel(model)
    }

    package init(_ bound: BoundModel) {
        self.bound = bound
    }

    /// Evaluates the graph and shows every node's inputs and outputs to `observe`, in execution order.
    /// - Returns: the graph's outputs by name, of float64 where the model has a float type.
    /// - Throws: `InputError`, `EvaluationError`, what `observe` throws.
    package func run(
        _ inputs: [String: Tensor],
        observe: (BoundNode, _ inputs: [Tensor?], _ outputs: [Tensor]) throws -> Void = { _, _, _ in }
    ) throws -> [String: Tensor] {
        let graph = bound.model.graph
        try graph.checkInputs(inputs)
        var values = Dictionary(uniqueKeysWithValues: graph.initializers.map { ($0.name, $0.tensor) })
        values.merge(inputs) { _, given in given }
        let outputs = Set(graph.outputs.map(\.name))
        let lastUses = bound.lastUses
        for node in bound.nodes {
            let operands = node.node.inputs.map { $0.isEmpty ? nil : values[$0] }
            let results = try node.evaluateInDouble(operands)
            try observe(node, operands, results)
            for (name, result) in zip(node.node.outputs, results) where !name.isEmpty { values[name] = result }
            for name in Set(node.node.inputs + node.node.outputs)
            where lastUses[name] ?? node.index <= node.index && !outputs.contains(name) { values[name] = nil }
        }
        return values.filter { outputs.contains($0.key) }
    }
}

extension BoundNode {
    /// - Throws: `EvaluationError` with the node's place.
    package func evaluateInDouble(_ inputs: [Tensor?]) throws -> [Tensor] {
        do {
            return try operation.evaluateInDouble(inputs)
        } catch {
            throw EvaluationError(place: place, message: "\(error)")
        }
    }
}
