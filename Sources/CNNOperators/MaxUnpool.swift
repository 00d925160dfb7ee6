import CNNModels
import CNNTensors

/// The partial inverse of MaxPool: zeros, with every element of X where its index says.
/// X and I are `[N, C, D1 … Dn]`; the output has `stride·(D − 1) + k − pads` elements along an axis of size D. The indices
/// count the elements of a tensor of that shape. If the input `output_shape` names another shape, the result lies at its
/// beginning and the rest is 0.
/// ONNX operator MaxUnpool, versions 9, 11 and 22 (which adds bfloat16).
package struct MaxUnpool: ExactOperator {
    private let geometry: WindowGeometry

    package static let definition = OperatorDefinition("MaxUnpool", versions: [9, 11, 22]) { version in
        Signature(
            inputs: ["X": "T1", "I": "T2", "output_shape?": "T2"], outputs: ["output": "T1"],
            types: ["T1": version < 22 ? .ieeeFloats : .floats, "T2": TypeSet(.int64)])
    } make: { attributes in
        try MaxUnpool(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        let kernelShape = try attributes.required("kernel_shape", attributes.ints("kernel_shape"))
        let pads = try attributes.ints("pads") ?? Array(repeating: 0, count: 2 * kernelShape.count)
        guard pads.count == 2 * kernelShape.count else {
            throw OperatorError("has \(pads.count) numbers, but \(2 * kernelShape.count) are needed", subject: "pads")
        }
        geometry = try WindowGeometry(
            kernelShape: kernelShape, strides: attributes.ints("strides"), dilations: nil,
            padding: .explicit(begins: Array(pads[..<kernelShape.count]), ends: Array(pads[kernelShape.count...])))
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let pooled = try unpooledShape(try commonShape(inputs.required(0, "X").shape, inputs.required(1, "I").shape))
        guard let requested = inputs.optional(2) else { return [ValueFact(shape: pooled)] }
        guard let sizes = requested.knownElements else {
            return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: geometry.spatialRank + 2)))]
        }
        guard sizes.count == geometry.spatialRank + 2, sizes.allSatisfy({ $0.value ?? 0 >= 0 }) else {
            throw OperatorError("\(sizes) is no shape of \(geometry.spatialRank + 2) axes", subject: "output_shape")
        }
        return [ValueFact(shape: SymbolicShape(sizes))]
    }

    /// What is known of the one shape that X and I have.
    private func commonShape(_ input: SymbolicShape, _ indices: SymbolicShape) throws -> SymbolicShape {
        guard let sizes = input.dimensions else { return indices }
        guard let others = indices.dimensions else { return input }
        guard sizes.count == others.count,
            zip(sizes, others).allSatisfy({ $0?.value == nil || $1?.value == nil || $0 == $1 })
        else { throw OperatorError("has shape \(indices), but X is \(input)", subject: "I") }
        return SymbolicShape(zip(sizes, others).map { $1?.value == nil ? $0 ?? $1 : $1 })
    }

    /// The shape that the indices count in.
    private func unpooledShape(_ input: SymbolicShape) throws -> SymbolicShape {
        guard let sizes = input.dimensions else {
            return SymbolicShape(Array(repeating: nil, count: geometry.spatialRank + 2))
        }
        guard sizes.count == geometry.spatialRank + 2 else {
            throw OperatorError("the input \(input) must have \(geometry.spatialRank + 2) axes")
        }
        var result = Array(sizes[..<2])
        for axis in 0..<geometry.spatialRank {
            guard let size = sizes[axis + 2] else {
                result.append(nil)
                continue
            }
            // No dilation, so the pads are the same for every size.
            let (begin, end) = try geometry.pads(0, axis: axis)
            let unpooled =
                try (size - 1) * Dimension(geometry.strides[axis]) + Dimension(geometry.kernelShape[axis])
                - Dimension(begin) - Dimension(end)
            if let number = unpooled.value, number < 0 {
                throw OperatorError("the padding takes more than there is along axis \(axis + 2): \(number) are left")
            }
            result.append(unpooled)
        }
        return SymbolicShape(result)
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let (input, indices) = (try inputs.required(0, "X"), try inputs.required(1, "I"))
        guard let unpooled = try unpooledShape(SymbolicShape(input.shape)).concrete else {
            throw OperatorError("no output shape follows from the input \(input.shape)")
        }
        var facts: [ValueFact?] = [input, indices].map { ValueFact(shape: SymbolicShape($0.shape)) }
        if let requested = inputs.optional(2) { facts.append(ValueFact(constant: requested)) }
        guard let requested = try infer(facts)[0].shape.concrete else {
            throw OperatorError("the output's shape is not known", subject: "output_shape")
        }
        let shape = try EvaluationLimit.shape(requested.dimensions, of: .int64)
        // Zeros, except where an index points: those take the element that the index belongs to.
        var sources = [Int](repeating: -1, count: shape.elementCount)
        for (source, index) in try indices.integers().enumerated() {
            guard index >= 0, index < unpooled.elementCount else {
                throw OperatorError(
                    "index \(index) lies outside of the \(unpooled.elementCount) elements of \(unpooled)", subject: "I")
            }
            sources[try position(of: Int(index), in: unpooled, within: shape)] = source
        }
        return [try input.gathering(sources, shape: shape)]
    }

    /// The position in `shape` of the element that has this position in `unpooled`, both starting at one corner.
    private func position(of index: Int, in unpooled: Shape, within shape: Shape) throws -> Int {
        if unpooled == shape { return index }
        var (rest, position, step) = (index, 0, 1)
        for axis in shape.dimensions.indices.reversed() {
            let coordinate = rest % unpooled[axis]
            rest /= unpooled[axis]
            guard coordinate < shape[axis] else {
                throw OperatorError("index \(index) of \(unpooled) lies outside of \(shape)", subject: "output_shape")
            }
            position += coordinate * step
            step *= shape[axis]
        }
        return position
    }
}
