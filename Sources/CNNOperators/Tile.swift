import CNNModels
import CNNTensors

/// The input repeated along its axes as a whole, as NumPy's `tile` does with one number an axis.
/// ONNX operator Tile: version 1 repeats along one axis, both numbers being inputs of the data's own type; 6 has a vector
/// of repeats; 13 adds bfloat16.
package struct Tile: ExactOperator {
    private let hasOneAxis: Bool

    package static let definition = OperatorDefinition("Tile", versions: [1, 6, 13]) { version in
        if version == 1 {
            return Signature(
                inputs: ["input": "T", "tiles": "T", "axis": "T"], outputs: ["output": "T"], types: ["T": .ieeeFloats])
        }
        return Signature(
            inputs: ["input": "T", "repeats": "T1"], outputs: ["output": "T"],
            types: ["T": .movable(version: version), "T1": TypeSet(.int64)])
    } make: { attributes in
        Tile(hasOneAxis: attributes.version == 1)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let input = inputs[0], let dimensions = input.shape.dimensions else { return [ValueFact(shape: .unknown)] }
        guard let repeats = try repeats(inputs, rank: dimensions.count) else {
            return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: dimensions.count)))]
        }
        var sizes: [Dimension?] = []
        for (size, count) in zip(dimensions, repeats) {
            if let size { sizes.append(try size * count) } else { sizes.append(nil) }
        }
        var fact = ValueFact(shape: SymbolicShape(sizes))
        if dimensions.count == 1, let elements = input.knownElements, let count = repeats[0].value,
            let total = sizes[0]?.value, total <= ValueFact.elementLimit
        {
            fact.elements = elements.isEmpty ? [] : (0..<count).flatMap { _ in elements }
        }
        return [fact]
    }

    /// How often each axis is repeated; nil where not known.
    private func repeats(_ inputs: [ValueFact?], rank: Int) throws -> [Dimension]? {
        var repeats: [Dimension]
        if hasOneAxis {
            guard let count = try inputs[1]?.constant.map({ try Self.wholeNumber($0, subject: "tiles") }),
                let axis = try inputs[2]?.constant.map({ try Self.wholeNumber($0, subject: "axis") })
            else { return nil }
            repeats = Array(repeating: 1, count: rank)
            repeats[try AxisIndex.resolve(axis, rank: rank)] = Dimension(count)
        } else {
            guard let elements = inputs[1]?.knownElements else { return nil }
            repeats = elements
        }
        guard repeats.count == rank else {
            throw OperatorError("has \(repeats.count) numbers for an input of \(rank) axes", subject: "repeats")
        }
        if let negative = repeats.first(where: { $0.value ?? 0 < 0 }) {
            throw OperatorError("must be 0 or more, but has \(negative)", subject: "repeats")
        }
        return repeats
    }

    private static func wholeNumber(_ tensor: Tensor, subject: String) throws -> Int {
        let values = try tensor.doubles()
        guard values.count == 1, let number = Int(exactly: values[0]) else {
            throw OperatorError("must be one whole number, but is \(values.prefix(4))", subject: subject)
        }
        return number
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("is required", subject: "input") }
        let facts = inputs.map { $0.map { ValueFact(constant: $0) } }
        guard let repeats = try repeats(facts, rank: input.shape.rank) else {
            throw OperatorError("must be whole numbers", subject: "repeats")
        }
        let counts = repeats.map { $0.value ?? 0 }
        let sizes = try zip(input.shape.dimensions, repeats).map { try (Dimension($0) * $1).value ?? 0 }
        let shape = try EvaluationLimit.shape(sizes, of: input.dataType)
        let strides = input.shape.strides
        // Every axis is two: the copies, which all start at the same element, and the axis itself.
        let offsets = counts.indices.flatMap { axis in
            [
                AxisOffsets.strided(count: counts[axis], step: 0),
                .strided(count: input.shape[axis], step: strides[axis]),
            ]
        }
        return [try input.gathering(shape.elementCount == 0 ? [.table([])] : offsets, shape: shape)]
    }
}
