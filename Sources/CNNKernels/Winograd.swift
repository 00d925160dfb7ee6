import CNNKernelTable

/// Winograd convolution on the blocked layout. The transform of a map tile is `(m+2)²` planes, each a matrix
/// `[tiles, input channels]`; each plane is multiplied by its plane of transformed weights with the register tile of the matrix
/// product (Winograd tiles in place of pixels); the products of a tile, transformed back, are m×m output pixels.
extension Kernels {
    package var winogradSizes: [Int] { [WinogradTwo.size, WinogradFour.size, WinogradSix.size] }

    package func supportsWinograd(_ geometry: ConvolutionGeometry) -> Bool {
        let window = geometry.window
        return window.isPlane && geometry.groups == 1 && window.kernel == Extent(height: 3, width: 3)
            && window.stride == .one && window.dilation == .one
    }

    package func winogradWeightCount(_ geometry: ConvolutionGeometry, size: Int) -> Int {
        let shape = WinogradShape(geometry, size: size)
        return shape.planes * shape.weightsPerPlane
    }

    package func winogradTiles(_ geometry: ConvolutionGeometry, size: Int) -> Int {
        let shape = WinogradShape(geometry, size: size)
        return shape.tileRows * shape.tileColumns
    }

    package func winogradScratchCount(_ geometry: ConvolutionGeometry, size: Int) -> Int {
        let shape = WinogradShape(geometry, size: size)
        return shape.planes * shape.tilesAtOnce * (shape.inputChannels + shape.outputChannels)
    }

    package func packWinogradWeights(
        _ geometry: ConvolutionGeometry, size: Int, weights: UnsafePointer<Float>, outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        switch size {
        case WinogradTwo.size: packWinograd(WinogradTwo.self, geometry, weights, outputTiles, packed)
        case WinogradFour.size: packWinograd(WinogradFour.self, geometry, weights, outputTiles, packed)
        case WinogradSix.size: packWinograd(WinogradSix.self, geometry, weights, outputTiles, packed)
        default: preconditionFailure("Winograd size \(size)")
        }
    }

    package func convolveWinograd(
        _ geometry: ConvolutionGeometry, size: Int, _ operands: ConvolutionOperands, outputTiles: Range<Int>,
        tiles: Range<Int>, scratch: UnsafeMutablePointer<Float>
    ) {
        if outputTiles.isEmpty { return }
        switch size {
        case WinogradTwo.size: convolve(WinogradTwo.self, geometry, operands, outputTiles, tiles, scratch)
        case WinogradFour.size: convolve(WinogradFour.self, geometry, operands, outputTiles, tiles, scratch)
        case WinogradSix.size: convolve(WinogradSix.self, geometry, operands, outputTiles, tiles, scratch)
        default: preconditionFailure("Winograd size \(size)")
        }
    }

    /// `G·w·Gᵀ` for each pair of channels, to `[plane][output tile][input channel][output lane of the tile]`.
    private func packWinograd<Transform: WinogradTransform>(
        _: Transform.Type, _ geometry: ConvolutionGeometry, _ weights: UnsafePointer<Float>, _ outputTiles: Range<Int>,
        _ packed: UnsafeMutablePointer<Float>
    ) {
        let c = Vector.scalarCount
        let shape = WinogradShape(geometry, size: Transform.size)
        let span = Transform.span
        let tileWeights = TwoBlocks.blocks * c * shape.inputChannels
        for plane in 0..<shape.planes {
            let planeEnd = (plane + 1) * shape.weightsPerPlane
            let first = plane * shape.weightsPerPlane + outputTiles.lowerBound * tileWeights
            let end = min(plane * shape.weightsPerPlane + outputTiles.upperBound * tileWeights, planeEnd)
            (packed + first).update(repeating: 0, count: end - first)
        }
        let outputs =
            outputTiles.lowerBound * TwoBlocks.blocks
            * c..<min(
                outputTiles.upperBound * TwoBlocks.blocks * c, geometry.outputChannels)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 6 * span) { doubles in
            let matrix = doubles.baseAddress.unsafelyUnwrapped
            let partial = matrix + 3 * span
            for (row, factors) in Transform.weightMatrix.enumerated() {
                for (column, factor) in factors.enumerated() { matrix[row * 3 + column] = factor }
            }
            for output in outputs {
                let tile = output / (TwoBlocks.blocks * c)
                let lanes = min(TwoBlocks.blocks, shape.outputBlocks - tile * TwoBlocks.blocks) * c
                let lane = output - tile * TwoBlocks.blocks * c
                let target = packed + tile * tileWeights + lane
                for input in 0..<geometry.inputChannels {
                    let kernel = weights + (output * geometry.inputChannels + input) * 9
                    for row in 0..<span {
                        let factors = matrix + row * 3
                        for x in 0..<3 {
                            partial[row * 3 + x] =
                                factors[0] * Double(kernel[x]) + factors[1] * Double(kernel[3 + x])
                                + factors[2] * Double(kernel[6 + x])
                        }
                    }
                    for row in 0..<span {
                        let sums = partial + row * 3
                        for column in 0..<span {
                            let factors = matrix + column * 3
                            target[(row * span + column) * shape.weightsPerPlane + input * lanes] = Float(
                                sums[0] * factors[0] + sums[1] * factors[1] + sums[2] * factors[2])
                        }
                    }
                }
            }
        }
    }

    private func convolve<Transform: WinogradTransform>(
        _: Transform.Type, _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, _ outputTiles: Range<Int>,
        _ tiles: Range<Int>, _ scratch: UnsafeMutablePointer<Float>
    ) {
        let shape = WinogradShape(geometry, size: Transform.size)
        let planeVectors = Transform.span * Transform.span * Vector.scalarCount
        withUnsafeTemporaryAllocation(
            byteCount: 2 * planeVectors * MemoryLayout<Float>.stride, alignment: MemoryLayout<Vector>.alignment
        ) { bytes in
            let patch = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
            let run = WinogradConvolution<Transform>(
                shape: shape, window: geometry.window, operands: operands,
                activation: VectorActivation(operands.activation), transformed: scratch,
                products: scratch + shape.planes * shape.tilesAtOnce * shape.inputChannels, patch: patch,
                partial: patch + planeVectors)
            var first = tiles.lowerBound
            while first < tiles.upperBound {
                let count = min(shape.tilesAtOnce, tiles.upperBound - first)
                run.transformInputs(first, count)
                run.multiply(count, outputTiles)
                run.transformOutputs(first, count, outputTiles)
                first += count
            }
        }
    }
}

/// Sizes of a Winograd convolution.
struct WinogradShape {
    /// (m + 2)².
    let planes: Int
    let tileRows: Int
    let tileColumns: Int
    let inputBlocks: Int
    let outputBlocks: Int
    /// Channels in whole blocks.
    let inputChannels: Int
    let outputChannels: Int
    let weightsPerPlane: Int
    /// Winograd tiles that are transformed together.
    let tilesAtOnce: Int

    init(_ geometry: ConvolutionGeometry, size: Int) {
        let c = Vector.scalarCount
        planes = (size + 2) * (size + 2)
        tileRows = (geometry.window.output.height + size - 1) / size
        tileColumns = (geometry.window.output.width + size - 1) / size
        inputBlocks = (geometry.inputChannels + c - 1) / c
        outputBlocks = (geometry.outputChannels + c - 1) / c
        inputChannels = inputBlocks * c
        outputChannels = outputBlocks * c
        weightsPerPlane = inputChannels * outputChannels
        // Few enough that their transforms stay in the second-level cache, but enough of them to pay for reading all the
        // weights once more.
        let tileBytes = planes * (inputChannels + outputChannels) * MemoryLayout<Float>.stride
        let registerTile = MainTile<TwoBlocks>.pixels
        let wanted = max(1024 * 1024 / tileBytes, 48) / registerTile * registerTile
        tilesAtOnce = min(wanted, tileRows * tileColumns)
    }
}

/// One call of `convolveWinograd`.
private struct WinogradConvolution<Transform: WinogradTransform> {
    let shape: WinogradShape
    let window: WindowGeometry
    let operands: ConvolutionOperands
    let activation: VectorActivation
    /// Transformed inputs `[plane][tile][input channel]`.
    let transformed: UnsafeMutablePointer<Float>
    /// Products `[plane][tile][output channel]`.
    let products: UnsafeMutablePointer<Float>
    /// One tile's vectors `[m + 2][m + 2]`.
    let patch: UnsafeMutablePointer<Float>
    /// The same, transformed along one axis.
    let partial: UnsafeMutablePointer<Float>

    /// Transforms all input blocks of `count` tiles from `first`.
    func transformInputs(_ first: Int, _ count: Int) {
        let c = Vector.scalarCount
        let span = Transform.span
        let planeStride = shape.tilesAtOnce * shape.inputChannels
        let (height, width) = (window.input.height, window.input.width)
        for index in 0..<count {
            let tileRow = (first + index) / shape.tileColumns
            let tileColumn = first + index - tileRow * shape.tileColumns
            let top = tileRow * Transform.size - window.padBegin.height
            let left = tileColumn * Transform.size - window.padBegin.width
            let isInside = top >= 0 && left >= 0 && top + span <= height && left + span <= width
            for block in 0..<shape.inputBlocks {
                var source = operands.input + block * operands.inputStride + (top * width + left) * c
                var rowStride = width * c
                if !isInside {
                    copyPatch(source, rowStride, top, left)
                    source = UnsafePointer(patch)
                    rowStride = span * c
                }
                for row in 0..<span {
                    Transform.transformInput(source + row * rowStride, c, partial + row * span * c, c)
                }
                let target = transformed + index * shape.inputChannels + block * c
                for column in 0..<span {
                    Transform.transformInput(
                        UnsafePointer(partial) + column * c, span * c, target + column * planeStride, span * planeStride)
                }
            }
        }
    }

    /// The tile's inputs, zeros beyond the border.
    private func copyPatch(_ source: UnsafePointer<Float>, _ rowStride: Int, _ top: Int, _ left: Int) {
        let c = Vector.scalarCount
        for row in 0..<Transform.span {
            let insideRow = top + row >= 0 && top + row < window.input.height
            for column in 0..<Transform.span {
                let inside = insideRow && left + column >= 0 && left + column < window.input.width
                let value = inside ? load(source + row * rowStride + column * c) : .zero
                store(value, patch + (row * Transform.span + column) * c)
            }
        }
    }

    /// Multiplies each plane of the first `count` tiles by its weights.
    func multiply(_ count: Int, _ outputTiles: Range<Int>) {
        let tileChannels = TwoBlocks.blocks * Vector.scalarCount
        for plane in 0..<shape.planes {
            for outputTile in outputTiles {
                let blocks = min(TwoBlocks.blocks, shape.outputBlocks - outputTile * TwoBlocks.blocks)
                let weights =
                    operands.weights + plane * shape.weightsPerPlane + outputTile * tileChannels * shape.inputChannels
                if blocks == 2 {
                    multiplyPlane(TwoBlocks.self, plane, count, outputTile * tileChannels, weights)
                } else {
                    multiplyPlane(OneBlock.self, plane, count, outputTile * tileChannels, weights)
                }
            }
        }
    }

    private func multiplyPlane<Sums: BlockSums>(
        _: Sums.Type, _ plane: Int, _ count: Int, _ outputChannel: Int, _ weights: UnsafePointer<Float>
    ) {
        let input = transformed + plane * shape.tilesAtOnce * shape.inputChannels
        let output = products + plane * shape.tilesAtOnce * shape.outputChannels + outputChannel
        var tile = 0
        while count - tile >= MainTile<Sums>.pixels {
            multiplyTiles(MainTile<Sums>.self, input, output, tile, MainTile<Sums>.pixels, weights)
            tile += MainTile<Sums>.pixels
        }
        let rest = count - tile
        #if KERNELS_AVX512
            if rest > 8 {
                return multiplyTiles(MainTile<Sums>.self, input, output, tile, rest, weights)
            }
            if rest > 6 {
                return multiplyTiles(EightPixels<Sums>.self, input, output, tile, rest, weights)
            }
        #endif
        if rest > 4 {
            multiplyTiles(SixPixels<Sums>.self, input, output, tile, rest, weights)
        } else if rest > 2 {
            multiplyTiles(FourPixels<Sums>.self, input, output, tile, rest, weights)
        } else if rest > 0 {
            multiplyTiles(TwoPixels<Sums>.self, input, output, tile, rest, weights)
        }
    }

    @inline(__always)
    private func multiplyTiles<Tile: PixelSums>(
        _: Tile.Type, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ first: Int, _ count: Int,
        _ weights: UnsafePointer<Float>
    ) {
        var index = 0
        let pointers = Tile.Pointers {
            defer { index += 1 }
            return input + (first + min(index, count - 1)) * shape.inputChannels
        }
        var sums = Tile()
        accumulateProduct(&sums, pointers, step: 1, count: shape.inputChannels, weights)
        withUnsafeBytes(of: &sums) { bytes in
            var vector = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Vector.self)
            for tile in first..<first + count {
                for block in 0..<Tile.Sums.blocks {
                    store(vector.pointee, output + tile * shape.outputChannels + block * Vector.scalarCount)
                    vector += 1
                }
            }
        }
    }

    /// Transforms the products of `count` tiles back and stores the pixels that exist.
    func transformOutputs(_ first: Int, _ count: Int, _ outputTiles: Range<Int>) {
        let c = Vector.scalarCount
        let (span, size) = (Transform.span, Transform.size)
        let planeStride = shape.tilesAtOnce * shape.outputChannels
        let (height, width) = (window.output.height, window.output.width)
        let blocks =
            outputTiles.lowerBound
            * TwoBlocks.blocks..<min(
                outputTiles.upperBound * TwoBlocks.blocks, shape.outputBlocks)
        for index in 0..<count {
            let tileRow = (first + index) / shape.tileColumns
            let top = tileRow * size
            let left = (first + index - tileRow * shape.tileColumns) * size
            let rows = min(size, height - top)
            let columns = min(size, width - left)
            for block in blocks {
                let source = UnsafePointer(products) + index * shape.outputChannels + block * c
                for column in 0..<span {
                    Transform.transformOutput(
                        source + column * planeStride, span * planeStride, partial + column * c, span * c)
                }
                let bias = operands.bias.map { load($0 + block * c) } ?? .zero
                for row in 0..<rows {
                    Transform.transformOutput(UnsafePointer(partial) + row * span * c, c, patch, c)
                    let pixel = (top + row) * width + left
                    let output = operands.output + block * operands.outputStride + pixel * c
                    let residual = operands.residual.map { $0 + block * operands.residualStride + pixel * c }
                    for column in 0..<columns {
                        var value = load(patch + column * c) + bias
                        if let residual { value += load(residual + column * c) }
                        store(activation(value), output + column * c)
                    }
                }
            }
        }
    }
}
