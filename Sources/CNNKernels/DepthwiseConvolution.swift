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
        let inner = window.innerColumns
        let activation = VectorActivation(operands.activation)
        for block in blocks {
            let input = operands.input + block * operands.inputStride
            let bias = operands.bias.map { load($0 + block * c) } ?? .zero
            for row in rows {
                let top = row * window.stride.height - window.padBegin.height
                let tapRows = TapRange(
                    first: top, dilation: window.dilation.height, taps: window.kernel.height, limit: window.input.height
                ).range
                let firstRow = (top + tapRows.lowerBound * window.dilation.height) * window.input.width
                let firstTap = block * window.kernel.count + tapRows.lowerBound * window.kernel.width
                let pixel = row * window.output.width
                let line = DepthwiseLine(
                    weights: operands.weights + firstTap * c, tapRows: tapRows.count, tapColumns: window.kernel.width,
                    input: input + (firstRow - window.padBegin.width) * c,
                    rowSpacing: window.dilation.height * window.input.width * c,
                    columnSpacing: window.dilation.width * c, bias: bias,
                    residual: operands.residual.map { $0 + (block * operands.residualStride + pixel * c) },
                    output: operands.output + (block * operands.outputStride + pixel * c), activation: activation)
                line.computeBorder(0..<inner.lowerBound, window)
                switch (window.kernel.width, window.dilation.width, window.stride.width) {
                case (3, 1, 1): line.computeThreeTaps(inner)
                case (3, 1, 2): line.computeThreeTapsStrideTwo(inner)
                default: line.computeAnyTaps(inner, step: window.stride.width * c)
                }
                line.computeBorder(inner.upperBound..<window.output.width, window)
            }
        }
    }
}

/// One output row of one channel block. The loops over its columns are functions of their own, so that all they need fits the registers.
private struct DepthwiseLine {
    /// Of the first tap row that lies inside the map.
    let weights: UnsafePointer<Float>
    /// How many tap rows lie inside the map.
    let tapRows: Int
    let tapColumns: Int
    /// Where the first tap of the first window lies, or would lie if the map had no border.
    let input: UnsafePointer<Float>
    /// Floats from one tap to the one below it.
    let rowSpacing: Int
    /// Floats from one tap to the one beside it.
    let columnSpacing: Int
    let bias: Vector
    let residual: UnsafePointer<Float>?
    let output: UnsafeMutablePointer<Float>
    let activation: VectorActivation

    @inline(never)
    func computeThreeTaps(_ columns: Range<Int>) {
        let c = Vector.scalarCount
        compute(columns, step: c, tapColumns: 3, spacing: c)
    }

    @inline(never)
    func computeThreeTapsStrideTwo(_ columns: Range<Int>) {
        let c = Vector.scalarCount
        compute(columns, step: 2 * c, tapColumns: 3, spacing: c)
    }

    @inline(never)
    func computeAnyTaps(_ columns: Range<Int>, step: Int) {
        compute(columns, step: step, tapColumns: tapColumns, spacing: columnSpacing)
    }

    /// Columns whose windows lie inside the map from left to right. Where the parameters are constants, the taps of a row are unrolled
    /// and all their loads are one address with constant offsets.
    /// - Parameters:
    ///   - step: floats from the window of one output column to that of the next.
    ///   - spacing: `columnSpacing`.
    @inline(always)
    private func compute(_ columns: Range<Int>, step: Int, tapColumns: Int, spacing: Int) {
        var x = columns.lowerBound
        while x + 8 <= columns.upperBound {
            computeTile(EightSums(bias), x, step, tapColumns, spacing)
            x += 8
        }
        if x + 4 <= columns.upperBound {
            computeTile(FourSums(bias), x, step, tapColumns, spacing)
            x += 4
        }
        while x < columns.upperBound {
            computeTile(OneSum(bias), x, step, tapColumns, spacing)
            x += 1
        }
    }

    @inline(always)
    private func computeTile<Sums: DepthwiseSums>(_ start: Sums, _ x: Int, _ step: Int, _ tapColumns: Int, _ spacing: Int) {
        var sums = start
        var row = input + x * step
        var weight = weights
        for _ in 0..<tapRows {
            for tap in 0..<tapColumns {
                sums.add(load(weight), row + tap * spacing, step: step)
                weight += Vector.scalarCount
            }
            row += rowSpacing
        }
        sums.visit { finish($1, x + $0) }
    }

    /// Columns whose windows may reach over the left or right border.
    @inline(never)
    func computeBorder(_ columns: Range<Int>, _ window: WindowGeometry) {
        let c = Vector.scalarCount
        for x in columns {
            let left = x * window.stride.width - window.padBegin.width
            let taps = TapRange(
                first: left, dilation: window.dilation.width, taps: tapColumns, limit: window.input.width
            ).range
            var sum = bias
            var row = input + x * window.stride.width * c
            var weight = weights
            for _ in 0..<tapRows {
                for tap in taps {
                    sum = multiplyAdd(sum, load(row + tap * columnSpacing), load(weight + tap * c))
                }
                row += rowSpacing
                weight += tapColumns * c
            }
            finish(sum, x)
        }
    }

    @inline(always)
    private func finish(_ sum: Vector, _ x: Int) {
        let c = Vector.scalarCount
        var value = sum
        if let residual { value += load(residual + x * c) }
        store(activation(value), output + x * c)
    }
}

/// The sums of adjacent output columns.
private protocol DepthwiseSums {
    /// Adds a tap's products with pixels that are `step` floats apart.
    mutating func add(_ weight: Vector, _ source: UnsafePointer<Float>, step: Int)
    /// The sums in the order of the columns.
    func visit(_ body: (Int, Vector) -> Void)
}

private struct OneSum: DepthwiseSums {
    private var sum: Vector

    @inline(always)
    init(_ bias: Vector) {
        sum = bias
    }

    @inline(always)
    mutating func add(_ weight: Vector, _ source: UnsafePointer<Float>, step: Int) {
        sum = multiplyAdd(sum, load(source), weight)
    }

    @inline(always)
    func visit(_ body: (Int, Vector) -> Void) {
        body(0, sum)
    }
}

private struct FourSums: DepthwiseSums {
    private var sum0: Vector
    private var sum1: Vector
    private var sum2: Vector
    private var sum3: Vector

    @inline(always)
    init(_ bias: Vector) {
        (sum0, sum1, sum2, sum3) = (bias, bias, bias, bias)
    }

    @inline(always)
    mutating func add(_ weight: Vector, _ source: UnsafePointer<Float>, step: Int) {
        sum0 = multiplyAdd(sum0, load(source), weight)
        sum1 = multiplyAdd(sum1, load(source + step), weight)
        sum2 = multiplyAdd(sum2, load(source + 2 * step), weight)
        sum3 = multiplyAdd(sum3, load(source + 3 * step), weight)
    }

    @inline(always)
    func visit(_ body: (Int, Vector) -> Void) {
        body(0, sum0)
        body(1, sum1)
        body(2, sum2)
        body(3, sum3)
    }
}

/// As many as hide the time that a multiplication with addition takes: two a cycle, each ready after four.
private struct EightSums: DepthwiseSums {
    private var low: FourSums
    private var high: FourSums

    @inline(always)
    init(_ bias: Vector) {
        (low, high) = (FourSums(bias), FourSums(bias))
    }

    @inline(always)
    mutating func add(_ weight: Vector, _ source: UnsafePointer<Float>, step: Int) {
        low.add(weight, source, step: step)
        high.add(weight, source + 4 * step, step: step)
    }

    @inline(always)
    func visit(_ body: (Int, Vector) -> Void) {
        low.visit(body)
        high.visit { body($0 + 4, $1) }
    }
}
