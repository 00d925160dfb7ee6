import CNNModels
import CNNTensors

/// The input broadcast with the shape that the second input holds, by NumPy's rule: an axis of size 1 in either takes the
/// other's size, missing axes in front count as 1.
/// ONNX operator Expand, versions 8 and 13 (bfloat16).
package struct Expand: ExactOperator {
    package static let definition = OperatorDefinition("Expand", versions: [8, 13]) { version in
        Signature(
            inputs: ["input": "T", "shape": "I"], outputs: ["output": "T"],
            types: ["T": .movable(version: version), "I": TypeSet(.int64)])
    } make: { _ in
        Expand()
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let input = inputs[0], let requested = inputs[1] else { return [ValueFact(shape: .unknown)] }
        guard let sizes = requested.knownElements else {
            // The length of the second input still tells the rank.
            guard let rank = input.shape.rank, let count = requested.shape.dimensions?.first??.value,
                0...ValueFact.elementLimit ~= count
            else { return [ValueFact(shape: .unknown)] }
            // Axes that the other shape does not reach stay; where the input has more than one element, it can only agree.
            let kept =
                input.shape.dimensions?.enumerated().map { axis, size in
                    axis < rank - count || (size?.value ?? 1) > 1 ? size : nil
                } ?? []
            let added = [Dimension?](repeating: nil, count: max(rank, count) - rank)
            return [ValueFact(shape: SymbolicShape(added + kept))]
        }
        if let negative = sizes.first(where: { $0.value ?? 0 < 0 }) {
            throw OperatorError("has \(negative) as a size", subject: "shape")
        }
        var fact = ValueFact(shape: try Broadcasting.shape(of: [input.shape, SymbolicShape(sizes)]))
        if fact.shape.rank ?? 2 <= 1, let elements = input.knownElements,
            let count = try fact.shape.elementCount()?.value, count <= ValueFact.elementLimit
        {
            fact.elements = elements.count == 1 ? Array(repeating: elements[0], count: count) : elements
        }
        return [fact]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0], let sizes = try inputs[1]?.integers() else {
            throw OperatorError("input and shape are required")
        }
        let requested = try Shape(sizes.map { Int($0) })
        let shape = try Broadcasting([input.shape, requested], resultType: input.dataType).shape
        let (missing, strides) = (shape.rank - input.shape.rank, input.shape.strides)
        let offsets = (0..<shape.rank).map { axis in
            let isRepeated = axis < missing || input.shape[axis - missing] != shape[axis]
            return AxisOffsets.strided(count: shape[axis], step: isRepeated ? 0 : strides[axis - missing])
        }
        return [try input.gathering(offsets, shape: shape)]
    }
}
