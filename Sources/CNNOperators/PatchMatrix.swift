/// The patches of a convolution as a matrix: column j is the input that window j mod W of image j / W covers, laid out like a row
/// of weights, `[C/group · taps]`; padding is 0.
struct PatchMatrix: PackedColumns {
    let numbers: FactorNumbers
    let columns: Int
    /// Elements from one image to the next, and from one channel to the next.
    private let imageStride: Int
    private let planeSize: Int
    /// Where the channels of the group begin in an image.
    private let groupStart: Int
    private let taps: WindowTaps
    private let windowCount: Int
    private let tapCount: Int
    /// The taps whose positions are known at a time: those of all usual kernels, which every channel reads again. Larger ones are
    /// located anew for each channel, so that no kernel takes memory for each of its taps.
    private let locatedCount: Int

    private static let tapBlock = 256

    /// - Parameters:
    ///   - channels: C.
    ///   - firstChannel: where the group's channels begin.
    init(_ taps: WindowTaps, numbers: FactorNumbers, batch: Int, channels: Int, firstChannel: Int) {
        self.numbers = numbers
        self.taps = taps
        planeSize = taps.inputSizes.reduce(1, *)
        imageStride = channels * planeSize
        groupStart = firstChannel * planeSize
        windowCount = taps.windowCount
        tapCount = taps.geometry.tapCount
        locatedCount = min(tapCount, Self.tapBlock)
        columns = batch * windowCount
    }

    /// For each located tap the positions of `width` columns in the first channel, then for each the first position if all follow
    /// one another, else −1.
    func scratchCount(width: Int) -> Int { locatedCount * (width + 1) }

    func prepare(column: Int, width: Int, scratch: PackingScratch) {
        if locatedCount == tapCount { locate(0..<tapCount, column: column, width: width, scratch: scratch) }
    }

    func pack(
        depth: Range<Int>, column: Int, width: Int, to target: UnsafeMutablePointer<Double>, scratch: PackingScratch
    ) {
        var (channel, tap) = depth.lowerBound.quotientAndRemainder(dividingBy: tapCount)
        var row = target
        var remaining = depth.count
        while remaining > 0 {
            // As many taps of this channel as are located together.
            let count = min(tapCount - tap, remaining, locatedCount)
            var first = tap
            if locatedCount < tapCount {
                locate(tap..<tap + count, column: column, width: width, scratch: scratch)
                first = 0
            }
            for located in first..<first + count {
                let run = scratch[locatedCount &* width &+ located]
                if run >= 0 {
                    numbers.copy(from: run &+ channel &* planeSize, step: 1, count: width, to: row, stride: 1)
                } else {
                    numbers.gather(scratch + located &* width, offset: channel &* planeSize, count: width, to: row)
                }
                row += width
            }
            remaining &-= count
            tap &+= count
            if tap == tapCount { (tap, channel) = (0, channel &+ 1) }
        }
        numbers.form.apply(to: target, count: depth.count * width)
    }

    /// Writes where these taps of `width` windows meet the first channel, as `scratchCount(width:)` says.
    private func locate(_ kernelTaps: Range<Int>, column: Int, width: Int, scratch: PackingScratch) {
        let rank = taps.inputSizes.count
        withUnsafeTemporaryAllocation(of: AxisWindow.self, capacity: rank) { windows in
            for index in 0..<width {
                guard column + index < columns else {
                    for tap in 0..<kernelTaps.count { scratch[tap &* width &+ index] = -1 }
                    continue
                }
                let (image, window) = (column + index).quotientAndRemainder(dividingBy: windowCount)
                var rest = window
                for axis in stride(from: rank - 1, through: 0, by: -1) {
                    let (outer, inner) = rest.quotientAndRemainder(dividingBy: taps.outputSizes[axis])
                    windows.initializeElement(at: axis, to: taps.axisWindow(inner, axis: axis))
                    rest = outer
                }
                locate(
                    kernelTaps, of: UnsafeBufferPointer(windows), image: image &* imageStride &+ groupStart, width: width,
                    to: scratch + index)
            }
        }
        for tap in 0..<kernelTaps.count {
            let row = scratch + tap * width
            let isRun = row[0] >= 0 && (1..<width).allSatisfy { row[$0] == row[0] &+ $0 }
            scratch[locatedCount * width + tap] = isRun ? row[0] : -1
        }
    }

    /// Writes where these taps of one window meet the first channel of the image that begins at `image`, −1 in the padding, to
    /// places `width` apart.
    @inline(__always)
    private func locate(
        _ kernelTaps: Range<Int>, of windows: UnsafeBufferPointer<AxisWindow>, image: Int, width: Int, to target: PackingScratch
    ) {
        let last = windows.count - 1
        let (rowLength, dilation, window) = (taps.geometry.kernelShape[last], taps.geometry.dilations[last], windows[last])
        var target = target
        // Row after row of the kernel along the last axis.
        var (kernelRow, tap) = kernelTaps.lowerBound.quotientAndRemainder(dividingBy: rowLength)
        var remaining = kernelTaps.count
        while remaining > 0 {
            let end = min(rowLength, tap + remaining)
            remaining -= end - tap
            let line = self.line(kernelRow, windows)
            while tap < end {
                let isInside = line >= 0 && window.taps.contains(tap)
                target.pointee = isInside ? image &+ line &+ window.start &+ tap &* dilation : -1
                target += width
                tap += 1
            }
            (kernelRow, tap) = (kernelRow + 1, 0)
        }
    }

    /// Where the line of the plane begins that a row of the kernel meets, or −1.
    @inline(__always)
    private func line(_ kernelRow: Int, _ windows: UnsafeBufferPointer<AxisWindow>) -> Int {
        let last = windows.count - 1
        var (rest, position, scale) = (kernelRow, 0, taps.inputSizes[last])
        for axis in stride(from: last - 1, through: 0, by: -1) {
            let (outer, tap) = rest.quotientAndRemainder(dividingBy: taps.geometry.kernelShape[axis])
            guard windows[axis].taps.contains(tap) else { return -1 }
            position &+= (windows[axis].start &+ tap &* taps.geometry.dilations[axis]) &* scale
            scale &*= taps.inputSizes[axis]
            rest = outer
        }
        return position
    }
}
