import CNNKernelTable

/// One call of `convolveWinogradColumns`.
struct ColumnConvolution: ColumnWork {
    let shape: ColumnShape
    let operands: ConvolutionOperands
    let activation: VectorActivation
    let outputChannels: Int
    let outputTiles: Range<Int>
    let rowTiles: Range<Int>
    /// Where the input of each tap lies in a plane.
    let taps: UnsafeBufferPointer<Int>
    let band: UnsafeMutablePointer<Float>
    /// `[plane][channel of the image][rowStride]`.
    let planes: UnsafeMutablePointer<Float>

    func run<Transform: WinogradTransform, Step: PixelStep>(_: Transform.Type, _: Step.Type) {
        for rowTile in rowTiles {
            let top = rowTile * ColumnShape.outputRows
            shape.band.copy(
                operands.input, channelStride: operands.inputStride, rows: top..<top + ColumnShape.outputRows, to: band)
            transformInput(Transform.self)
            for tile in outputTiles {
                let block = tile * TwoBlocks.blocks
                if shape.hasFewChannels && operands.residual == nil {
                    computeFewChannels(Transform.self, top)
                } else if shape.outputBlocks - block < TwoBlocks.blocks {
                    computeSingleBlock(Transform.self, Step.self, block, top)
                } else {
                    computeTwoBlocks(Transform.self, Step.self, block, top)
                }
            }
        }
    }

    @inline(__always)
    private func computeTwoBlocks<Transform: WinogradTransform, Step: PixelStep>(
        _: Transform.Type, _: Step.Type, _ block: Int, _ top: Int
    ) {
        switch shape.tilePixels {
        #if KERNELS_AVX512
            case 12: compute(Transform.self, PixelRun<TwelvePixels<TwoBlocks>, Step>.self, block, top)
            case 10: compute(Transform.self, PixelRun<TenPixels<TwoBlocks>, Step>.self, block, top)
            default: compute(Transform.self, PixelRun<EightPixels<TwoBlocks>, Step>.self, block, top)
        #else
            case 6: compute(Transform.self, PixelRun<SixPixels<TwoBlocks>, Step>.self, block, top)
            default: compute(Transform.self, PixelRun<FivePixels<TwoBlocks>, Step>.self, block, top)
        #endif
        }
    }

    @inline(__always)
    private func computeSingleBlock<Transform: WinogradTransform, Step: PixelStep>(
        _: Transform.Type, _: Step.Type, _ block: Int, _ top: Int
    ) {
        switch shape.singleTilePixels {
        case 12: compute(Transform.self, PixelRun<TwelvePixels<OneBlock>, Step>.self, block, top)
        default: compute(Transform.self, PixelRun<TenPixels<OneBlock>, Step>.self, block, top)
        }
    }

    @inline(never)
    private func transformInput<Transform: WinogradTransform>(_: Transform.Type) {
        for channel in 0..<shape.band.channels {
            let source = band + channel * shape.band.channelStride
            let target = planes + channel * shape.rowStride
            for x in stride(from: 0, to: shape.rowStride, by: Vector.scalarCount) {
                Transform.transformInput(source + x, shape.band.rowStride, target + x, shape.planeCount)
            }
        }
    }

    /// Computes the rows of an output tile.
    @inline(never)
    private func compute<Transform: WinogradTransform, Tile: PixelSums>(
        _: Transform.Type, _: Tile.Type, _ block: Int, _ top: Int
    ) {
        let window = shape.band.window
        let width = window.output.width
        let rows = min(ColumnShape.outputRows, window.output.height - top)
        let weights = operands.weights + block * Vector.scalarCount * shape.planes * shape.taps
        withUnsafeTemporaryAllocation(of: Tile.self, capacity: shape.planes) { room in
            let sums = room.baseAddress.unsafelyUnwrapped
            for x in stride(from: 0, to: width, by: Tile.pixels) {
                for plane in 0..<shape.planes {
                    let first = UnsafePointer(planes + (plane * shape.planeCount + x * window.stride.width))
                    accumulateTaps(
                        sums + plane, Tile.Pointers { first }, offsets: taps, weights + plane * shape.taps * Tile.weightStep)
                }
                transformBack(
                    Transform.self, Tile.self, sums, block, pixel: top * width + x, rows: rows,
                    columns: min(Tile.pixels, width - x))
            }
        }
        operands.clearMissingChannels(
            of: block..<block + Tile.Sums.blocks, outputChannels: outputChannels, pixels: top * width..<(top + rows) * width)
    }

    /// The same where the lanes of a vector are pixels.
    @inline(never)
    private func computeFewChannels<Transform: WinogradTransform>(_: Transform.Type, _ top: Int) {
        let c = Vector.scalarCount
        let width = shape.band.window.output.width
        let rows = min(ColumnShape.outputRows, shape.band.window.output.height - top)
        let tile = FewChannelTile(
            operands: operands, activation: activation, outputChannels: outputChannels, taps: taps)
        let step = 2 * FewChannelTile.channels
        FewChannelTile.withSums(rows: Transform.size) { sums in
            withUnsafeTemporaryAllocation(of: Vector.self, capacity: shape.planes * step) { room in
                let products = room.baseAddress.unsafelyUnwrapped
                for x in stride(from: 0, to: width, by: 2 * c) {
                    for plane in 0..<shape.planes {
                        let first = planes + (plane * shape.planeCount + x)
                        tile.accumulate(
                            products + plane * step, first, first + c, operands.weights + plane * shape.taps * c)
                    }
                    for half in 0..<2 where x + half * c < width {
                        for channel in 0..<FewChannelTile.channels {
                            Transform.transformOutput(
                                floats(products + (2 * channel + half)), step * c, floats(sums + channel * Transform.size), c,
                                adding: false)
                        }
                        tile.finish(sums, rows: Transform.size)
                        let left = x + half * c
                        for row in 0..<rows {
                            let pixel = (top + row) * width + left
                            tile.store(
                                sums + row, rows: Transform.size, operands.output + pixel * c, min(width - left, c))
                        }
                    }
                }
            }
        }
        tile.clearMissingChannels(pixels: top * width..<(top + rows) * width)
    }

    @inline(__always)
    private func floats(_ vectors: UnsafeMutablePointer<Vector>) -> UnsafeMutablePointer<Float> {
        UnsafeMutableRawPointer(vectors).assumingMemoryBound(to: Float.self)
    }

    /// Transforms the sums of all planes back, adds bias and residual, applies the activation and stores the pixels that exist.
    @inline(__always)
    private func transformBack<Transform: WinogradTransform, Tile: PixelSums>(
        _: Transform.Type, _: Tile.Type, _ sums: UnsafePointer<Tile>, _ block: Int, pixel: Int, rows: Int, columns: Int
    ) {
        let c = Vector.scalarCount
        let products = UnsafeRawPointer(sums).assumingMemoryBound(to: Float.self)
        let step = MemoryLayout<Tile>.stride / MemoryLayout<Float>.stride
        let rowStride = shape.band.window.output.width * c
        withUnsafeTemporaryAllocation(of: Vector.self, capacity: Transform.size) { room in
            let column = UnsafeMutableRawPointer(room.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: Float.self)
            for index in 0..<Tile.Sums.blocks {
                let bias = operands.bias.map { load($0 + (block + index) * c) } ?? .zero
                let output = operands.output + ((block + index) * operands.outputStride + pixel * c)
                let residual = operands.residual.map { $0 + ((block + index) * operands.residualStride + pixel * c) }
                for x in 0..<columns {
                    Transform.transformOutput(
                        products + (x * Tile.Sums.blocks + index) * c, step, column, c, adding: false)
                    for row in 0..<rows {
                        let offset = row * rowStride + x * c
                        let sum = load(column + row * c) + bias
                        store(activation(residual.map { sum + load($0 + offset) } ?? sum), output + offset)
                    }
                }
            }
        }
    }
}
