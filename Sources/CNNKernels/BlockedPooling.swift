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
        for block in blocks {
            let map = input + block * inputStride
            for y in rows {
                let top = y * window.stride.height - window.padBegin.height
                let tapRows = TapRange(
                    first: top, dilation: window.dilation.height, taps: window.kernel.height, limit: window.input.height)
                for x in 0..<width {
                    let left = x * window.stride.width - window.padBegin.width
                    let tapColumns = TapRange(
                        first: left, dilation: window.dilation.width, taps: window.kernel.width, limit: window.input.width)
                    var value = Vector(repeating: Pool.start)
                    for tapRow in tapRows.range {
                        let row = map + ((top + tapRow * window.dilation.height) * window.input.width + left) * c
                        for tapColumn in tapColumns.range {
                            value = Pool.combine(value, load(row + tapColumn * window.dilation.width * c))
                        }
                    }
                    let cells = tapRows.range.count * tapColumns.range.count
                    value = function.finish(value, y: y, x: x, cells: cells)
                    store(value, output + block * outputStride + (y * width + x) * c)
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
    static var start: Float { get }
    static func combine(_ value: Vector, _ x: Vector) -> Vector
    /// `cells` is the number of taps inside the map.
    func finish(_ value: Vector, y: Int, x: Int, cells: Int) -> Vector
}

private struct MaximumPool: PoolFunction {
    @inline(__always) static var start: Float { -.infinity }
    @inline(__always) static func combine(_ value: Vector, _ x: Vector) -> Vector { maximum(value, x) }
    @inline(__always) func finish(_ value: Vector, y: Int, x: Int, cells: Int) -> Vector { value }
}

private struct AveragePool: PoolFunction {
    let window: WindowGeometry
    let countPadding: Bool

    @inline(__always) static var start: Float { 0 }
    @inline(__always) static func combine(_ value: Vector, _ x: Vector) -> Vector { value + x }

    @inline(__always)
    func finish(_ value: Vector, y: Int, x: Int, cells: Int) -> Vector {
        value / Float(countPadding ? window.paddedCells(z: 0, y: y, x: x) : cells)
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
