import CNNKernelTable

/// Pooling on the blocked layout: a vector holds one pixel of the channels of a block.
extension Kernels {
    package func maxPoolBlocked(
        _ geometry: WindowGeometry, input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>,
        outputStride: Int, blocks: Range<Int>, rows: Range<Int>
    ) {
        pool(geometry, input, inputStride, output, outputStride, blocks, rows, MaximumPool())
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
        let width = window.output.width
        let inner = window.innerColumns
        let allColumns = 0..<window.kernel.width
        for block in blocks {
            let map = input + block * inputStride
            for y in rows {
                let top = y * window.stride.height - window.padBegin.height
                let tapRows = TapRange(
                    first: top, dilation: window.dilation.height, taps: window.kernel.height, limit: window.input.height)
                let target = output + block * outputStride + y * width * c
                for x in 0..<width {
                    let left = x * window.stride.width - window.padBegin.width
                    // Divisions only at the two ends of a row.
                    let tapColumns =
                        inner.contains(x)
                        ? allColumns
                        : TapRange(
                            first: left, dilation: window.dilation.width, taps: window.kernel.width,
                            limit: window.input.width
                        ).range
                    var state = Pool.State()
                    for tapRow in tapRows.range {
                        let row = map + ((top + tapRow * window.dilation.height) * window.input.width + left) * c
                        for tapColumn in tapColumns {
                            state.add(load(row + tapColumn * window.dilation.width * c))
                        }
                    }
                    let cells = tapRows.range.count * tapColumns.count
                    store(function.finish(state, y: y, x: x, cells: cells), target + x * c)
                }
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

/// What a window is reduced to.
private protocol PoolFunction {
    associatedtype State: PoolState
    /// `cells` is the number of taps inside the map.
    func finish(_ state: State, y: Int, x: Int, cells: Int) -> Vector
}

private protocol PoolState {
    init()
    mutating func add(_ x: Vector)
}

private struct MaximumPool: PoolFunction {
    /// The largest so far, and apart from it whether there was a NaN: a maximum that keeps NaN by itself takes four
    /// instructions that wait for one another.
    struct State: PoolState {
        var value = Vector(repeating: -.infinity)
        var sawNaN = Vector.zero .!= Vector.zero

        @inline(__always) init() {}

        @inline(__always)
        mutating func add(_ x: Vector) {
            value = x.replacing(with: value, where: value .> x)
            sawNaN .|= x .!= x
        }
    }

    @inline(__always)
    func finish(_ state: State, y: Int, x: Int, cells: Int) -> Vector {
        state.value.replacing(with: Vector(repeating: .nan), where: state.sawNaN)
    }
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
    }

    @inline(__always)
    func finish(_ state: State, y: Int, x: Int, cells: Int) -> Vector {
        state.sum / Float(countPadding ? window.paddedCells(z: 0, y: y, x: x) : cells)
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
