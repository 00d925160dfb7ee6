import CNNModels
import CNNOperators
import CNNTensors

/// The lowered form of a model for one set of concrete input shapes: steps in order, and where their values lie.
struct Plan: Sendable {
    let steps: [any Step]
    /// By step: values that nobody reads any more after it.
    let releases: [[Int]]
    /// By value number: constants.
    let constants: [Tensor?]
    let inputs: [(name: String, value: Int)]
    let outputs: [(name: String, value: Int)]

    init(_ graph: LayerGraph) {
        let facts = Dictionary(graph.values.map { ($0.name, $0.fact) }) { first, _ in first }
        steps = graph.layers.map { layer in
            ReferenceStep(node: layer.node, facts: facts, inputs: layer.inputs, outputs: layer.outputs)
        }
        constants = graph.values.map(\.constant)
        inputs = graph.inputs
        outputs = graph.outputs
        let kept = Set(graph.outputs.map(\.value))
        var lastUses: [Int: Int] = [:]
        for (index, layer) in graph.layers.enumerated() {
            for value in (layer.inputs + layer.outputs).compactMap({ $0 }) where !kept.contains(value) {
                lastUses[value] = index
            }
        }
        var releases = [[Int]](repeating: [], count: steps.count)
        for (value, step) in lastUses { releases[step].append(value) }
        self.releases = releases
    }

    /// Computes the outputs.
    /// - Parameter tensors: a tensor for every input of the plan.
    func run(_ tensors: [String: Tensor]) throws -> [String: Tensor] {
        let execution = Execution(plan: self)
        for input in inputs { execution.tensors[input.value] = tensors[input.name] }
        for (index, step) in steps.enumerated() {
            try step.run(execution)
            for value in releases[index] { execution.tensors[value] = nil }
        }
        var results: [String: Tensor] = [:]
        for output in outputs { results[output.name] = execution.tensors[output.value] }
        return results
    }
}

/// The state of one run.
final class Execution {
    /// By value number: values that are tensors of their own.
    var tensors: [Tensor?]

    init(plan: Plan) {
        tensors = plan.constants
    }
}

/// A piece of a plan's work.
protocol Step: Sendable {
    /// Reads its inputs and writes its outputs.
    func run(_ execution: Execution) throws
}

/// A node computed by its operator's own formula: what every node without a kernel becomes.
struct ReferenceStep: Step {
    let node: BoundNode
    let facts: [String: ValueFact]
    let inputs: [Int?]
    let outputs: [Int?]

    func run(_ execution: Execution) throws {
        let results = try node.evaluateChecked(inputs.map { $0.flatMap { execution.tensors[$0] } }, facts: facts)
        for (value, result) in zip(outputs, results) {
            if let value { execution.tensors[value] = result }
        }
    }
}
