import CNNModels
import CNNTensors

/// A part of the input: along each named axis the indices `start`, `start + step` … up to, not including, `end`. Negative
/// starts and ends count from the back; all are clamped to the axis.
/// ONNX operator Slice: version 1 has starts, ends and axes as attributes and no steps; 10 makes them inputs and adds steps;
/// 11 states that a negative axis counts from the back, 13 adds bfloat16.
package struct Slice: ExactOperator {
    private let attributes: (starts: [Int], ends: [Int], axes: [Int]?)?

    package static let definition = OperatorDefinition("Slice", versions: [1, 10, 11, 13]) { version in
        if version < 10 {
            return Signature(inputs: ["data": "T"], outputs: ["output": "T"], types: ["T": .movable(version: version)])
        }
        return Signature(
            inputs: ["data": "T", "starts": "Tind", "ends": "Tind", "axes?": "Tind", "steps?": "Tind"],
            outputs: ["output": "T"], types: ["T": .movable(version: version), "Tind": TypeSet(.int32, .int64)])
    } make: { attributes in
        guard attributes.version < 10 else { return Slice(attributes: nil) }
        let axes = try attributes.ints("axes")
        return Slice(
            attributes: (
                try attributes.required("starts", attributes.ints("starts")),
                try attributes.required("ends", attributes.ints("ends")), axes?.isEmpty == true ? nil : axes
            ))
    }

    // MARK: - Bounds

    /// The bounds of one axis as the node gives them; nil where they are not known.
    private struct Bounds {
        let axis: Int
        let start: Dimension?
        let end: Dimension?
        let step: Int?
    }

    /// The bounds of each axis that is sliced; nil if not even the axes are known.
    private func bounds(_ inputs: [ValueFact?], rank: Int) throws -> [Bounds]? {
        func given(_ index: Int) -> ValueFact? { index < inputs.count ? inputs[index] : nil }
        let starts = attributes.map { $0.starts.map { Dimension($0) } } ?? given(1)?.knownElements
        let ends = attributes.map { $0.ends.map { Dimension($0) } } ?? given(2)?.knownElements
        let count = starts?.count ?? ends?.count ?? given(1)?.shape.dimensions?.first??.value
        let axes: [Int]
        if let named = attributes?.axes ?? given(3)?.constantIntegers {
            axes = try AxisIndex.resolve(named, rank: rank)
        } else if given(3) == nil, let count {
            guard 0...rank ~= count else {
                throw OperatorError("has \(count) numbers for an input of \(rank) axes", subject: "starts")
            }
            axes = Array(0..<count)
        } else {
            return nil
        }
        let steps = given(4) == nil ? axes.map { _ in 1 } : given(4)?.constantIntegers
        for (name, values) in [("starts", starts?.count), ("ends", ends?.count), ("steps", steps?.count)] {
            if let values, values != axes.count {
                throw OperatorError("has \(values) numbers, but \(axes.count) are needed for axes \(axes)", subject: name)
            }
        }
        if steps?.contains(0) == true { throw OperatorError("must not be 0", subject: "steps") }
        return axes.enumerated().map { index, axis in
            Bounds(axis: axis, start: starts?[index], end: ends?[index], step: steps?[index])
        }
    }

    // MARK: - Shape rule

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let data = inputs[0], let dimensions = data.shape.dimensions else { return [ValueFact(shape: .unknown)] }
        guard let bounds = try bounds(inputs, rank: dimensions.count) else {
            return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: dimensions.count)))]
        }
        var sizes = dimensions
        for bound in bounds {
            sizes[bound.axis] = nil
            guard let size = dimensions[bound.axis], let start = bound.start, let end = bound.end, let step = bound.step
            else { continue }
            sizes[bound.axis] = try Self.count(size: size, start: start, end: end, step: step)
        }
        return [ValueFact(shape: SymbolicShape(sizes), elements: Self.elements(data, bounds))]
    }

    /// The number of indices that the bounds pick; nil where it depends on a sign that is not known.
    private static func count(size: Dimension, start: Dimension, end: Dimension, step: Int) throws -> Dimension? {
        if let size = size.value, let start = start.value, let end = end.value {
            return Dimension(indices(size: size, start: start, end: end, step: step).count)
        }
        guard let start = Position(start), let end = Position(end) else { return nil }
        let room = step > 0 ? try forwardRoom(size, start, end) : try backwardRoom(size, start, end)
        // A step farther than any axis is long leads to no second index (and may have no opposite number).
        if step.magnitude >= Int32.max.magnitude { return try .minimum(room, 1) }
        return try room.ceilDivided(by: Dimension(abs(step)))
    }

    /// How far apart start and end lie, both clamped to 0 … size. The cases before the last only have shorter formulas.
    private static func forwardRoom(_ size: Dimension, _ start: Position, _ end: Position) throws -> Dimension {
        switch (start, end) {
        case (.fromFront(0), .fromFront(let end)): return try .minimum(end, size)
        case (.fromFront(let start), .behindAll): return try .maximum(size - start, 0)
        case (.fromBack(let start), .behindAll): return try .minimum(size, start)
        default:
            func clamped(_ position: Position) throws -> Dimension {
                switch position {
                case .fromFront(let index): try .minimum(index, size)
                case .fromBack(let distance): try .maximum(size - distance, 0)
                case .behindAll: size
                case .beforeAll: 0
                }
            }
            return try .maximum(clamped(end) - clamped(start), 0)
        }
    }

    /// How far apart start and end lie, the start clamped to 0 … size − 1 and the end to −1 … size − 1 (an axis of size 0
    /// puts both at −1).
    private static func backwardRoom(_ size: Dimension, _ start: Position, _ end: Position) throws -> Dimension {
        let last = try size - 1
        let first: Dimension =
            switch start {
            case .fromFront(let index): try .minimum(index, last)
            case .fromBack(1), .behindAll: last
            case .fromBack(let distance): try .minimum(.maximum(size - distance, 0), last)
            case .beforeAll: try .minimum(0, last)
            }
        let final: Dimension =
            switch end {
            case .fromFront(let index): try .minimum(index, last)
            case .fromBack(let distance): try .maximum(size - distance, -1)
            case .behindAll: last
            case .beforeAll: -1
            }
        return try .maximum(first - final, 0)
    }

    /// A start or end before it is clamped to an axis whose size may not be known.
    private enum Position {
        case fromFront(Dimension)
        /// So far before the end, 1 or more.
        case fromBack(Dimension)
        case behindAll
        case beforeAll

        init?(_ bound: Dimension) {
            guard let number = bound.value else {
                guard bound.isKnownNonNegative else { return nil }
                self = .fromFront(bound)
                return
            }
            // ONNX recommends INT_MAX and INT_MIN, of 32 or 64 bits, for "to the end of an axis of unknown size".
            switch number {
            case Int(Int32.max)...: self = .behindAll
            case ...Int(-Int32.max): self = .beforeAll
            case 0...: self = .fromFront(bound)
            default: self = .fromBack(Dimension(-number))
            }
        }
    }

    private static func elements(_ data: ValueFact, _ bounds: [Bounds]) -> [Dimension]? {
        guard data.shape.rank == 1, var elements = data.knownElements else { return nil }
        for bound in bounds {
            guard let start = bound.start?.value, let end = bound.end?.value, let step = bound.step else { return nil }
            let indices = indices(size: elements.count, start: start, end: end, step: step)
            elements = (0..<indices.count).map { elements[indices.first + $0 * step] }
        }
        return elements
    }

    // MARK: - Evaluation

    /// The first index picked of an axis, and how many are.
    private static func indices(size: Int, start: Int, end: Int, step: Int) -> (first: Int, count: Int) {
        guard size > 0 else { return (0, 0) }
        func clamped(_ bound: Int, _ range: ClosedRange<Int>) -> Int {
            let fromFront = bound >= 0 ? bound : bound < -size ? -1 : bound + size
            return min(max(fromFront, range.lowerBound), range.upperBound)
        }
        let first = clamped(start, step > 0 ? 0...size : 0...(size - 1))
        let final = clamped(end, step > 0 ? 0...size : -1...(size - 1))
        let room = step > 0 ? final - first : first - final
        guard room > 0 else { return (0, 0) }
        return (first, Int((UInt(room) - 1) / step.magnitude) + 1)
    }

    /// The indices that are picked of `axis`, where no other axis is cut and all bounds are constant; nil otherwise.
    /// - Throws: `OperatorError` where the bounds break a rule.
    package func indices(alongOnly axis: Int, _ inputs: [ValueFact?]) throws -> [Int]? {
        guard let shape = inputs.first??.shape.concrete, let bounds = try bounds(inputs, rank: shape.rank) else { return nil }
        var picked = Array(0..<shape[axis])
        for bound in bounds {
            guard let start = bound.start?.value, let end = bound.end?.value, let step = bound.step else { return nil }
            let (first, count) = Self.indices(size: shape[bound.axis], start: start, end: end, step: step)
            if bound.axis == axis {
                picked = (0..<count).map { first + $0 * step }
            } else if first != 0 || count != shape[bound.axis] {
                return nil
            }
        }
        return picked
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0] else { throw OperatorError("is required", subject: "data") }
        var facts = inputs.map { $0.map { ValueFact(constant: $0) } }
        facts[0] = ValueFact(shape: SymbolicShape(data.shape))
        guard let bounds = try bounds(facts, rank: data.shape.rank) else {
            throw OperatorError("must be whole numbers", subject: "axes")
        }
        let strides = data.shape.strides
        var sizes = data.shape.dimensions
        var offsets = (0..<data.shape.rank).map { AxisOffsets.strided(count: sizes[$0], step: strides[$0]) }
        for bound in bounds {
            guard let start = bound.start?.value, let end = bound.end?.value, let step = bound.step else {
                throw OperatorError("must be whole numbers", subject: "starts")
            }
            let (first, count) = Self.indices(size: sizes[bound.axis], start: start, end: end, step: step)
            let stride = strides[bound.axis]
            sizes[bound.axis] = count
            // With a single index the step leads nowhere, and may be too large to multiply.
            offsets[bound.axis] = .strided(count: count, start: first * stride, step: count > 1 ? step * stride : 1)
        }
        return [try data.gathering(offsets, shape: Shape(sizes))]
    }
}
