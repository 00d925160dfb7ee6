import CNNKernelTable

/// Maximum pooling over the windows that networks use, 3×3 and 2×2 at steps of one and two pixels: first the maximum of each
/// column, which neighbouring windows share, then that of the columns. Every window meets the map.
struct SeparableMaximum {
    private enum Shape {
        case threeColumns, threeColumnsStrideTwo, twoColumnsStrideTwo
    }

    private let window: WindowGeometry
    private let shape: Shape

    /// `nil` for windows of other shapes.
    init?(_ window: WindowGeometry) {
        guard window.dilation == .one, window.kernel.height <= window.kernel.width else { return nil }
        switch (window.kernel.width, window.stride.width) {
        case (3, 1): shape = .threeColumns
        case (3, 2): shape = .threeColumnsStrideTwo
        case (2, 2): shape = .twoColumnsStrideTwo
        default: return nil
        }
        self.window = window
    }

    /// Output rows `rows` of one channel block.
    func compute(_ rows: Range<Int>, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
        for y in rows {
            let band = RowBand(window, y: y, input: input)
            let line = output + y * window.output.width * Vector.scalarCount
            switch shape {
            case .threeColumns: computeThreeColumns(band, line)
            case .threeColumnsStrideTwo: computeThreeColumnsStrideTwo(band, line)
            case .twoColumnsStrideTwo: computeTwoColumnsStrideTwo(band, line)
            }
        }
    }

    @inline(never)
    private func computeThreeColumns(_ band: RowBand, _ output: UnsafeMutablePointer<Float>) {
        let first = -window.padBegin.width
        var left = band.maximum(ofThreeIn: first)
        var middle = band.maximum(ofThreeIn: first + 1)
        for x in 0..<window.output.width {
            let right = band.maximum(ofThreeIn: first + x + 2)
            store(left.joined(middle).joined(right).result, output + x * Vector.scalarCount)
            left = middle
            middle = right
        }
    }

    @inline(never)
    private func computeThreeColumnsStrideTwo(_ band: RowBand, _ output: UnsafeMutablePointer<Float>) {
        let first = -window.padBegin.width
        var left = band.maximum(ofThreeIn: first)
        for x in 0..<window.output.width {
            let middle = band.maximum(ofThreeIn: first + 2 * x + 1)
            let right = band.maximum(ofThreeIn: first + 2 * x + 2)
            store(left.joined(middle).joined(right).result, output + x * Vector.scalarCount)
            left = right
        }
    }

    @inline(never)
    private func computeTwoColumnsStrideTwo(_ band: RowBand, _ output: UnsafeMutablePointer<Float>) {
        let first = -window.padBegin.width
        for x in 0..<window.output.width {
            let left = band.maximum(ofTwoIn: first + 2 * x)
            let right = band.maximum(ofTwoIn: first + 2 * x + 1)
            store(left.joined(right).result, output + x * Vector.scalarCount)
        }
    }
}

/// The rows of a map that the windows of one output row see. The outermost stand in for rows that the window has not or that
/// lie beyond the map: what is seen twice changes no maximum.
private struct RowBand {
    let top: UnsafePointer<Float>
    let middle: UnsafePointer<Float>
    let bottom: UnsafePointer<Float>
    let width: Int

    @inline(always)
    init(_ window: WindowGeometry, y: Int, input: UnsafePointer<Float>) {
        let begin = y * window.stride.height - window.padBegin.height
        let first = max(0, begin)
        let last = min(begin + window.kernel.height, window.input.height) - 1
        let rowSize = window.input.width * Vector.scalarCount
        top = input + first * rowSize
        middle = input + min(first + 1, last) * rowSize
        bottom = input + last * rowSize
        width = window.input.width
    }

    @inline(always)
    func maximum(ofThreeIn column: Int) -> PartialMaximum {
        guard contains(column) else { return PartialMaximum() }
        let offset = column * Vector.scalarCount
        return PartialMaximum(load(top + offset), load(middle + offset), load(bottom + offset))
    }

    @inline(always)
    func maximum(ofTwoIn column: Int) -> PartialMaximum {
        guard contains(column) else { return PartialMaximum() }
        let offset = column * Vector.scalarCount
        return PartialMaximum(load(top + offset), load(bottom + offset))
    }

    /// One comparison: a negative column is a huge number without its sign.
    @inline(always)
    private func contains(_ column: Int) -> Bool {
        UInt(bitPattern: column) < UInt(bitPattern: width)
    }
}
