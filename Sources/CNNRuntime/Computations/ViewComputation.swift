import CNNTensors

/// The same elements in the same order under another shape: Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout. Nothing
/// moves: the output lies where the input lies.
struct ViewComputation: Computation {
    var algorithm: String { "view" }

    func layouts(_ inputs: [Layout]) -> LayoutChoice { .planar(inputs: inputs.count) }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? { self }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        ViewStep(input: try layer.input(0), output: try layer.output())
    }
}

private struct ViewStep: Step {
    let input: Operand
    let output: Operand

    func run(_ execution: Execution) throws {
        // A view of arena memory is settled when the plan is made.
        if case .tensor(let value) = input.place.base, let tensor = execution.tensor(value) {
            try execution.set(try tensor.reshaped(output.shape), for: output.value)
        }
    }
}
