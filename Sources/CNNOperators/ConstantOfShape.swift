import CNNModels
import CNNTensors

/// An array of the shape that the input holds, every element of it `value` (float32 zero where the attribute is left out).
/// ONNX operator ConstantOfShape, versions 9, 20, 21, 23, 24 and 25, which differ in the element types.
package struct ConstantOfShape: ExactOperator {
    /// One element.
    private let value: Tensor

    package static let definition = OperatorDefinition(
        "ConstantOfShape", versions: [9, 20, 21, 23, 24, 25]
    ) { version in
        var types: TypeSet = [.ieeeNumbers, .bool]
        if version >= 20 { types.formUnion([TypeSet(.bfloat16), .float8]) }
        types.formUnion(TypeSet.movable(version: version).subtracting([.string, .complex, TypeSet(.bfloat16), .float8]))
        return Signature(inputs: ["input": "T1"], outputs: ["output": "T2"], types: ["T1": TypeSet(.int64), "T2": types])
    } make: { attributes in
        let value = try attributes.tensor("value") ?? Tensor(scalar: Float(0))
        guard value.shape.elementCount == 1 else {
            throw OperatorError("must have one element, but has shape \(value.shape)", subject: "value")
        }
        return ConstantOfShape(value: value)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        var fact = ValueFact(dataType: value.dataType, shape: .unknown)
        if let sizes = inputs[0]?.knownElements {
            for size in sizes {
                if let number = size.value, number < 0 { throw OperatorError("has \(number) as a size", subject: "input") }
            }
            fact.shape = SymbolicShape(sizes)
            let count = try fact.shape.elementCount()?.value
            if sizes.count <= 1, let count, count <= ValueFact.elementLimit,
                let element = ValueFact(constant: try value.reshaped(.vector(1))).knownElements?.first
            {
                fact.elements = Array(repeating: element, count: count)
            }
        } else if let rank = inputs[0]?.shape.dimensions?.first??.value, 0...ValueFact.elementLimit ~= rank {
            fact.shape = SymbolicShape(Array(repeating: nil, count: rank))
        }
        return [fact]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let sizes = try inputs[0]?.integers() else { throw OperatorError("is required", subject: "input") }
        let shape = try EvaluationLimit.shape(sizes.map { Int($0) }, of: value.dataType)
        return [try value.gathering([.strided(count: shape.elementCount, step: 0)], shape: shape)]
    }
}
