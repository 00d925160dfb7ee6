import CNNModels
import CNNTensors

/// The K largest (or smallest) elements along one axis and their indices, best first; of equal ones the one with the lower
/// index comes first, and NaN counts as the largest, as in NumPy. `sorted` = 0 leaves the order open, so it is the same.
/// ONNX operator TopK: version 1 has `k` as an attribute, 10 as an input, 11 adds `largest`, `sorted` and integers, 24
/// bfloat16.
package struct TopK: ExactOperator {
    private let countAttribute: Int?
    package let axis: Int
    package let takesLargest: Bool

    package static let definition = OperatorDefinition("TopK", versions: [1, 10, 11, 24]) { version in
        let types: [String: TypeSet] = [
            "T": version < 11 ? .ieeeFloats : version < 24 ? .ieeeNumbers : .numbers, "I": TypeSet(.int64),
            "tensor(int64)": TypeSet(.int64),
        ]
        if version < 10 { return Signature(inputs: ["X": "T"], outputs: ["Values": "T", "Indices": "I"], types: types) }
        return Signature(
            inputs: ["X": "T", "K": "tensor(int64)"], outputs: ["Values": "T", "Indices": "I"], types: types)
    } make: { attributes in
        try TopK(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        countAttribute = attributes.version < 10 ? try attributes.required("k", attributes.int("k")) : nil
        axis = try attributes.int("axis", default: -1)
        takesLargest = attributes.version >= 11 ? try attributes.flag("largest", default: true) : true
        if attributes.version >= 11 { _ = try attributes.flag("sorted", default: true) }
        if let countAttribute { try Self.check(countAttribute, size: nil) }
    }

    private static func check(_ count: Int, size: Int?) throws {
        guard count >= 0 else { throw OperatorError("must be 0 or more, but is \(count)", subject: "K") }
        if let size, count > size { throw OperatorError("is \(count), but the axis has \(size) elements", subject: "K") }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        var values = ValueFact(shape: .unknown)
        if let shape = inputs[0]?.shape, var sizes = shape.dimensions {
            let axis = try AxisIndex.resolve(axis, rank: sizes.count)
            let count = countAttribute.map { Dimension($0) } ?? (inputs.count > 1 ? inputs[1]?.knownElements?.first : nil)
            if let number = count?.value { try Self.check(number, size: sizes[axis]?.value) }
            sizes[axis] = count
            values.shape = SymbolicShape(sizes)
        }
        return [values, ValueFact(dataType: .int64, shape: values.shape)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("X is required") }
        let axis = try AxisIndex.resolve(axis, rank: input.shape.rank)
        let count = try countAttribute ?? Self.count(inputs)
        try Self.check(count, size: input.shape[axis])
        let keys = try input.orderKeys(nanKey: .max)

        var sizes = input.shape.dimensions
        sizes[axis] = count
        let shape = try EvaluationLimit.shape(sizes, of: .int64)
        var positions = [Int](repeating: 0, count: shape.elementCount)
        var indices = [Int64](repeating: 0, count: shape.elementCount)
        guard !positions.isEmpty else { return try [input.gathering([], shape: shape), Tensor(indices, shape: shape)] }
        let groups = ReductionGroups(input.shape, reducing: [axis])
        let outputs = ReductionGroups(shape, reducing: [axis])
        for (start, outputStart) in zip(groups.starts, outputs.starts) {
            let order = groups.offsets.indices.sorted { left, right in
                let (leftKey, rightKey) = (keys[start + groups.offsets[left]], keys[start + groups.offsets[right]])
                if leftKey == rightKey { return left < right }
                return takesLargest ? leftKey > rightKey : leftKey < rightKey
            }
            for (index, offset) in zip(order, outputs.offsets) {
                positions[outputStart + offset] = start + groups.offsets[index]
                indices[outputStart + offset] = Int64(index)
            }
        }
        return [try input.gathering(positions, shape: shape), try Tensor(indices, shape: shape)]
    }

    private static func count(_ inputs: [Tensor?]) throws -> Int {
        guard inputs.count > 1, let input = inputs[1] else { throw OperatorError("K is required") }
        guard input.shape.elementCount == 1 else {
            throw OperatorError("must be one number, but has shape \(input.shape)", subject: "K")
        }
        return Int(try input.integers()[0])
    }
}
