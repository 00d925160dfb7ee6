import CNNModels
import CNNTensors

extension WindowGeometry {
    /// The shape `[N, channels, windows…]` of an output for an input `[N, C, size…]`.
    /// - Throws: `OperatorError` if the input's rank does not suit the window, no window fits or the output, in 8 bytes an
    ///   element as it is computed, passes `EvaluationLimit.bytes`.
    package func outputShape(input: Shape, channels: Int) throws -> Shape {
        guard let shape = try outputFact(input: SymbolicShape(input), channels: Dimension(channels)).shape.concrete else {
            throw OperatorError("no output shape follows from the input \(input)")
        }
        return try EvaluationLimit.shape(shape.dimensions, of: .float64)
    }

    /// The fact of an output `[N, channels, windows…]` for an input `[N, C, size…]`.
    /// - Throws: `OperatorError` if the input's rank does not suit the window or no window fits.
    package func outputFact(input: SymbolicShape, channels: Dimension?) throws -> ValueFact {
        guard let dimensions = input.dimensions else {
            return ValueFact(shape: SymbolicShape([nil, channels] + Array(repeating: nil, count: spatialRank)))
        }
        guard dimensions.count == spatialRank + 2 else {
            throw OperatorError(
                "the input \(input) must have \(spatialRank + 2) axes: batch, channels and \(spatialRank) spatial ones")
        }
        var fact = ValueFact(shape: .unknown)
        var sizes: [Dimension?] = [dimensions[0], channels]
        var misfits: [String] = []
        for axis in 0..<spatialRank {
            guard let size = dimensions[axis + 2] else {
                sizes.append(nil)
                continue
            }
            sizes.append(try outputSize(size, axis: axis))
            fact.formulas[axis + 2] = formula(size, axis: axis)
            if let number = size.value, let remark = try misfit(number, axis: axis) { misfits.append(remark) }
        }
        if !misfits.isEmpty { fact.remarks = ["windows do not fit exactly: " + misfits.joined(separator: "; ")] }
        fact.shape = SymbolicShape(sizes)
        return fact
    }

    /// What no window reads along an axis of this size, in words; nil if the windows end where the padded input does. Lost
    /// padding matters too: with ceil mode, or in a framework that pads otherwise, there is one window more.
    private func misfit(_ size: Int, axis: Int) throws -> String? {
        let unreached = try unreachedPositions(size, axis: axis)
        guard unreached > 0 else { return nil }
        let lost = max(unreached - (try pads(size, axis: axis).end), 0)
        let what = lost > 0 ? "the last \(lost) of \(size)" : "\(unreached) of the padding"
        return "along axis \(axis + 2), \(formula(Dimension(size), axis: axis)) leaves \(what) unread"
    }
}
