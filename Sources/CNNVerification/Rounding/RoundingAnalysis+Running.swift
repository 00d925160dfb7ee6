import CNNModels
import CNNOperators
import CNNTensors

extension RoundingAnalysis {
    /// - Parameter arithmetic: what the rounded evaluation computes in, where the model says float32.
    func expectations(
        for inputs: [String: Tensor], of names: Set<String>?, arithmetic: RoundingUnit
    ) throws -> [String: RoundingExpectation] {
        let bound = evaluator.bound
        let graph = bound.model.graph
        try graph.checkInputs(inputs)
        let facts = try bound.infer(
            inputs: inputs.mapValues { ValueFact(dataType: $0.dataType, shape: SymbolicShape($0.shape)) }
        ).facts
        var values = Dictionary(uniqueKeysWithValues: graph.initializers.map { ($0.name, TrackedValue($0.tensor)) })
        values.merge(inputs.mapValues { TrackedValue($0) }) { _, given in given }
        let wanted = names ?? Set(graph.outputs.map(\.name))
        let lastUses = bound.lastUses
        for node in bound.nodes {
            let operands = node.node.inputs.map { $0.isEmpty ? nil : values[$0] }
            let type = node.node.outputs.lazy.compactMap { facts[$0]?.dataType }.first ?? .float32
            let unit = type == .float32 ? arithmetic : RoundingUnit(type) ?? arithmetic
            let results = try node.track(operands, unit: unit)
            for (name, result) in zip(node.node.outputs, results) where !name.isEmpty { values[name] = result }
            for name in Set(node.node.inputs + node.node.outputs)
            where lastUses[name] ?? node.index <= node.index && !wanted.contains(name) { values[name] = nil }
        }
        return values.filter { wanted.contains($0.key) }.reduce(into: [:]) { expectations, value in
            let dataType = facts[value.key]?.dataType ?? value.value.exact.dataType
            expectations[value.key] = RoundingExpectation(
                shape: value.value.exact.shape, dataType: dataType, exact: value.value.exact,
                deviations: value.value.variances?.map { $0.squareRoot() })
        }
    }
}
