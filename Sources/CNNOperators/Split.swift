import CNNModels
import CNNTensors

/// The input cut along `axis` into one part an output: of the sizes that `split` lists, or of equal size without it.
/// ONNX operator Split: `split` is an attribute up to version 11 (and in 1 also an input), an input from 13 on; in 18
/// either it or `num_outputs` is given, and the last part may be smaller then. 2 adds all types, 13 bfloat16.
package struct Split: ExactOperator {
    private let axis: Int
    private let sizesAttribute: [Int]?
    private let outputCount: Int
    /// Whether equal parts may leave a smaller last one.
    private let allowsRest: Bool

    package static let definition = OperatorDefinition("Split", versions: [1, 2, 11, 13, 18]) { version in
        switch version {
        case 1:
            Signature(inputs: ["input": "T", "split?": "T"], outputs: ["outputs...+": "T"], types: ["T": .ieeeFloats])
        case 2, 11:
            Signature(inputs: ["input": "T"], outputs: ["outputs+": "T"], types: ["T": .movable(version: version)])
        default:
            Signature(
                inputs: ["input": "T", "split?": "I"], outputs: ["outputs+": "T"],
                types: ["T": .movable(version: version), "I": TypeSet(.int64)])
        }
    } make: { attributes in
        try Split(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        axis = try attributes.int("axis", default: 0)
        outputCount = attributes.node.outputs.count
        sizesAttribute = attributes.version < 13 ? try attributes.ints("split") : nil
        if let sizesAttribute { try Self.check(sizesAttribute, count: outputCount) }
        let count = attributes.version >= 18 ? try attributes.int("num_outputs") : nil
        allowsRest = count != nil
        if let count {
            guard count == outputCount else {
                throw OperatorError("is \(count), but the node has \(outputCount) outputs", subject: "num_outputs")
            }
            if attributes.hasInput(1) { throw OperatorError("cannot stand beside the input 'split'", subject: "num_outputs") }
        } else if attributes.version >= 18, !attributes.hasInput(1) {
            throw OperatorError("this attribute is required where the input 'split' is left out", subject: "num_outputs")
        }
    }

    private static func check(_ sizes: [Int], count: Int) throws {
        guard sizes.count == count else {
            throw OperatorError("has \(sizes.count) sizes for \(count) outputs", subject: "split")
        }
        guard sizes.allSatisfy({ $0 >= 0 }) else { throw OperatorError("has a negative size: \(sizes)", subject: "split") }
    }

    /// Whether it cuts that axis of an input of so many axes.
    /// - Throws: `OperatorError` if the axis is none.
    package func isAlong(_ other: Int, rank: Int) throws -> Bool { try AxisIndex.resolve(axis, rank: rank) == other }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let data = inputs[0], let dimensions = data.shape.dimensions else {
            return Array(repeating: ValueFact(shape: .unknown), count: outputCount)
        }
        let axis = try AxisIndex.resolve(axis, rank: dimensions.count)
        let sizes = try partSizes(of: dimensions[axis], listed: inputs.count > 1 ? inputs[1] : nil)
        // Where the next part begins; nil behind a part of unknown size.
        var start: Int? = 0
        return sizes.map { size in
            var fact = ValueFact(shape: data.shape)
            fact.shape.dimensions?[axis] = size
            guard let first = start, let count = size?.value, dimensions.count == 1, let elements = data.knownElements,
                0...(elements.count - first) ~= count
            else {
                start = nil
                return fact
            }
            fact.elements = Array(elements[first..<(first + count)])
            start = first + count
            return fact
        }
    }

    /// The size of each output along the axis; all nil where `split` is given but its values are not known.
    private func partSizes(of size: Dimension?, listed: ValueFact?) throws -> [Dimension?] {
        let count = Dimension(outputCount)
        if let listedSizes = sizesAttribute?.map({ Dimension($0) }) ?? listed?.knownElements {
            let numbers = listedSizes.compactMap(\.value)
            if numbers.count == listedSizes.count {
                try Self.check(numbers, count: outputCount)
                if let size = size?.value, try Self.sum(numbers) != size {
                    throw OperatorError("\(numbers) does not add up to the size \(size) of axis \(axis)", subject: "split")
                }
            }
            return listedSizes.count == outputCount ? listedSizes : Array(repeating: nil, count: outputCount)
        }
        guard listed == nil, let size else { return Array(repeating: nil, count: outputCount) }
        guard allowsRest else {
            if let size = size.value, size % outputCount != 0 {
                throw OperatorError("axis \(axis) of size \(size) does not divide into \(outputCount) equal parts")
            }
            return Array(repeating: try size.floorDivided(by: count), count: outputCount)
        }
        let part = try size.ceilDivided(by: count)
        let rest = try size - part * (count - 1)
        if let rest = rest.value, rest < 0 {
            throw OperatorError("axis \(axis) of size \(size) does not fill \(outputCount) parts of \(part)")
        }
        return Array(repeating: part, count: outputCount - 1) + [rest]
    }

    private static func sum(_ sizes: [Int]) throws -> Int? {
        try sizes.reduce(Dimension(0)) { try $0 + Dimension($1) }.value
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0] else { throw OperatorError("is required", subject: "input") }
        let listed = try (inputs.count > 1 ? inputs[1] : nil).map { tensor in
            // Version 1 types the sizes like the data, so they may come as floats.
            ValueFact(constant: try tensor.dataType.isFloatingPoint ? Self.wholeNumbers(tensor) : tensor)
        }
        let axis = try AxisIndex.resolve(axis, rank: data.shape.rank)
        let sizes = try partSizes(of: Dimension(data.shape[axis]), listed: listed).compactMap { $0?.value }
        let strides = data.shape.strides
        var start = 0
        return try sizes.map { size in
            var dimensions = data.shape.dimensions
            dimensions[axis] = size
            var offsets = dimensions.indices.map { AxisOffsets.strided(count: dimensions[$0], step: strides[$0]) }
            offsets[axis] = .strided(count: size, start: start * strides[axis], step: strides[axis])
            start += size
            return try data.gathering(offsets, shape: Shape(dimensions))
        }
    }

    private static func wholeNumbers(_ tensor: Tensor) throws -> Tensor {
        try Tensor(
            tensor.doubles().map { value in
                guard let number = Int64(exactly: value) else {
                    throw OperatorError("must hold whole numbers, but has \(value)", subject: "split")
                }
                return number
            })
    }
}
