import CNNModels
import CNNTensors

/// Slices of the data along `axis`, picked by index:
///
///     Y[i…, j…, k…] = data[i…, indices[j…], k…]
///
/// where `i…` are the axes before `axis`, `k…` those behind it. A negative index counts from the back.
/// ONNX operator Gather, versions 1, 11 (negative indices) and 13 (bfloat16).
package struct Gather: ExactOperator {
    private let axis: Int

    package static let definition = OperatorDefinition("Gather", versions: [1, 11, 13]) { version in
        Signature(
            inputs: ["data": "T", "indices": "Tind"], outputs: ["output": "T"],
            types: ["T": .movable(version: version), "Tind": TypeSet(.int32, .int64)])
    } make: { attributes in
        Gather(axis: try attributes.int("axis", default: 0))
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let data = inputs[0], let dimensions = data.shape.dimensions else { return [ValueFact(shape: .unknown)] }
        let axis = try AxisIndex.resolve(axis, rank: dimensions.count)
        let indices = inputs[1]
        if let size = dimensions[axis]?.value { _ = try indices?.constantIntegers.map { try resolve($0, size: size) } }
        guard let indexDimensions = indices?.shape.dimensions else { return [ValueFact(shape: .unknown)] }
        let shape = SymbolicShape(Array(dimensions[..<axis]) + indexDimensions + Array(dimensions[(axis + 1)...]))
        var elements: [Dimension]?
        if dimensions.count == 1, indexDimensions.count <= 1, let sizes = data.knownElements,
            let positions = try indices?.constantIntegers.map({ try resolve($0, size: sizes.count) }),
            positions.count <= ValueFact.elementLimit
        {
            elements = positions.map { sizes[$0] }
        }
        return [ValueFact(shape: shape, elements: elements)]
    }

    /// The indices counted from the front.
    private func resolve(_ indices: [Int], size: Int) throws -> [Int] {
        try indices.map { index in
            guard index >= -size, index < size else {
                throw OperatorError("\(index) is out of range for axis \(axis) of size \(size)", subject: "indices")
            }
            return index < 0 ? index + size : index
        }
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0], let indices = inputs[1] else { throw OperatorError("data and indices are required") }
        let axis = try AxisIndex.resolve(axis, rank: data.shape.rank)
        let (sizes, stride) = (data.shape.dimensions, data.shape.strides[axis])
        let outer = sizes[..<axis].reduce(1, *)
        let inner = sizes[(axis + 1)...].reduce(1, *)
        let positions = try resolve(indices.integers().map { Int($0) }, size: sizes[axis])
        let shape = try EvaluationLimit.shape(
            Array(sizes[..<axis]) + indices.shape.dimensions + Array(sizes[(axis + 1)...]), of: data.dataType)
        let axes: [AxisOffsets] = [
            .strided(count: outer, step: sizes[axis] * inner), .table(positions.map { $0 * stride }),
            .strided(count: inner, step: 1),
        ]
        return [try data.gathering(axes, shape: shape)]
    }
}
