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

    /// The most taps of one window that can meet an input of these sizes rather than its padding.
    package func tapCount(within inputSizes: [Int]) -> Int {
        // An axis of size 0 may stand beside others whose product no Int holds.
        inputSizes.contains(0) ? 0 : zip(inputSizes, kernelShape).reduce(1) { $0 * min($1.0, $1.1) }
    }

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

    /// The number of windows along an axis of this size. In ceil mode a last window that is only partly filled counts too,
    /// unless it would start in the padding behind the input; as in ONNX's shape inference, ONNX Runtime and PyTorch, no
    /// more than that one window is left out.
    /// - Throws: `OperatorError` if not even one window fits in a known size, `DimensionError`.
    package func outputSize(_ input: Dimension, axis: Int) throws -> Dimension {
        let stride = Dimension(strides[axis])
        let size: Dimension
        switch padding {
        case .sameUpper, .sameLower:
            return try input.ceilDivided(by: stride)
        case .valid, .explicit:
            let (begin, end) = explicitPads(axis)
            let extent = Dimension(try extent(axis))
            let room = try input + Dimension(begin) + Dimension(end) - extent
            if ceilMode {
                // The last of ceil(room/s) + 1 windows starts at the input's end or behind it when that start,
                // s*ceil(room/s), is in + begin or more. Both bounds are floors over s, so the smaller numerator decides.
                let overhang = try Dimension(end) + stride - extent
                let isDropped = end >= (try self.extent(axis))
                let allowance = isDropped ? try overhang - stride : try Dimension.minimum(overhang, 0)
                size = try (input + Dimension(begin) + allowance - 1).floorDivided(by: stride) + 1
            } else {
                size = try room.floorDivided(by: stride) + 1
            }
            // A zero-size axis has no windows; any other axis must take one.
            if let number = size.value, number < (input == 0 ? 0 : 1) {
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
        let windows = try outputSize(Dimension(input), axis: axis)
        if windows == 0 { return input }
        let reached = try (windows - 1) * Dimension(strides[axis]) + Dimension(extent(axis))
        let padded = try Dimension(input) + Dimension(begin) + Dimension(end)
        return max(try (padded - reached).value ?? 0, 0)
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
