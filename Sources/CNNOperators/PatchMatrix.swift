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
    private let outputSizes: [Int]
    private let inputSizes: [Int]
    private let kernelShape: [Int]
    private let windowCount: Int
    private let tapCount: Int
    /// For each axis, by window and tap along it: the input position, or −1 in the padding.
    private let positions: [[Int]]

    /// - Parameters:
    ///   - channels: C.
    ///   - firstChannel: where the group's channels begin.
    init(_ taps: WindowTaps, numbers: FactorNumbers, batch: Int, channels: Int, firstChannel: Int) {
        self.numbers = numbers
        inputSizes = taps.inputSizes
        outputSizes = taps.outputSizes
        kernelShape = taps.geometry.kernelShape
        planeSize = inputSizes.reduce(1, *)
        imageStride = channels * planeSize
        groupStart = firstChannel * planeSize
        windowCount = taps.windowCount
        tapCount = taps.geometry.tapCount
        columns = batch * windowCount
        positions = inputSizes.indices.map { axis in
            (0..<taps.outputSizes[axis]).flatMap { window -> [Int] in
                let axisWindow = taps.axisWindow(window, axis: axis)
                return (0..<taps.geometry.kernelShape[axis]).map { tap in
                    axisWindow.taps.contains(tap) ? axisWindow.start + tap * taps.geometry.dilations[axis] : -1
                }
            }
        }
    }

    /// For each tap the positions of `width` columns in the first channel, then for each tap the first position if all follow one
    /// another, else −1.
    func scratchCount(width: Int) -> Int { tapCount * (width + 1) }

    func prepare(column: Int, width: Int, scratch: PackingScratch) {
        let rank = inputSizes.count
        positions.withUnsafeElements { positions in
            withUnsafeTemporaryAllocation(of: Int.self, capacity: rank * 2) { indices in
                for index in 0..<width {
                    guard column + index < columns else {
                        for tap in 0..<tapCount { scratch[tap &* width &+ index] = -1 }
                        continue
                    }
                    let (image, window) = (column + index).quotientAndRemainder(dividingBy: windowCount)
                    var rest = window
                    for axis in stride(from: rank - 1, through: 0, by: -1) {
                        indices[axis] = rest % outputSizes[axis]
                        rest /= outputSizes[axis]
                    }
                    let start = image &* imageStride &+ groupStart
                    for tap in 0..<tapCount {
                        scratch[tap &* width &+ index] = position(tap, indices, positions, start)
                    }
                }
            }
        }
        for tap in 0..<tapCount {
            let row = scratch + tap * width
            let isRun = row[0] >= 0 && (1..<width).allSatisfy { row[$0] == row[0] &+ $0 }
            scratch[tapCount * width + tap] = isRun ? row[0] : -1
        }
    }

    /// Where a tap meets the first channel, or −1.
    @inline(__always)
    private func position(
        _ tap: Int, _ indices: UnsafeMutableBufferPointer<Int>, _ positions: UnsafeBufferPointer<UnsafePointer<Int>>,
        _ start: Int
    ) -> Int {
        var (rest, position, scale) = (tap, start, 1)
        for axis in stride(from: indices.count / 2 - 1, through: 0, by: -1) {
            let size = kernelShape[axis]
            let place = positions[axis][indices[axis] &* size &+ rest % size]
            if place < 0 { return -1 }
            position &+= place &* scale
            scale &*= inputSizes[axis]
            rest /= size
        }
        return position
    }

    func pack(
        depth: Range<Int>, column: Int, width: Int, to target: UnsafeMutablePointer<Double>, scratch: PackingScratch
    ) {
        var (channel, tap) = depth.lowerBound.quotientAndRemainder(dividingBy: tapCount)
        var row = target
        for _ in depth {
            let run = scratch[tapCount &* width &+ tap]
            if run >= 0 {
                numbers.copy(from: run &+ channel &* planeSize, step: 1, count: width, to: row, stride: 1)
            } else {
                numbers.gather(scratch + tap &* width, offset: channel &* planeSize, count: width, to: row)
            }
            row += width
            tap &+= 1
            if tap == tapCount { (tap, channel) = (0, channel &+ 1) }
        }
        numbers.form.apply(to: target, count: depth.count * width)
    }
}

extension [[Int]] {
    /// Calls `body` with the addresses of the inner arrays' elements.
    fileprivate func withUnsafeElements(_ body: (UnsafeBufferPointer<UnsafePointer<Int>>) -> Void) {
        let flat = flatMap { $0 }
        flat.withUnsafeBufferPointer { flat in
            guard var next = flat.baseAddress else { return }
            let addresses = map { inner in
                defer { next += inner.count }
                return next
            }
            addresses.withUnsafeBufferPointer(body)
        }
    }
}
