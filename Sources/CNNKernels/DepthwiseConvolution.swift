import CNNKernelTable

/// Depth-wise convolution on the blocked layout: a vector holds one pixel of the channels of a block, and every channel has
/// its own weight in the same lane.
extension Kernels {
    package func supportsDepthwise(_ geometry: ConvolutionGeometry) -> Bool {
        geometry.window.isPlane && geometry.groups == geometry.inputChannels
            && geometry.outputChannels == geometry.inputChannels
    }

    package func convolveDepthwise(
        _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, blocks: Range<Int>, rows: Range<Int>
    ) {
        let window = geometry.window
        let c = Vector.scalarCount
        for block in blocks {
            DepthwiseBlock(
                window: window, weights: operands.weights + block * window.kernel.count * c,
                input: operands.input + block * operands.inputStride,
                bias: operands.bias.map { load($0 + block * c) } ?? .zero,
                residual: operands.residual.map { $0 + block * operands.residualStride },
                output: operands.output + block * operands.outputStride,
                activation: VectorActivation(operands.activation)
            ).compute(rows)
        }
    }
}

/// One channel block. Each of its loops is a function of its own, so that all it needs fits the registers.
private struct DepthwiseBlock {
    let window: WindowGeometry
    let weights: UnsafePointer<Float>
    let input: UnsafePointer<Float>
    let bias: Vector
    let residual: UnsafePointer<Float>?
    let output: UnsafeMutablePointer<Float>
    let activation: VectorActivation

    func compute(_ rows: Range<Int>) {
        switch (isThreeTaps, window.stride.width) {
        case (true, 1): computeThreeTaps(rows)
        case (true, 2): computeThreeTapsStrideTwo(rows)
        default: computeAnyTaps(rows)
        }
    }

    /// An output row.
    struct Line {
        /// How many tap rows lie inside the map.
        let tapRows: Int
        /// Of the first of them.
        let weights: UnsafePointer<Float>
        /// Where the first tap of the first window lies, or would lie if the map had no border.
        let input: UnsafePointer<Float>
        /// The number of its first pixel.
        let pixel: Int
    }

    @inline(__always)
    private func line(_ row: Int) -> Line {
        let c = Vector.scalarCount
        let top = row * window.stride.height - window.padBegin.height
        let tapRows = TapRange(
            first: top, dilation: window.dilation.height, taps: window.kernel.height, limit: window.input.height
        ).range
        let firstRow = (top + tapRows.lowerBound * window.dilation.height) * window.input.width
        return Line(
            tapRows: tapRows.count, weights: weights + tapRows.lowerBound * window.kernel.width * c,
            input: input + (firstRow - window.padBegin.width) * c, pixel: row * window.output.width)
    }

    /// Floats from one tap to the one below it.
    private var rowSpacing: Int { window.dilation.height * window.input.width * Vector.scalarCount }

    // MARK: - Three taps side by side

    /// Whether the taps of a window are three pixels side by side, of which one at most lies beyond the map: the first one of the first
    /// window, or the last one of the last.
    private var isThreeTaps: Bool {
        window.kernel.width == 3 && window.dilation.width == 1 && window.padBegin.width <= 1
            && lastTap <= window.input.width && (window.output.width > 1 || window.padBegin.width == 0)
    }

    /// The input column of the last tap of the last window.
    private var lastTap: Int { (window.output.width - 1) * window.stride.width - window.padBegin.width + 2 }

    @inline(never)
    private func computeThreeTaps(_ rows: Range<Int>) { computeThreeTaps(rows, OneStep.self) }

    @inline(never)
    private func computeThreeTapsStrideTwo(_ rows: Range<Int>) { computeThreeTaps(rows, TwoStep.self) }

    @inline(__always)
    private func computeThreeTaps<Step: PixelStep>(_ rows: Range<Int>, _ step: Step.Type) {
        let sizes = TileSizes(window.output.width, limit: Columns8.count)
        let missesLast = lastTap == window.input.width
        for row in rows {
            let line = line(row)
            var x = 0
            for tile in 0..<sizes.tiles {
                let count = tile < sizes.longer ? sizes.size + 1 : sizes.size
                let missesFirst = tile == 0 && window.padBegin.width == 1
                let missesLast = tile == sizes.tiles - 1 && missesLast
                switch count {
                case 8: computeTile(Columns8.self, line, x, step, missesFirst, missesLast)
                case 7: computeTile(Columns7.self, line, x, step, missesFirst, missesLast)
                case 6: computeTile(Columns6.self, line, x, step, missesFirst, missesLast)
                case 5: computeTile(Columns5.self, line, x, step, missesFirst, missesLast)
                case 4: computeTile(Columns4.self, line, x, step, missesFirst, missesLast)
                case 3: computeTile(Columns3.self, line, x, step, missesFirst, missesLast)
                case 2: computeTile(Columns2.self, line, x, step, missesFirst, missesLast)
                default: computeTile(OneColumn.self, line, x, step, missesFirst, missesLast)
                }
                x += count
            }
        }
    }

    /// - Parameters:
    ///   - missesFirst: whether the first tap of the first column lies beyond the map.
    ///   - missesLast: the same of the last tap of the last column.
    @inline(__always)
    private func computeTile<Columns: DepthwiseColumns, Step: PixelStep>(
        _: Columns.Type, _ line: Line, _ x: Int, _: Step.Type, _ missesFirst: Bool, _ missesLast: Bool
    ) {
        let step = Step.pixels * Vector.scalarCount
        let c = Vector.scalarCount
        var columns = Columns(bias)
        var row = line.input + x * step
        var weight = line.weights
        for _ in 0..<line.tapRows {
            columns.add(load(weight), row, step: step, missesFirst: missesFirst, missesLast: false)
            columns.add(load(weight + c), row + c, step: step, missesFirst: false, missesLast: false)
            columns.add(load(weight + 2 * c), row + 2 * c, step: step, missesFirst: false, missesLast: missesLast)
            row += rowSpacing
            weight += 3 * c
        }
        columns.finish(self, line.pixel + x)
    }

    // MARK: - Any taps

    @inline(never)
    private func computeAnyTaps(_ rows: Range<Int>) {
        let inner = window.innerColumns
        let step = window.stride.width * Vector.scalarCount
        for row in rows {
            let line = line(row)
            computeBorder(line, 0..<inner.lowerBound)
            var x = inner.lowerBound
            while x + 8 <= inner.upperBound {
                computeTile(Columns8.self, line, x, step)
                x += 8
            }
            if x + 4 <= inner.upperBound {
                computeTile(Columns4.self, line, x, step)
                x += 4
            }
            while x < inner.upperBound {
                computeTile(OneColumn.self, line, x, step)
                x += 1
            }
            computeBorder(line, inner.upperBound..<window.output.width)
        }
    }

    /// Columns whose windows lie inside the map from left to right.
    @inline(__always)
    private func computeTile<Columns: DepthwiseColumns>(_: Columns.Type, _ line: Line, _ x: Int, _ step: Int) {
        let c = Vector.scalarCount
        let spacing = window.dilation.width * c
        var columns = Columns(bias)
        var row = line.input + x * step
        var weight = line.weights
        for _ in 0..<line.tapRows {
            for tap in 0..<window.kernel.width {
                columns.add(load(weight), row + tap * spacing, step: step, missesFirst: false, missesLast: false)
                weight += c
            }
            row += rowSpacing
        }
        columns.finish(self, line.pixel + x)
    }

    /// Columns whose windows may reach over the left or right border.
    private func computeBorder(_ line: Line, _ columns: Range<Int>) {
        let c = Vector.scalarCount
        for x in columns {
            let left = x * window.stride.width - window.padBegin.width
            let taps = TapRange(
                first: left, dilation: window.dilation.width, taps: window.kernel.width, limit: window.input.width
            ).range
            var sum = bias
            var row = line.input + x * window.stride.width * c
            var weight = line.weights
            for _ in 0..<line.tapRows {
                for tap in taps {
                    sum = multiplyAdd(sum, load(row + tap * window.dilation.width * c), load(weight + tap * c))
                }
                row += rowSpacing
                weight += window.kernel.width * c
            }
            finish(sum, line.pixel + x)
        }
    }

    @inline(__always)
    func finish(_ sum: Vector, _ pixel: Int) {
        let c = Vector.scalarCount
        var value = sum
        if let residual { value += load(residual + pixel * c) }
        store(activation(value), output + pixel * c)
    }
}

/// The sums of adjacent output columns.
private protocol DepthwiseColumns {
    static var count: Int { get }
    init(_ bias: Vector)
    /// Adds a tap's products with pixels that are `step` floats apart, but for the first or the last column if theirs lies beyond the map.
    mutating func add(_ weight: Vector, _ source: UnsafePointer<Float>, step: Int, missesFirst: Bool, missesLast: Bool)
    /// Hands the sums to their block, the first as that of this pixel.
    func finish(_ block: DepthwiseBlock, _ pixel: Int)
}

private struct OneColumn: DepthwiseColumns {
    private var sum: Vector

    @inline(__always) static var count: Int { 1 }

    @inline(__always)
    init(_ bias: Vector) {
        sum = bias
    }

    @inline(__always)
    mutating func add(_ weight: Vector, _ source: UnsafePointer<Float>, step: Int, missesFirst: Bool, missesLast: Bool) {
        if !missesFirst && !missesLast { sum = multiplyAdd(sum, load(source), weight) }
    }

    @inline(__always)
    func finish(_ block: DepthwiseBlock, _ pixel: Int) {
        block.finish(sum, pixel)
    }
}

private struct JoinedColumns<Left: DepthwiseColumns, Right: DepthwiseColumns>: DepthwiseColumns {
    private var left: Left
    private var right: Right

    @inline(__always) static var count: Int { Left.count + Right.count }

    @inline(__always)
    init(_ bias: Vector) {
        (left, right) = (Left(bias), Right(bias))
    }

    @inline(__always)
    mutating func add(_ weight: Vector, _ source: UnsafePointer<Float>, step: Int, missesFirst: Bool, missesLast: Bool) {
        left.add(weight, source, step: step, missesFirst: missesFirst, missesLast: false)
        right.add(weight, source + Left.count * step, step: step, missesFirst: false, missesLast: missesLast)
    }

    @inline(__always)
    func finish(_ block: DepthwiseBlock, _ pixel: Int) {
        left.finish(block, pixel)
        right.finish(block, pixel + Left.count)
    }
}

private typealias Columns2 = JoinedColumns<OneColumn, OneColumn>
private typealias Columns3 = JoinedColumns<Columns2, OneColumn>
private typealias Columns4 = JoinedColumns<Columns2, Columns2>
private typealias Columns5 = JoinedColumns<Columns4, OneColumn>
private typealias Columns6 = JoinedColumns<Columns4, Columns2>
private typealias Columns7 = JoinedColumns<Columns4, Columns3>
/// As many as hide the time that a multiplication with addition takes: two a cycle, each ready after four.
private typealias Columns8 = JoinedColumns<Columns4, Columns4>
