import CNNKernelTable

/// The taps of a window along one axis that fall inside the map.
struct TapRange {
    let range: Range<Int>

    /// Tap t reads position `first + t·dilation`; valid are positions from 0 to `limit`.
    @inline(always)
    init(first: Int, dilation: Int, taps: Int, limit: Int) {
        let lower: Int
        let upper: Int
        if dilation == 1 {
            // The usual case, without divisions.
            lower = max(0, -first)
            upper = max(0, min(taps, limit - first))
        } else {
            lower = first >= 0 ? 0 : (-first + dilation - 1) / dilation
            upper = first >= limit ? 0 : min(taps, (limit - first + dilation - 1) / dilation)
        }
        let start = min(lower, taps)
        range = Range(uncheckedBounds: (start, max(start, upper)))
    }
}

extension WindowGeometry {
    /// No third spatial dimension.
    var isPlane: Bool {
        input.depth == 1 && output.depth == 1 && kernel.depth == 1 && padBegin.depth == 0
    }

    /// The output columns whose windows lie inside the map from left to right.
    var innerColumns: Range<Int> {
        let first = (padBegin.width + stride.width - 1) / stride.width
        let last = input.width - 1 - (kernel.width - 1) * dilation.width + padBegin.width
        let end = last < 0 ? 0 : min(output.width, last / stride.width + 1)
        let start = min(first, output.width)
        return start..<max(start, end)
    }
}
