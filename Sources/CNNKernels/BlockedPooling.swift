import CNNKernelTable

/// Pooling on the blocked layout: a vector holds one pixel of the channels of a block.
extension Kernels {
    package func maxPoolBlocked(
        _ geometry: WindowGeometry, input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>,
        outputStride: Int, blocks: Range<Int>, rows: Range<Int>
    ) {
        guard let separable = SeparableMaximum(geometry) else {
            return pool(geometry, input, inputStride, output, outputStride, blocks, rows, MaximumPool())
        }
        for block in blocks {
            separable.compute(rows, input: input + block * inputStride, output: output + block * outputStride)
        }
    }

    package func averagePoolBlocked(
        _ geometry: WindowGeometry, countPadding: Bool, input: UnsafePointer<Float>, inputStride: Int,
        output: UnsafeMutablePointer<Float>, outputStride: Int, blocks: Range<Int>, rows: Range<Int>
    ) {
        let average = AveragePool(window: geometry, countPadding: countPadding)
        pool(geometry, input, inputStride, output, outputStride, blocks, rows, average)
    }

    @inline(__always)
    private func pool<Pool: PoolFunction>(
        _ window: WindowGeometry, _ input: UnsafePointer<Float>, _ inputStride: Int, _ output: UnsafeMutablePointer<Float>,
        _ outputStride: Int, _ blocks: Range<Int>, _ rows: Range<Int>, _ function: Pool
    ) {
        let c = Vector.scalarCount
        let inner = window.innerColumns
        for block in blocks {
            for y in rows {
                let top = y * window.stride.height - window.padBegin.height
                let tapRows = TapRange(
                    first: top, dilation: window.dilation.height, taps: window.kernel.height, limit: window.input.height
                ).range
                let firstRow = (top + tapRows.lowerBound * window.dilation.height) * window.input.width
                let line = PoolLine(
                    function: function, y: y, tapRows: tapRows.count,
                    input: input + (block * inputStride + (firstRow - window.padBegin.width) * c),
                    rowSpacing: window.dilation.height * window.input.width * c,
                    columnSpacing: window.dilation.width * c,
                    output: output + (block * outputStride + y * window.output.width * c))
                line.computeBorder(0..<inner.lowerBound, window)
                switch (window.kernel.width, window.dilation.width, window.stride.width) {
                case (3, 1, 1): line.computeThreeTaps(inner)
                case (3, 1, 2): line.computeThreeTapsStrideTwo(inner)
                case (2, 1, 2): line.computeTwoTapsStrideTwo(inner)
                default: line.computeAnyTaps(inner, taps: window.kernel.width, step: window.stride.width * c)
                }
                line.computeBorder(inner.upperBound..<window.output.width, window)
            }
        }
    }

    package func globalAverageBlocked(
        input: UnsafePointer<Float>, inputStride: Int, pixels: Int, output: UnsafeMutablePointer<Float>, blocks: Range<Int>
    ) {
        let c = Vector.scalarCount
        for block in blocks {
            let map = input + block * inputStride
            // Four sums, because an addition waits for the one before it.
            var sum0 = Vector.zero
            var sum1 = Vector.zero
            var sum2 = Vector.zero
            var sum3 = Vector.zero
            var pixel = 0
            while pixel + 4 <= pixels {
                sum0 += load(map + pixel * c)
                sum1 += load(map + (pixel + 1) * c)
                sum2 += load(map + (pixel + 2) * c)
                sum3 += load(map + (pixel + 3) * c)
                pixel += 4
            }
            while pixel < pixels {
                sum0 += load(map + pixel * c)
                pixel += 1
            }
            store(((sum0 + sum1) + (sum2 + sum3)) / Float(pixels), output + block * c)
        }
    }

    package func globalMaxBlocked(
        input: UnsafePointer<Float>, inputStride: Int, pixels: Int, output: UnsafeMutablePointer<Float>, blocks: Range<Int>
    ) {
        let c = Vector.scalarCount
        for block in blocks {
            let map = input + block * inputStride
            var value = Vector(repeating: -.infinity)
            for pixel in 0..<pixels {
                value = maximum(value, load(map + pixel * c))
            }
            store(value, output + block * c)
        }
    }
}

/// One output row of one channel block.
private struct PoolLine<Pool: PoolFunction> {
    let function: Pool
    let y: Int
    /// How many tap rows lie inside the map.
    let tapRows: Int
    /// Where the first tap of the first window lies, or would lie if the map had no border.
    let input: UnsafePointer<Float>
    /// Floats from one tap to the one below it.
    let rowSpacing: Int
    /// Floats from one tap to the one beside it.
    let columnSpacing: Int
    let output: UnsafeMutablePointer<Float>

    @inline(never)
    func computeThreeTaps(_ columns: Range<Int>) {
        let c = Vector.scalarCount
        compute(columns, step: c, taps: 3, spacing: c)
    }

    @inline(never)
    func computeThreeTapsStrideTwo(_ columns: Range<Int>) {
        let c = Vector.scalarCount
        compute(columns, step: 2 * c, taps: 3, spacing: c)
    }

    @inline(never)
    func computeTwoTapsStrideTwo(_ columns: Range<Int>) {
        let c = Vector.scalarCount
        compute(columns, step: 2 * c, taps: 2, spacing: c)
    }

    @inline(never)
    func computeAnyTaps(_ columns: Range<Int>, taps: Int, step: Int) {
        compute(columns, step: step, taps: taps, spacing: columnSpacing)
    }

    /// Columns whose windows lie inside the map from left to right; four at a time, since a maximum waits for the one before it.
    /// Where the parameters are constants, the taps of a row are unrolled.
    /// - Parameters:
    ///   - step: floats from the window of one output column to that of the next.
    ///   - spacing: `columnSpacing`.
    @inline(__always)
    private func compute(_ columns: Range<Int>, step: Int, taps: Int, spacing: Int) {
        let c = Vector.scalarCount
        guard let first = columns.first else { return }
        let divisor = function.divisor(y: y, x: first, cells: tapRows * taps)
        var x = columns.lowerBound
        while x + 4 <= columns.upperBound {
            var state0 = Pool.State()
            var state1 = Pool.State()
            var state2 = Pool.State()
            var state3 = Pool.State()
            var row = input + x * step
            for _ in 0..<tapRows {
                for tap in 0..<taps {
                    let source = row + tap * spacing
                    state0.add(load(source))
                    state1.add(load(source + step))
                    state2.add(load(source + 2 * step))
                    state3.add(load(source + 3 * step))
                }
                row += rowSpacing
            }
            let target = output + x * c
            store(state0.finish(divisor), target)
            store(state1.finish(divisor), target + c)
            store(state2.finish(divisor), target + 2 * c)
            store(state3.finish(divisor), target + 3 * c)
            x += 4
        }
        while x < columns.upperBound {
            var state = Pool.State()
            var row = input + x * step
            for _ in 0..<tapRows {
                for tap in 0..<taps { state.add(load(row + tap * spacing)) }
                row += rowSpacing
            }
            store(state.finish(divisor), output + x * c)
            x += 1
        }
    }

    /// Columns whose windows may reach over the left or right border.
    @inline(never)
    func computeBorder(_ columns: Range<Int>, _ window: WindowGeometry) {
        let c = Vector.scalarCount
        for x in columns {
            let left = x * window.stride.width - window.padBegin.width
            let taps = TapRange(
                first: left, dilation: window.dilation.width, taps: window.kernel.width, limit: window.input.width
            ).range
            var state = Pool.State()
            var row = input + x * window.stride.width * c
            for _ in 0..<tapRows {
                for tap in taps { state.add(load(row + tap * columnSpacing)) }
                row += rowSpacing
            }
            let divisor = function.divisor(y: y, x: x, cells: tapRows * taps.count)
            store(state.finish(divisor), output + x * c)
        }
    }
}

/// What a window is reduced to.
private protocol PoolFunction {
    associatedtype State: PoolState
    /// What a sum over the window of output (y, x) is divided by, if it is; `cells` is the number of taps inside the map.
    func divisor(y: Int, x: Int, cells: Int) -> Float
}

private protocol PoolState {
    init()
    mutating func add(_ x: Vector)
    func finish(_ divisor: Float) -> Vector
}

private struct MaximumPool: PoolFunction {
    struct State: PoolState {
        private var maximum = PartialMaximum()

        @inline(__always) init() {}

        @inline(__always)
        mutating func add(_ x: Vector) {
            maximum = maximum.joined(PartialMaximum(x))
        }

        @inline(__always)
        func finish(_ divisor: Float) -> Vector { maximum.result }
    }

    @inline(__always)
    func divisor(y: Int, x: Int, cells: Int) -> Float { 1 }
}

private struct AveragePool: PoolFunction {
    let window: WindowGeometry
    let countPadding: Bool

    struct State: PoolState {
        var sum = Vector.zero

        @inline(__always) init() {}

        @inline(__always)
        mutating func add(_ x: Vector) {
            sum += x
        }

        @inline(__always)
        func finish(_ divisor: Float) -> Vector { sum / divisor }
    }

    @inline(__always)
    func divisor(y: Int, x: Int, cells: Int) -> Float {
        Float(countPadding ? window.paddedCells(z: 0, y: y, x: x) : cells)
    }
}

extension WindowGeometry {
    /// The taps of the window of output (z, y, x) that fall inside the map or its padding.
    func paddedCells(z: Int, y: Int, x: Int) -> Int {
        let depth = TapRange(
            first: z * stride.depth, dilation: dilation.depth, taps: kernel.depth,
            limit: padBegin.depth + input.depth + padEnd.depth)
        let height = TapRange(
            first: y * stride.height, dilation: dilation.height, taps: kernel.height,
            limit: padBegin.height + input.height + padEnd.height)
        let width = TapRange(
            first: x * stride.width, dilation: dilation.width, taps: kernel.width,
            limit: padBegin.width + input.width + padEnd.width)
        return depth.range.count * height.range.count * width.range.count
    }
}
