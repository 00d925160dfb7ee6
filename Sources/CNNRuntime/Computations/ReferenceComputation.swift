import CNNModels
import CNNOperators
import CNNTensors

/// A node computed by its operator's own formula: what every node without a kernel becomes, and the one way for element types other
/// than float32.
struct ReferenceComputation: Computation {
    let node: BoundNode
    let facts: [String: ValueFact]

    var algorithm: String { "reference" }

    func layouts(_ inputs: [Layout]) -> LayoutChoice { .planar(inputs: inputs.count) }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) -> any Step {
        ReferenceStep(
            computation: self,
            inputs: zip(layer.layer.inputs, layer.inputs).map { value, operand in
                operand.map(ReferenceStep.Source.operand) ?? value.map(ReferenceStep.Source.tensor) ?? .none
            }, outputs: layer.layer.outputs)
    }
}

private struct ReferenceStep: Step {
    let computation: ReferenceComputation
    let inputs: [Source]
    let outputs: [Int?]

    enum Source {
        case none
        case operand(Operand)
        /// A value of a size that only the run knows.
        case tensor(Int)
    }

    func run(_ execution: Execution) throws {
        let tensors = try inputs.map { source -> Tensor? in
            switch source {
            case .none: nil
            case .operand(let operand): try execution.tensor(operand)
            case .tensor(let value): execution.tensor(value)
            }
        }
        let results = try computation.node.evaluateChecked(tensors, facts: computation.facts)
        for (value, result) in zip(outputs, results) {
            if let value { try execution.set(result, for: value) }
        }
    }
}
