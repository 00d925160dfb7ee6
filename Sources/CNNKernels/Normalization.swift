import CNNKernelTable

extension Kernels {
    package func scaleShiftBlocked(
        input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>, outputStride: Int, pixels: Int,
        scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, activation: Activation, blocks: Range<Int>
    ) {
        let c = Vector.scalarCount
        let activation = VectorActivation(activation)
        for block in blocks {
            let blockScale = load(scale + block * c)
            let blockShift = load(shift + block * c)
            let source = input + block * inputStride
            let target = output + block * outputStride
            for pixel in 0..<pixels {
                store(activation(multiplyAdd(blockShift, load(source + pixel * c), blockScale)), target + pixel * c)
            }
        }
    }

    package func scaleShiftPlanar(
        input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>, outputStride: Int, pixels: Int,
        scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, activation: Activation, channels: Range<Int>
    ) {
        let activation = VectorActivation(activation)
        for channel in channels {
            let channelScale = Vector(repeating: scale[channel])
            let channelShift = Vector(repeating: shift[channel])
            let source = input + channel * inputStride
            let target = output + channel * outputStride
            var pixel = 0
            while pixel < pixels {
                let x = loadFirst(pixels - pixel, source + pixel)
                storeFirst(pixels - pixel, activation(multiplyAdd(channelShift, x, channelScale)), target + pixel)
                pixel += Vector.scalarCount
            }
        }
    }

    package func lrnScratchCount(_ response: LocalResponse, channels: Int) -> Int {
        Self.lrnPixels * squaresCount(response, channels)
    }

    /// Pixels whose squares are written before the first is read again: a load right behind the two stores that it overlaps
    /// would wait for both.
    private static var lrnPixels: Int { 8 }

    private func squaresCount(_ response: LocalResponse, _ channels: Int) -> Int {
        (channels + Vector.scalarCount - 1) / Vector.scalarCount * Vector.scalarCount + response.size + Vector.scalarCount
    }

    package func lrnBlocked(
        _ response: LocalResponse, channels: Int, input: UnsafePointer<Float>, inputStride: Int,
        output: UnsafeMutablePointer<Float>, outputStride: Int, pixels: Range<Int>, scratch: UnsafeMutablePointer<Float>
    ) {
        let c = Vector.scalarCount
        let blocks = (channels + c - 1) / c
        let function = LocalResponseFunction(response)
        // The squares of one pixel's channels side by side, zeros before and behind: the neighbours of a block of channels are
        // then the same run of memory, shifted.
        let before = (response.size - 1) / 2
        let rowCount = squaresCount(response, channels)
        scratch.update(repeating: 0, count: lrnScratchCount(response, channels: channels))
        var first = pixels.lowerBound
        while first < pixels.upperBound {
            let end = min(first + Self.lrnPixels, pixels.upperBound)
            for block in 0..<blocks {
                for pixel in first..<end {
                    let x = load(input + block * inputStride + pixel * c)
                    store(x * x, scratch + (pixel - first) * rowCount + before + block * c)
                }
            }
            for block in 0..<blocks {
                for pixel in first..<end {
                    let squares = scratch + (pixel - first) * rowCount + block * c
                    var sum = Vector.zero
                    for neighbour in 0..<response.size {
                        sum += load(squares + neighbour)
                    }
                    let x = load(input + block * inputStride + pixel * c)
                    store(function(x, sum), output + block * outputStride + pixel * c)
                }
            }
            first = end
        }
    }

    package func lrnPlanar(
        _ response: LocalResponse, channels: Int, input: UnsafePointer<Float>, inputStride: Int,
        output: UnsafeMutablePointer<Float>, outputStride: Int, pixels: Range<Int>
    ) {
        let function = LocalResponseFunction(response)
        let before = (response.size - 1) / 2
        for channel in 0..<channels {
            let neighbours = max(0, channel - before)..<min(channels, channel - before + response.size)
            var pixel = pixels.lowerBound
            while pixel < pixels.upperBound {
                let count = pixels.upperBound - pixel
                var sum = Vector.zero
                for neighbour in neighbours {
                    let x = loadFirst(count, input + neighbour * inputStride + pixel)
                    sum += x * x
                }
                let x = loadFirst(count, input + channel * inputStride + pixel)
                storeFirst(count, function(x, sum), output + channel * outputStride + pixel)
                pixel += Vector.scalarCount
            }
        }
    }
}

/// `x / (bias + alpha/size · sum)^beta`.
private struct LocalResponseFunction {
    let bias: Vector
    let factor: Vector
    let beta: Vector
    /// The exponent of AlexNet and GoogLeNet, and ONNX's default, with a base that is surely positive.
    let isThreeQuarters: Bool

    init(_ response: LocalResponse) {
        bias = Vector(repeating: response.bias)
        factor = Vector(repeating: response.alpha / Float(response.size))
        beta = Vector(repeating: response.beta)
        isThreeQuarters = response.beta == 0.75 && response.alpha >= 0 && response.bias >= 0x1p-64
    }

    @inline(__always)
    func callAsFunction(_ x: Vector, _ sum: Vector) -> Vector {
        let base = multiplyAdd(bias, factor, sum)
        if isThreeQuarters {
            let root = inverseFourthRoot(base)
            return x * (root * root * root)
        }
        return x * exponential(-beta * logarithm(base))
    }
}
