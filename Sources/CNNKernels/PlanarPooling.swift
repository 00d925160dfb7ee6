import CNNKernelTable

/// Pooling on the planar layout, in up to three dimensions. Convolutional networks pool on the blocked layout; this is for
/// what is left, so it is plain.
extension Kernels {
    package func maxPoolPlanar(
        _ geometry: WindowGeometry, input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>,
        outputStride: Int, channels: Range<Int>
    ) {
        pool(geometry, input, inputStride, output, outputStride, channels) { _, _, _, taps in
            taps.reduce(-.infinity) { maximum($0, $1) }
        }
    }

    package func averagePoolPlanar(
        _ geometry: WindowGeometry, countPadding: Bool, input: UnsafePointer<Float>, inputStride: Int,
        output: UnsafeMutablePointer<Float>, outputStride: Int, channels: Range<Int>
    ) {
        pool(geometry, input, inputStride, output, outputStride, channels) { z, y, x, taps in
            let cells = countPadding ? geometry.paddedCells(z: z, y: y, x: x) : taps.count
            return taps.reduce(0) { $0 + $1 } / Float(cells)
        }
    }

    @inline(__always)
    private func pool(
        _ window: WindowGeometry, _ input: UnsafePointer<Float>, _ inputStride: Int, _ output: UnsafeMutablePointer<Float>,
        _ outputStride: Int, _ channels: Range<Int>, _ value: (Int, Int, Int, WindowTaps) -> Float
    ) {
        for channel in channels {
            let map = input + channel * inputStride
            var target = output + channel * outputStride
            for z in 0..<window.output.depth {
                for y in 0..<window.output.height {
                    for x in 0..<window.output.width {
                        target.pointee = value(z, y, x, WindowTaps(window, map, z: z, y: y, x: x))
                        target += 1
                    }
                }
            }
        }
    }

    package func globalAveragePlanar(
        input: UnsafePointer<Float>, inputStride: Int, pixels: Int, output: UnsafeMutablePointer<Float>,
        channels: Range<Int>
    ) {
        for channel in channels {
            let map = input + channel * inputStride
            var sum0 = Vector.zero
            var sum1 = Vector.zero
            var pixel = 0
            while pixel + 2 * Vector.scalarCount <= pixels {
                sum0 += load(map + pixel)
                sum1 += load(map + pixel + Vector.scalarCount)
                pixel += 2 * Vector.scalarCount
            }
            while pixel < pixels {
                sum0 += loadFirst(pixels - pixel, map + pixel)
                pixel += Vector.scalarCount
            }
            output[channel] = horizontalSum(sum0 + sum1) / Float(pixels)
        }
    }

    package func globalMaxPlanar(
        input: UnsafePointer<Float>, inputStride: Int, pixels: Int, output: UnsafeMutablePointer<Float>,
        channels: Range<Int>
    ) {
        for channel in channels {
            output[channel] = rowMaximum(input + channel * inputStride, pixels)
        }
    }
}

/// The largest of `count` elements; NaN where any is NaN; −∞ of none.
@inline(__always)
func rowMaximum(_ row: UnsafePointer<Float>, _ count: Int) -> Float {
    var value = Vector(repeating: -.infinity)
    var index = 0
    while index + Vector.scalarCount <= count {
        value = maximum(value, load(row + index))
        index += Vector.scalarCount
    }
    var result = horizontalMaximum(value)
    while index < count {
        result = maximum(result, row[index])
        index += 1
    }
    return result
}

/// The cells of a planar map under one window.
private struct WindowTaps {
    let base: UnsafePointer<Float>
    let depth: Range<Int>
    let height: Range<Int>
    let width: Range<Int>
    let depthStep: Int
    let heightStep: Int
    let widthStep: Int

    @inline(__always)
    init(_ window: WindowGeometry, _ map: UnsafePointer<Float>, z: Int, y: Int, x: Int) {
        let front = z * window.stride.depth - window.padBegin.depth
        let top = y * window.stride.height - window.padBegin.height
        let left = x * window.stride.width - window.padBegin.width
        base = map + (front * window.input.height + top) * window.input.width + left
        depth =
            TapRange(
                first: front, dilation: window.dilation.depth, taps: window.kernel.depth, limit: window.input.depth
            ).range
        height =
            TapRange(
                first: top, dilation: window.dilation.height, taps: window.kernel.height, limit: window.input.height
            ).range
        width =
            TapRange(
                first: left, dilation: window.dilation.width, taps: window.kernel.width, limit: window.input.width
            ).range
        depthStep = window.dilation.depth * window.input.height * window.input.width
        heightStep = window.dilation.height * window.input.width
        widthStep = window.dilation.width
    }

    @inline(__always)
    var count: Int { depth.count * height.count * width.count }

    @inline(__always)
    func reduce(_ start: Float, _ combine: (Float, Float) -> Float) -> Float {
        var value = start
        for z in depth {
            for y in height {
                let row = base + z * depthStep + y * heightStep
                for x in width {
                    value = combine(value, row[x * widthStep])
                }
            }
        }
        return value
    }
}
