import CNNModels
import CNNTensors

/// The input with elements added before and behind its axes, or taken away where a pad is negative. Per axis of size `n`
/// with `b` before: the output's index `i` shows the input's `i − b`, and outside of it
///
///     constant   the constant value (zero, false or the empty string without one)
///     edge       the nearest element
///     reflect    the mirror image about the first and the last element, as often as it takes
///     wrap       the input again, as if the axis were a ring
///
/// Negative pads are applied before positive ones, so what was taken away is neither mirrored nor repeated.
/// ONNX operator Pad: version 1 calls the attribute `paddings`, 2 `pads`; 11 makes pads and value inputs, 18 adds the input
/// `axes`, 19 the mode `wrap`; 11 to 25 add element types.
package struct Pad: ExactOperator {
    private enum Mode: String, CaseIterable {
        case constant, reflect, edge, wrap
    }

    private let mode: Mode
    private let padsAttribute: [Int]?
    private let valueAttribute: Float

    package static let definition = OperatorDefinition(
        "Pad", versions: [1, 2, 11, 13, 18, 19, 21, 23, 24, 25]
    ) { version in
        if version < 11 { return Signature(inputs: ["data": "T"], outputs: ["output": "T"], types: ["T": .ieeeFloats]) }
        // Version 19 adds a mode only: the 8-bit floats came with 21.
        let types: TypeSet = version < 13 ? .ieeeNumbers : .movable(version: version == 19 ? 18 : version)
        if version < 18 {
            return Signature(
                inputs: ["data": "T", "pads": "I", "constant_value?": "T"], outputs: ["output": "T"],
                types: ["T": types, "I": TypeSet(.int64)])
        }
        return Signature(
            inputs: ["data": "T", "pads": "I", "constant_value?": "T", "axes?": "Tind"], outputs: ["output": "T"],
            types: ["T": types, "I": TypeSet(.int64), "Tind": TypeSet(.int32, .int64)])
    } make: { attributes in
        try Pad(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        mode = try attributes.choice("mode", default: .constant)
        guard mode != .wrap || attributes.version >= 19 else {
            throw OperatorError("'wrap' exists from opset 19 on", subject: "mode")
        }
        guard attributes.version < 11 else {
            (padsAttribute, valueAttribute) = (nil, 0)
            return
        }
        let name = attributes.version == 1 ? "paddings" : "pads"
        padsAttribute = try attributes.required(name, attributes.ints(name))
        valueAttribute = try attributes.float("value", default: 0)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let data = inputs[0]?.shape, let dimensions = data.dimensions else { return [ValueFact(shape: .unknown)] }
        let padsInput = inputs.count > 1 ? inputs[1] : nil
        let axesInput = inputs.count > 3 ? inputs[3] : nil
        guard axesInput == nil || axesInput?.constantIntegers != nil else {
            return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: dimensions.count)))]
        }
        let axes = try paddedAxes(axesInput?.constantIntegers, rank: dimensions.count)
        var sizes = dimensions
        guard let pads = padsAttribute.map({ $0.map { Dimension($0) } }) ?? padsInput?.knownElements else {
            for axis in axes { sizes[axis] = nil }
            return [ValueFact(shape: SymbolicShape(sizes))]
        }
        try checkCount(pads.count, axes: axes)
        var fact = ValueFact(shape: .unknown)
        for (index, axis) in axes.enumerated() {
            guard let size = dimensions[axis] else { continue }
            let (begin, end) = (pads[index], pads[index + axes.count])
            let padded = try size + begin + end
            fact.formulas[axis] = "\(size) + \(begin) + \(end)"
            if let number = padded.value, number < 0 {
                throw OperatorError("pads \(begin) and \(end) leave nothing of axis \(axis) of \(data)", subject: "pads")
            }
            sizes[axis] = padded
        }
        fact.shape = SymbolicShape(sizes)
        return [fact]
    }

    /// The padding before and behind each axis if it is zeros and known before the run, and no axis is cut; nil otherwise.
    package func zeroPads(_ inputs: [ValueFact?]) throws -> (begins: [Int], ends: [Int])? {
        guard mode == .constant, let rank = inputs.optional(0)?.shape.rank else { return nil }
        if padsAttribute != nil {
            guard valueAttribute == 0 else { return nil }
        } else if let value = inputs.optional(2) {
            guard let number = try value.constant?.doubles(), number == [0] else { return nil }
        }
        let axesInput = inputs.optional(3)
        guard let pads = padsAttribute ?? inputs.optional(1)?.constantIntegers, pads.allSatisfy({ $0 >= 0 }),
            axesInput == nil || axesInput?.constantIntegers != nil
        else { return nil }
        let axes = try paddedAxes(axesInput?.constantIntegers, rank: rank)
        try checkCount(pads.count, axes: axes)
        var begins = [Int](repeating: 0, count: rank)
        var ends = begins
        for (index, axis) in axes.enumerated() { (begins[axis], ends[axis]) = (pads[index], pads[index + axes.count]) }
        return (begins, ends)
    }

    private func paddedAxes(_ axes: [Int]?, rank: Int) throws -> [Int] {
        try axes.map { try AxisIndex.resolve($0, rank: rank) } ?? Array(0..<rank)
    }

    private func checkCount(_ count: Int, axes: [Int]) throws {
        guard count == 2 * axes.count else {
            throw OperatorError("has \(count) numbers, but \(2 * axes.count) are needed for axes \(axes)", subject: "pads")
        }
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0] else { throw OperatorError("is required", subject: "data") }
        let rank = data.shape.rank
        let axes = try paddedAxes((inputs.count > 3 ? inputs[3] : nil)?.integers().map { Int($0) }, rank: rank)
        let pads = try padsAttribute ?? inputs[1]?.integers().map { Int($0) } ?? []
        try checkCount(pads.count, axes: axes)
        var dimensions = data.shape.dimensions
        var begins = [Int](repeating: 0, count: rank)
        var ends = begins
        for (index, axis) in axes.enumerated() {
            (begins[axis], ends[axis]) = (pads[index], pads[index + axes.count])
            let padded = try Dimension(dimensions[axis]) + Dimension(begins[axis]) + Dimension(ends[axis])
            dimensions[axis] = padded.value ?? 0
        }
        let shape = try EvaluationLimit.shape(dimensions, of: data.dataType)
        let strides = data.shape.strides
        let offsets = try (0..<rank).map { axis in
            let size = data.shape[axis]
            if begins[axis] == 0, ends[axis] == 0 { return AxisOffsets.strided(count: size, step: strides[axis]) }
            // The table takes a word an index: its size counts against the limit as well.
            _ = try EvaluationLimit.shape([shape[axis]], of: .int64)
            return .table(
                try sources(size: size, begin: begins[axis], end: ends[axis], total: shape[axis], axis: axis).map {
                    $0 < 0 ? -1 : $0 * strides[axis]
                })
        }
        return [try data.gathering(offsets, shape: shape, fill: fill(inputs, data))]
    }

    /// For each index of a padded axis the input's index, −1 for the constant.
    private func sources(size: Int, begin: Int, end: Int, total: Int, axis: Int) throws -> [Int] {
        let first = Self.removed(begin, from: size)
        let count = size - first - Self.removed(end, from: size - first)
        guard count > 0 || mode == .constant || begin <= 0 && end <= 0 else {
            throw OperatorError("mode '\(mode.rawValue)' has nothing to repeat along axis \(axis) of size 0", subject: "mode")
        }
        return (0..<total).map { index in
            let position = index - max(begin, 0)
            if 0..<count ~= position { return first + position }
            switch mode {
            case .constant: return -1
            case .edge: return first + (position < 0 ? 0 : count - 1)
            case .wrap: return first + Self.remainder(position, count)
            case .reflect:
                // There and back without the turning points twice; an axis of one element only has itself to show.
                let period = max(2 * (count - 1), 1)
                let phase = Self.remainder(position, period)
                return first + min(phase, period - phase) % count
            }
        }
    }

    /// How many of `size` elements a negative pad takes away.
    private static func removed(_ pad: Int, from size: Int) -> Int {
        pad < 0 ? Int(min(pad.magnitude, UInt(size))) : 0
    }

    private static func remainder(_ number: Int, _ divisor: Int) -> Int {
        let remainder = number % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }

    private func fill(_ inputs: [Tensor?], _ data: Tensor) throws -> Tensor? {
        if padsAttribute != nil { return try Tensor(rounding: [Double(valueAttribute)], to: data.dataType, shape: .scalar) }
        guard inputs.count > 2, let value = inputs[2] else { return nil }
        guard value.shape.elementCount == 1 else {
            throw OperatorError("must have one element, but has shape \(value.shape)", subject: "constant_value")
        }
        return value
    }
}
