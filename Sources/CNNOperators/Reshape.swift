import CNNModels
import CNNTensors

/// The same elements in the same order under another shape. In the new shape, 0 keeps the input's size at that axis
/// (unless `allowzero` is set) and one −1 takes what is left.
/// ONNX operator Reshape: version 1 has the shape as an attribute, 5 as an input, 14 adds `allowzero`; 13, 19, 21, 23, 24
/// and 25 add element types.
package struct Reshape: ExactOperator {
    /// The shape in version 1.
    private let shapeAttribute: [Int]?
    private let allowZero: Bool

    package static let definition = OperatorDefinition("Reshape", versions: [1, 5, 13, 14, 19, 21, 23, 24, 25]) { version in
        if version == 1 {
            return Signature(inputs: ["data": "T"], outputs: ["reshaped": "T"], types: ["T": .ieeeFloats])
        }
        return Signature(
            inputs: ["data": "T", "shape": "I"], outputs: ["reshaped": "T"],
            types: ["T": .movable(version: version), "I": TypeSet(.int64)])
    } make: { attributes in
        try Reshape(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        if attributes.version == 1 {
            attributes.ignore("consumed_inputs")
            shapeAttribute = try attributes.required("shape", attributes.ints("shape"))
        } else {
            shapeAttribute = nil
        }
        allowZero = attributes.version >= 14 ? try attributes.flag("allowzero") : false
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let data = inputs[0] else { return [ValueFact(shape: .unknown)] }
        if let sizes = shapeAttribute.map({ $0.map { Dimension($0) } }) ?? (inputs.count > 1 ? inputs[1]?.knownElements : nil) {
            var fact = ValueFact(shape: try outputShape(data.shape, requested: sizes))
            if fact.shape.rank ?? 2 <= 1 { fact.elements = data.knownElements }
            return [fact]
        }
        // Without the values, the length of the shape input still tells the rank.
        guard inputs.count > 1, let rank = inputs[1]?.shape.dimensions?.first??.value, 0...ValueFact.elementLimit ~= rank else {
            return [ValueFact(shape: .unknown)]
        }
        return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: rank)))]
    }

    /// The new shape for these requested sizes, in which 0 and −1 are not yet resolved.
    private func outputShape(_ data: SymbolicShape, requested: [Dimension]) throws -> SymbolicShape {
        guard requested.count(where: { $0.value == -1 }) <= 1 else {
            throw OperatorError("has more than one −1: \(requested)", subject: "shape")
        }
        var sizes: [Dimension?] = []
        for (axis, size) in requested.enumerated() {
            if size.value == 0, !allowZero {
                if let dimensions = data.dimensions, axis >= dimensions.count {
                    throw OperatorError("0 at axis \(axis) has no axis of the input \(data) to copy", subject: "shape")
                }
                sizes.append(data.dimensions?[axis])
            } else if size.value == -1 {
                sizes.append(nil)
            } else if let number = size.value, number < 0 {
                throw OperatorError("has \(number); only −1, 0 and sizes are allowed", subject: "shape")
            } else {
                sizes.append(size)
            }
        }
        let total = try data.elementCount()
        if let inferred = requested.firstIndex(where: { $0.value == -1 }) {
            if allowZero, requested.contains(where: { $0.value == 0 }) {
                throw OperatorError("−1 beside a 0 that allowzero keeps has no definite size", subject: "shape")
            }
            let others = try SymbolicShape(sizes.enumerated().filter { $0.offset != inferred }.map(\.element)).elementCount()
            sizes[inferred] = try Self.quotient(total, others, data: data, requested: requested)
        } else if let total = total?.value, let requestedTotal = try SymbolicShape(sizes).elementCount()?.value,
            total != requestedTotal
        {
            throw OperatorError("\(total) elements of \(data) do not make shape \(SymbolicShape(sizes))", subject: "shape")
        }
        return SymbolicShape(sizes)
    }

    private static func quotient(
        _ total: Dimension?, _ others: Dimension?, data: SymbolicShape, requested: [Dimension]
    ) throws -> Dimension? {
        guard let total, let others else { return nil }
        if others.value == 0 {
            throw OperatorError("−1 beside a size of 0 has no definite size: \(requested)", subject: "shape")
        }
        if let total = total.value, let others = others.value, total % others != 0 {
            throw OperatorError("\(total) elements of \(data) do not divide by \(others): \(requested)", subject: "shape")
        }
        return try total.floorDivided(by: others)
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0] else { throw OperatorError("data is required") }
        let requested = try shapeAttribute ?? inputs[1]?.integers().map { Int($0) } ?? []
        let symbolic = try outputShape(SymbolicShape(data.shape), requested: requested.map { Dimension($0) })
        guard let shape = symbolic.concrete else { throw OperatorError("\(requested) is no shape", subject: "shape") }
        return [try data.reshaped(shape)]
    }
}
