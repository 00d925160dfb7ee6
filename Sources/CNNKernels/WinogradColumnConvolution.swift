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

    private var map: StoredMap { StoredMap(shape.band.window, operands) }

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
        let rows = top..<min(top + ColumnShape.outputRows, window.output.height)
        let weights = operands.weights + block * Vector.scalarCount * shape.planes * shape.taps
        withUnsafeTemporaryAllocation(of: Tile.self, capacity: shape.planes) { room in
            withUnsafeTemporaryAllocation(of: Vector.self, capacity: (Tile.Sums.blocks + 1) * Transform.size) { columnRoom in
                let sums = room.baseAddress.unsafelyUnwrapped
                let vectors = columnRoom.baseAddress.unsafelyUnwrapped.floats
                for x in stride(from: 0, to: width, by: Tile.pixels) {
                    for plane in 0..<shape.planes {
                        let first = UnsafePointer(planes + (plane * shape.planeCount + x * window.stride.width))
                        accumulateTaps(
                            sums + plane, Tile.Pointers { first }, offsets: taps,
                            weights + plane * shape.taps * Tile.weightStep)
                    }
                    let columns = x..<min(x + Tile.pixels, width)
                    if operands.poolsPairs {
                        poolBack(Transform.self, Tile.self, sums, vectors, block, rows, columns)
                    } else {
                        transformBack(Transform.self, Tile.self, sums, vectors, block, rows, columns)
                    }
                }
            }
        }
        operands.clearMissingChannels(
            of: block..<block + Tile.Sums.blocks, outputChannels: outputChannels, pixels: map.pixels(ofRows: rows))
    }

    /// The same where the lanes of a vector are pixels.
    @inline(never)
    private func computeFewChannels<Transform: WinogradTransform>(_: Transform.Type, _ top: Int) {
        let c = Vector.scalarCount
        let width = shape.band.window.output.width
        let rows = top..<min(top + ColumnShape.outputRows, shape.band.window.output.height)
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
                                (products + (2 * channel + half)).floats, step * c, (sums + channel * Transform.size).floats, c,
                                adding: false)
                        }
                        finish(tile, sums, rows, x + half * c)
                    }
                }
            }
        }
        tile.clearMissingChannels(pixels: map.pixels(ofRows: rows))
    }

    /// - Parameters:
    ///   - sums: `[channel][outputRows]`.
    ///   - x: their first pixel in the row.
    @inline(__always)
    private func finish(_ tile: FewChannelTile, _ sums: UnsafeMutablePointer<Vector>, _ rows: Range<Int>, _ x: Int) {
        let size = ColumnShape.outputRows
        let output = operands.output + map.pixel(row: rows.lowerBound, column: x) * Vector.scalarCount
        let rowStride = map.width * Vector.scalarCount
        let count = min(shape.band.window.output.width - x, Vector.scalarCount)
        if operands.poolsPairs {
            tile.poolPairs(sums)
            tile.finish(sums, rows: 1, of: size)
            for row in 0..<rows.count / 2 {
                let half = sums.floats + row * (Vector.scalarCount / 2)
                tile.store(half, rows: size, output + row * rowStride, count / 2)
            }
        } else {
            tile.finish(sums, rows: size, of: size)
            for row in 0..<rows.count {
                tile.store((sums + row).floats, rows: size, output + row * rowStride, count)
            }
        }
    }

    /// Transforms the sums of all planes back, adds bias and residual, applies the activation and stores the pixels that exist.
    /// - Parameter column: room for one.
    @inline(__always)
    private func transformBack<Transform: WinogradTransform, Tile: PixelSums>(
        _: Transform.Type, _: Tile.Type, _ sums: UnsafePointer<Tile>, _ column: UnsafeMutablePointer<Float>, _ block: Int,
        _ rows: Range<Int>, _ columns: Range<Int>
    ) {
        let c = Vector.scalarCount
        let products = UnsafeRawPointer(sums).assumingMemoryBound(to: Float.self)
        let step = MemoryLayout<Tile>.stride / MemoryLayout<Float>.stride
        let rowStride = map.width * c
        let pixel = map.pixel(row: rows.lowerBound, column: columns.lowerBound)
        for index in 0..<Tile.Sums.blocks {
            let bias = operands.bias.map { load($0 + (block + index) * c) } ?? .zero
            let output = operands.output + ((block + index) * operands.outputStride + pixel * c)
            let residual = operands.residual.map { $0 + ((block + index) * operands.residualStride + pixel * c) }
            for x in 0..<columns.count {
                Transform.transformOutput(
                    products + (x * Tile.Sums.blocks + index) * c, step, column, c, adding: false)
                for row in 0..<rows.count {
                    let offset = row * rowStride + x * c
                    let sum = load(column + row * c) + bias
                    store(activation(residual.map { sum + load($0 + offset) } ?? sum), output + offset)
                }
            }
        }
    }

    /// The same where the largest of each 2×2 pixels are stored.
    /// - Parameter room: for a column of each block, the left one of two, which may belong to the tile before; and for another column.
    @inline(__always)
    private func poolBack<Transform: WinogradTransform, Tile: PixelSums>(
        _: Transform.Type, _: Tile.Type, _ sums: UnsafePointer<Tile>, _ room: UnsafeMutablePointer<Float>, _ block: Int,
        _ rows: Range<Int>, _ columns: Range<Int>
    ) {
        let c = Vector.scalarCount
        let products = UnsafeRawPointer(sums).assumingMemoryBound(to: Float.self)
        let step = MemoryLayout<Tile>.stride / MemoryLayout<Float>.stride
        let right = room + Tile.Sums.blocks * Transform.size * c
        for index in 0..<Tile.Sums.blocks {
            let bias = operands.bias.map { load($0 + (block + index) * c) } ?? .zero
            let output = operands.output + (block + index) * operands.outputStride
            let left = room + index * Transform.size * c
            for (number, x) in columns.enumerated() {
                let isLeft = x % 2 == 0
                Transform.transformOutput(
                    products + (number * Tile.Sums.blocks + index) * c, step, isLeft ? left : right, c, adding: false)
                if isLeft { continue }
                for row in 0..<rows.count / 2 {
                    let upper = 2 * row * c
                    let largest = PartialMaximum(load(left + upper), load(right + upper))
                        .joined(PartialMaximum(load(left + upper + c), load(right + upper + c))).result
                    let pixel = map.pixel(row: rows.lowerBound + 2 * row, column: x)
                    store(activation(largest + bias), output + pixel * c)
                }
            }
        }
    }
}
