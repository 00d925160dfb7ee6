import CNNModels
import CNNTensors

/// The input itself.
/// ONNX operator Identity: versions 1 to 25 differ in the types (from 14 on also sequences, which this package does not
/// take).
package struct Identity: ExactOperator {
    package static let definition = OperatorDefinition(
        "Identity", versions: [1, 13, 14, 16, 19, 21, 23, 24, 25]
    ) { version in
        let variable = version < 14 ? "T" : "V"
        return Signature(
            inputs: ["input": variable], outputs: ["output": variable], types: [variable: .movable(version: version)])
    } make: { _ in
        Identity()
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let input = inputs[0] else { return [ValueFact(shape: .unknown)] }
        return [ValueFact(shape: input.shape, constant: input.constant, elements: input.elements)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("is required", subject: "input") }
        return [input]
    }
}
