import CNNModels
import CNNTensors

/// A window that slides over the spatial axes: the one place that knows output sizes, padding, ceil mode and which inputs
/// a window covers. Shape rules, reference evaluation, kernels and tables all ask it.
///
/// Along an axis of size `in`, with padding `b` before and `e` behind, a window of `k` taps that lie `d` apart and move by
/// `s` covers `d*(k - 1) + 1` inputs, and `floor((in + b + e - d*(k - 1) - 1)/s) + 1` windows fit (ONNX, operators Conv
/// and MaxPool).
package struct WindowGeometry: Sendable, Hashable {
    package let kernelShape: [Int]
    package let strides: [Int]
    package let dilations: [Int]
    package let padding: Padding
    /// Whether a last window that is only partly filled counts.
    package let ceilMode: Bool

    package enum Padding: Sendable, Hashable {
        /// So many positions before and behind each axis.
        case explicit(begins: [Int], ends: [Int])
        /// None.
        case valid
        /// As much as makes the output `ceil(in/s)`, an odd one behind.
        case sameUpper
        /// As much as makes the output `ceil(in/s)`, an odd one before.
        case sameLower
    }

    package var spatialRank: Int { kernelShape.count }

    /// The number of taps of one window.
    package var tapCount: Int { kernelShape.reduce(1, *) }

    /// - Throws: `OperatorError` if a number is out of range, or there are not as many as spatial axes.
    package init(kernelShape: [Int], strides: [Int]?, dilations: [Int]?, padding: Padding, ceilMode: Bool = false) throws {
        let rank = kernelShape.count
        self.kernelShape = kernelShape
        self.strides = strides ?? Array(repeating: 1, count: rank)
        self.dilations = dilations ?? Array(repeating: 1, count: rank)
        self.padding = padding
        self.ceilMode = ceilMode
        try Self.check(kernelShape, "kernel_shape", count: rank, minimum: 1)
        try Self.check(self.strides, "strides", count: rank, minimum: 1)
        try Self.check(self.dilations, "dilations", count: rank, minimum: 1)
        if case .explicit(let begins, let ends) = padding {
            try Self.check(begins + ends, "pads", count: 2 * rank, minimum: 0)
        }
        _ = try Shape(kernelShape)
        for axis in 0..<rank { _ = try extent(axis) }
    }

    private static func check(_ values: [Int], _ attribute: String, count: Int, minimum: Int) throws {
        guard values.count == count else {
            throw OperatorError("has \(values.count) numbers, but \(count) are needed", subject: attribute)
        }
        if let value = values.first(where: { $0 < minimum }) {
            throw OperatorError("must be \(minimum) or more everywhere, but has \(value)", subject: attribute)
        }
    }

    /// How many input positions a window spans along an axis: `d*(k - 1) + 1`.
    package func extent(_ axis: Int) throws(DimensionError) -> Int {
        let (product, overflow) = dilations[axis].multipliedReportingOverflow(by: kernelShape[axis] - 1)
        guard !overflow, product < Int.max else { throw .overflow }
        return product + 1
    }

    /// The number of windows along an axis of this size.
    /// - Throws: `OperatorError` if not even one window fits in a known size, `DimensionError`.
    package func outputSize(_ input: Dimension, axis: Int) throws -> Dimension {
        let stride = Dimension(strides[axis])
        let size: Dimension
        switch padding {
        case .sameUpper, .sameLower:
            size = try input.ceilDivided(by: stride)
        case .valid, .explicit:
            let (begin, end) = explicitPads(axis)
            let room = try input + Dimension(begin) + Dimension(end) - Dimension(extent(axis))
            if ceilMode {
                // The last window must start within the input or the padding before it, not in the padding behind.
                let fitting = try room.ceilDivided(by: stride)
                let starting = try (input + Dimension(begin) - 1).floorDivided(by: stride)
                size = try Dimension.minimum(fitting, starting) + 1
            } else {
                size = try room.floorDivided(by: stride) + 1
            }
            if let room = room.value, room < 0 {
                throw OperatorError("no window fits: \(formula(input, axis: axis)) = \(size)")
            }
        }
        return size
    }

    /// The number of windows along an axis of this size.
    package func outputSize(_ input: Int, axis: Int) throws -> Int {
        guard let size = try outputSize(Dimension(input), axis: axis).value else { throw DimensionError.tooComplex }
        return size
    }

    /// The padding before and behind an axis of this size.
    package func pads(_ input: Int, axis: Int) throws -> (begin: Int, end: Int) {
        switch padding {
        case .explicit, .valid:
            return explicitPads(axis)
        case .sameUpper, .sameLower:
            let output = try Dimension(outputSize(input, axis: axis))
            let covered = try (output - 1) * Dimension(strides[axis]) + Dimension(extent(axis))
            let total = max(try (covered - Dimension(input)).value ?? 0, 0)
            return padding == .sameUpper ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
        }
    }

    private func explicitPads(_ axis: Int) -> (begin: Int, end: Int) {
        if case .explicit(let begins, let ends) = padding { (begins[axis], ends[axis]) } else { (0, 0) }
    }

    /// How many positions at the end of an axis no window reaches, since the next step would leave the padded input.
    package func unreachedPositions(_ input: Int, axis: Int) throws -> Int {
        let (begin, end) = try pads(input, axis: axis)
        let reached = try (outputSize(input, axis: axis) - 1) * strides[axis] + extent(axis)
        return max(input + begin + end - reached, 0)
    }

    /// The arithmetic behind the number of windows with its numbers, for example
    /// `(7 + 2·0 − 1·(3−1) − 1)/3 + 1`.
    package func formula(_ input: Dimension, axis: Int) -> String {
        let (stride, kernel, dilation) = (strides[axis], kernelShape[axis], dilations[axis])
        switch padding {
        case .sameUpper, .sameLower:
            return "ceil(\(input)/\(stride))"
        case .valid, .explicit:
            let (begin, end) = explicitPads(axis)
            let pads = begin == end ? "2·\(begin)" : "\(begin) + \(end)"
            let quotient = "(\(input) + \(pads) − \(dilation)·(\(kernel)−1) − 1)/\(stride)"
            return (ceilMode ? "ceil\(quotient)" : quotient) + " + 1"
        }
    }
}

// MARK: - Shape rule

extension WindowGeometry {
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
        for axis in 0..<spatialRank {
            guard let size = dimensions[axis + 2] else {
                sizes.append(nil)
                continue
            }
            sizes.append(try outputSize(size, axis: axis))
            fact.formulas[axis + 2] = formula(size, axis: axis)
            if let number = size.value {
                let unreached = try unreachedPositions(number, axis: axis)
                if unreached > 0 {
                    fact.remarks.append(
                        "windows do not fit exactly along axis \(axis + 2): \(formula(size, axis: axis)) leaves the last "
                            + "\(unreached) of \(number) unread")
                }
            }
        }
        fact.shape = SymbolicShape(sizes)
        return fact
    }
}

// MARK: - Taps

/// Which input positions each window covers: for window `w`, the taps from `starts[w]` up to `starts[w + 1]`. Taps in the
/// padding are left out.
package struct WindowTaps: Sendable {
    package let starts: [Int]
    package let taps: [Tap]

    /// A position within the kernel and the input position that it meets, both row-major over the spatial axes.
    package struct Tap: Sendable {
        package let kernel: Int
        package let input: Int
    }

    /// The number of windows.
    package var windowCount: Int { starts.count - 1 }

    /// The taps of one window.
    package func window(_ index: Int) -> ArraySlice<Tap> { taps[starts[index]..<starts[index + 1]] }
}

extension WindowGeometry {
    /// The taps of every window over spatial axes of these sizes, windows in row-major order.
    package func taps(inputSizes: [Int]) throws -> WindowTaps {
        let axes = try inputSizes.indices.map { try axisTaps(inputSizes[$0], axis: $0) }
        // Axis by axis, outermost first: every window so far splits into one for each window of the next axis.
        var windows: [[WindowTaps.Tap]] = [[WindowTaps.Tap(kernel: 0, input: 0)]]
        for (axis, windowsOfAxis) in axes.enumerated() {
            windows = windows.flatMap { outer in
                windowsOfAxis.map { inner in
                    outer.flatMap { outerTap in
                        inner.map { innerTap in
                            WindowTaps.Tap(
                                kernel: outerTap.kernel * kernelShape[axis] + innerTap.kernel,
                                input: outerTap.input * inputSizes[axis] + innerTap.input)
                        }
                    }
                }
            }
        }
        var starts = [0]
        for window in windows { starts.append(starts[starts.count - 1] + window.count) }
        return WindowTaps(starts: starts, taps: windows.flatMap { $0 })
    }

    private func axisTaps(_ input: Int, axis: Int) throws -> [[WindowTaps.Tap]] {
        let begin = try pads(input, axis: axis).begin
        return try (0..<outputSize(input, axis: axis)).map { window in
            (0..<kernelShape[axis]).compactMap { tap in
                let position = window * strides[axis] - begin + tap * dilations[axis]
                return 0..<input ~= position ? WindowTaps.Tap(kernel: tap, input: position) : nil
            }
        }
    }
}
