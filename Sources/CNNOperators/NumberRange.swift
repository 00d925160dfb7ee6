import CNNModels
import CNNTensors

/// The numbers `start`, `start + delta` … up to, not including, `limit`:
///
///     Y[i] = start + i · delta for i in 0 ..< max(ceil((limit − start)/delta), 0)
///
/// ONNX operator Range: version 27 adds float16 and bfloat16, and `stash_type` for the precision between; here real
/// numbers are computed in Double whatever it says, so they are rounded once.
package struct NumberRange: Operator {
    package static let definition = OperatorDefinition("Range", versions: [11, 27]) { version in
        var types = TypeSet(.float32, .float64, .int16, .int32, .int64)
        if version >= 27 { types.formUnion(TypeSet(.float16, .bfloat16)) }
        return Signature(
            inputs: ["start": "T", "limit": "T", "delta": "T"], outputs: ["output": "T"], types: ["T": types])
    } make: { attributes in
        if attributes.version >= 27 {
            let type = try attributes.int("stash_type", default: Int(DataType.float32.rawValue))
            guard type == DataType.float32.rawValue || type == DataType.float64.rawValue else {
                throw OperatorError("must be 1 (float32) or 11 (float64), but is \(type)", subject: "stash_type")
            }
        }
        return NumberRange()
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let constants = inputs.compactMap { $0?.constant }
        if constants.count == 3 {
            return [ValueFact(shape: SymbolicShape([Dimension(try Self.count(constants))]))]
        }
        let known = inputs.compactMap { $0?.knownElements?.first }
        guard known.count == 3, let step = known[2].value else { return [ValueFact(shape: SymbolicShape([nil]))] }
        guard step != 0 else { throw OperatorError("must not be 0", subject: "delta") }
        let room = try step > 0 ? known[1] - known[0] : known[0] - known[1]
        let distance = try step > 0 ? Dimension(step) : Dimension(0) - Dimension(step)
        var fact = ValueFact(shape: SymbolicShape([try .maximum(room.ceilDivided(by: distance), 0)]))
        if let count = fact.shape.dimensions?[0]?.value, count <= ValueFact.elementLimit {
            var elements: [Dimension] = []
            for index in 0..<count { elements.append(try known[0] + Dimension(index) * Dimension(step)) }
            fact.elements = elements
        }
        return [fact]
    }

    /// The number of elements for these three tensors of one element each.
    private static func count(_ inputs: [Tensor]) throws -> Int {
        for (tensor, name) in zip(inputs, ["start", "limit", "delta"]) where tensor.shape.elementCount != 1 {
            throw OperatorError("must be a scalar, but has shape \(tensor.shape)", subject: name)
        }
        if inputs[0].dataType.isInteger {
            let (start, limit, delta) = try (
                inputs[0].integers()[0], inputs[1].integers()[0], inputs[2].integers()[0]
            )
            guard delta != 0 else { throw OperatorError("must not be 0", subject: "delta") }
            guard delta > 0 ? limit > start : limit < start else { return 0 }
            // The difference of two Int64 fits in a UInt64.
            let room = UInt64(bitPattern: delta > 0 ? limit &- start : start &- limit)
            guard let count = Int(exactly: (room - 1) / delta.magnitude + 1) else { throw DimensionError.overflow }
            return count
        }
        let (start, limit, delta) = try (inputs[0].doubles()[0], inputs[1].doubles()[0], inputs[2].doubles()[0])
        let count = ((limit - start) / delta).rounded(.up)
        guard delta != 0, let number = Int(exactly: max(count, 0)) else {
            throw OperatorError("from \(start) to \(limit) by \(delta) there is no definite number of elements")
        }
        return number
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let inputs = inputs.compactMap { $0 }
        guard inputs.count == 3 else { throw OperatorError("start, limit and delta are required") }
        let dataType = inputs[0].dataType
        let shape = try EvaluationLimit.shape([try Self.count(inputs)], of: dataType)
        if dataType.isInteger {
            let (start, delta) = try (inputs[0].integers()[0], inputs[2].integers()[0])
            // All lie between start and limit, so nothing wraps; the multiplication may on the way there.
            let values = (0..<shape.elementCount).map { start &+ Int64($0) &* delta }
            return [try Tensor(exactly: values, as: dataType, shape: shape)]
        }
        let (start, delta) = try (inputs[0].doubles()[0], inputs[2].doubles()[0])
        let values = (0..<shape.elementCount).map { start + Double($0) * delta }
        return [try Tensor(rounding: values, to: dataType, shape: shape)]
    }
}
