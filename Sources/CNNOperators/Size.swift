import CNNModels
import CNNTensors

/// The number of the input's elements, as a scalar of int64.
/// ONNX operator Size, versions 1, 13, 19, 21, 23, 24 and 25, which differ in the element types.
package struct Size: ExactOperator {
    package static let definition = OperatorDefinition("Size", versions: [1, 13, 19, 21, 23, 24, 25]) { version in
        Signature(
            inputs: ["data": "T"], outputs: ["size": "T1"],
            types: ["T": .movable(version: version), "T1": TypeSet(.int64)])
    } make: { _ in
        Size()
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let count = try inputs[0]?.shape.elementCount()
        return [ValueFact(dataType: .int64, shape: .scalar, elements: count.map { [$0] })]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0] else { throw OperatorError("is required", subject: "data") }
        return [try Tensor(scalar: Int64(data.shape.elementCount))]
    }
}
