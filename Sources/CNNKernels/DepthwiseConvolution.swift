import CNNKernelTable

/// Depth-wise convolution on the blocked layout: a vector holds one pixel of the channels of a block, and every channel has
/// its own weight in the same lane. Bound by loads, not by arithmetic.
extension Kernels {
    package func supportsDepthwise(_ geometry: ConvolutionGeometry) -> Bool {
        geometry.window.isPlane && geometry.groups == geometry.inputChannels
            && geometry.outputChannels == geometry.inputChannels
    }

    package func convolveDepthwise(
        _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, blocks: Range<Int>, rows: Range<Int>
    ) {
        let window = geometry.window
        let activation = VectorActivation(operands.activation)
        let c = Vector.scalarCount
        for block in blocks {
            let bias = operands.bias.map { load($0 + block * c) } ?? .zero
            let plane = DepthwisePlane(
                window: window, input: operands.input + block * operands.inputStride,
                weights: operands.weights + block * window.kernel.count * c,
                bias: bias, residual: operands.residual.map { $0 + block * operands.residualStride },
                output: operands.output + block * operands.outputStride, activation: activation)
            for row in rows {
                plane.computeRow(row)
            }
        }
    }
}

/// One channel block of a depth-wise convolution.
private struct DepthwisePlane {
    let window: WindowGeometry
    let input: UnsafePointer<Float>
    let weights: UnsafePointer<Float>
    let bias: Vector
    let residual: UnsafePointer<Float>?
    let output: UnsafeMutablePointer<Float>
    let activation: VectorActivation

    @inline(__always)
    func computeRow(_ row: Int) {
        let top = row * window.stride.height - window.padBegin.height
        let tapRows = TapRange(
            first: top, dilation: window.dilation.height, taps: window.kernel.height, limit: window.input.height)
        let width = window.output.width
        let inner = window.innerColumns
        var x = 0
        while x < inner.lowerBound {
            computePixel(row, top, tapRows, x)
            x += 1
        }
        while x + 4 <= inner.upperBound {
            computeFour(row, top, tapRows, x)
            x += 4
        }
        while x < width {
            computePixel(row, top, tapRows, x)
            x += 1
        }
    }

    @inline(__always)
    func computeFour(_ row: Int, _ top: Int, _ tapRows: TapRange, _ x: Int) {
        let c = Vector.scalarCount
        let step = window.stride.width * c
        let left = x * window.stride.width - window.padBegin.width
        var sum0 = bias
        var sum1 = bias
        var sum2 = bias
        var sum3 = bias
        for tapRow in tapRows.range {
            var source = input + ((top + tapRow * window.dilation.height) * window.input.width + left) * c
            var weight = weights + tapRow * window.kernel.width * c
            for _ in 0..<window.kernel.width {
                let w = load(weight)
                sum0 = multiplyAdd(sum0, load(source), w)
                sum1 = multiplyAdd(sum1, load(source + step), w)
                sum2 = multiplyAdd(sum2, load(source + 2 * step), w)
                sum3 = multiplyAdd(sum3, load(source + 3 * step), w)
                source += window.dilation.width * c
                weight += c
            }
        }
        let pixel = row * window.output.width + x
        finish(sum0, pixel)
        finish(sum1, pixel + 1)
        finish(sum2, pixel + 2)
        finish(sum3, pixel + 3)
    }

    @inline(__always)
    func computePixel(_ row: Int, _ top: Int, _ tapRows: TapRange, _ x: Int) {
        let c = Vector.scalarCount
        let left = x * window.stride.width - window.padBegin.width
        let tapColumns = TapRange(
            first: left, dilation: window.dilation.width, taps: window.kernel.width, limit: window.input.width)
        var sum = bias
        for tapRow in tapRows.range {
            let source = input + ((top + tapRow * window.dilation.height) * window.input.width + left) * c
            let weight = weights + tapRow * window.kernel.width * c
            for tapColumn in tapColumns.range {
                sum = multiplyAdd(
                    sum, load(source + tapColumn * window.dilation.width * c), load(weight + tapColumn * c))
            }
        }
        finish(sum, row * window.output.width + x)
    }

    @inline(__always)
    func finish(_ sum: Vector, _ pixel: Int) {
        let c = Vector.scalarCount
        var value = sum
        if let residual { value += load(residual + pixel * c) }
        store(activation(value), output + pixel * c)
    }
}
