import CNNKernelTable

/// Direct convolution of a planar image of few channels: the first layer of a network.
///
/// Band by band, the image's rows that some output rows see are copied with zeros around them, so that no window meets a border. A
/// register tile is a few runs of pixels side by side, whose inputs lie at a constant distance; its inner loop runs over the taps of
/// all channels.
extension Kernels {
    package func supportsFirst(_ geometry: ConvolutionGeometry) -> Bool {
        geometry.window.isPlane && geometry.groups == 1 && geometry.inputChannels <= 4 && ImageBand.isSmall(geometry)
    }

    package func firstOutputTiles(_ geometry: ConvolutionGeometry) -> Int {
        BlockedShape(geometry, inputLanes: 1).outputTiles
    }

    package func firstScratchCount(_ geometry: ConvolutionGeometry) -> Int {
        ImageBand(geometry).count
    }

    package func convolveFirst(
        _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, outputTiles: Range<Int>, rows: Range<Int>,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let band = ImageBand(geometry)
        withUnsafeTemporaryAllocation(of: Int.self, capacity: geometry.patchSize) { taps in
            band.listTaps(taps)
            let run = FirstConvolution(
                shape: BlockedShape(geometry, inputLanes: 1), band: band, image: UnsafePointer(scratch),
                operands: operands, activation: VectorActivation(operands.activation),
                outputChannels: geometry.outputChannels, taps: UnsafeBufferPointer(taps))
            let few = FewChannels(
                band: band, image: run.image,
                tile: FewChannelTile(
                    operands: operands, activation: run.activation, outputChannels: geometry.outputChannels,
                    taps: run.taps))
            let hasFewChannels = FewChannelTile.suits(geometry) && operands.residual == nil
            var first = rows.lowerBound
            while first < rows.upperBound {
                let end = min(first + band.rows, rows.upperBound)
                band.copy(operands.input, channelStride: operands.inputStride, rows: first..<end, to: scratch)
                if hasFewChannels {
                    few.compute(rows: first..<end)
                } else {
                    for tile in outputTiles {
                        run.compute(tile, rows: first..<end)
                    }
                }
                first = end
            }
        }
    }
}

/// One call of `convolveFirst`.
private struct FirstConvolution {
    let shape: BlockedShape
    let band: ImageBand
    let image: UnsafePointer<Float>
    let operands: ConvolutionOperands
    let activation: VectorActivation
    let outputChannels: Int
    let taps: UnsafeBufferPointer<Int>

    /// Pixels of one row, or what the end of the row leaves of them.
    private struct Run {
        var pixel = 0
        var count = 0
    }

    func compute(_ tile: Int, rows: Range<Int>) {
        let block = tile * TwoBlocks.blocks
        if shape.outputBlocks - block >= 2 {
            if operands.residual == nil && band.window.output.width >= MainTile<TwoBlocks>.pixels {
                switch band.window.stride.width {
                case 1: return computeRows(OneStep.self, block, rows)
                case 2: return computeRows(TwoStep.self, block, rows)
                default: break
                }
            }
            switch band.window.stride.width {
            case 1: compute(MainRuns<TwoBlocks, OneStep>.self, block, rows)
            case 2: compute(MainRuns<TwoBlocks, TwoStep>.self, block, rows)
            case 4: compute(MainRuns<TwoBlocks, FourStep>.self, block, rows)
            default: compute(MainTile<TwoBlocks>.self, block, rows)
            }
        } else {
            switch band.window.stride.width {
            case 1: compute(LongRuns<OneBlock, OneStep>.self, block, rows)
            case 2: compute(LongRuns<OneBlock, TwoStep>.self, block, rows)
            default: compute(MainTile<OneBlock>.self, block, rows)
            }
        }
    }

    /// Row by row, in tiles that fit the row: all of their pixels exist, so that the sums go from the registers to where they belong.
    @inline(__always)
    private func computeRows<Step: PixelStep>(_: Step.Type, _ block: Int, _ rows: Range<Int>) {
        let tiles = RowTiles(width: band.window.output.width)
        switch tiles.pixels {
        #if KERNELS_AVX512
            case 12: computeRows(PixelRun<TwelvePixels<TwoBlocks>, Step>.self, tiles.count, block, rows)
            case 10: computeRows(PixelRun<TenPixels<TwoBlocks>, Step>.self, tiles.count, block, rows)
            default: computeRows(PixelRun<EightPixels<TwoBlocks>, Step>.self, tiles.count, block, rows)
        #else
            case 6: computeRows(PixelRun<SixPixels<TwoBlocks>, Step>.self, tiles.count, block, rows)
            default: computeRows(PixelRun<FivePixels<TwoBlocks>, Step>.self, tiles.count, block, rows)
        #endif
        }
    }

    @inline(never)
    private func computeRows<Pixels: PixelSums, Step: PixelStep>(
        _: PixelRun<Pixels, Step>.Type, _ tiles: Int, _ block: Int, _ rows: Range<Int>
    ) {
        let c = Vector.scalarCount
        let width = band.window.output.width
        let weights = operands.weights + block * shape.weightsPerBlock
        let bias = operands.bias.map { $0 + block * c }
        var row = image
        for y in rows {
            for tile in 0..<tiles {
                // The last tile of a row computes some pixels of the one before it again.
                let x = min(tile * Pixels.pixels, width - Pixels.pixels)
                let output = PixelOutput(
                    bias: bias, output: operands.output + (block * operands.outputStride + (y * width + x) * c),
                    outputStride: operands.outputStride, activation: activation)
                computeTile(PixelRun<Pixels, Step>.self, row + x * Step.pixels, weights, output)
            }
            row += band.rowStep
        }
        operands.clearMissingChannels(
            of: block..<block + Pixels.Sums.blocks, outputChannels: outputChannels,
            pixels: rows.lowerBound * width..<rows.upperBound * width)
    }

    /// A function of its own: inlined among its callers, the sums would not stay in registers.
    @inline(never)
    private func computeTile<Tile: PixelSums>(
        _: Tile.Type, _ source: UnsafePointer<Float>, _ weights: UnsafePointer<Float>, _ output: PixelOutput
    ) {
        let pointers = Tile.Pointers { source }
        var sums = Tile()
        var weights = weights
        for offset in taps {
            sums.add(pointers, offset, Tile.Sums.weights(weights))
            weights += Tile.weightStep
        }
        sums.finish(output, pixel: 0)
    }

    @inline(never)
    private func compute<Tile: PixelSums>(_: Tile.Type, _ block: Int, _ rows: Range<Int>) {
        let runs = Tile.pixels / Tile.Pointers.pixelsPerPointer
        let width = band.window.output.width
        let weights = operands.weights + block * shape.weightsPerBlock
        withUnsafeTemporaryAllocation(of: Tile.self, capacity: 1) { room in
            withUnsafeTemporaryAllocation(of: Run.self, capacity: runs) { places in
                let sums = room.baseAddress.unsafelyUnwrapped
                let length = Tile.Pointers.pixelsPerPointer
                let end = rows.upperBound * width
                var row = image
                var (source, pixel, endOfRow) = (row, rows.lowerBound * width, (rows.lowerBound + 1) * width)
                while pixel < end {
                    var index = 0
                    let pointers = Tile.Pointers {
                        let count = max(0, min(length, endOfRow - pixel))
                        let first = source
                        places[index] = Run(pixel: pixel, count: count)
                        index += 1
                        pixel += count
                        source += length * band.window.stride.width
                        if pixel == end {
                            // Runs past the last row have no pixels.
                            source = image
                        } else if pixel == endOfRow {
                            endOfRow += width
                            row += band.rowStep
                            source = row
                        }
                        return first
                    }
                    accumulateTaps(sums, pointers, offsets: taps, weights)
                    finish(
                        UnsafeRawPointer(sums).assumingMemoryBound(to: Vector.self), Tile.Sums.blocks,
                        UnsafeBufferPointer(places), length, block)
                }
            }
        }
        operands.clearMissingChannels(
            of: block..<block + Tile.Sums.blocks, outputChannels: outputChannels,
            pixels: rows.lowerBound * width..<rows.upperBound * width)
    }

    /// Adds bias and residual to the sums `[run][pixel][block]`, applies the activation and stores the pixels that exist.
    @inline(__always)
    private func finish(
        _ sums: UnsafePointer<Vector>, _ blocks: Int, _ runs: UnsafeBufferPointer<Run>, _ length: Int, _ block: Int
    ) {
        for index in 0..<blocks {
            let bias = operands.bias.map { load($0 + (block + index) * Vector.scalarCount) } ?? .zero
            for (number, run) in runs.enumerated() {
                let sums = sums + (number * length * blocks + index)
                // The usual count as a constant.
                if run.count == length {
                    finish(sums, blocks, run.pixel, length, block + index, bias)
                } else {
                    finish(sums, blocks, run.pixel, run.count, block + index, bias)
                }
            }
        }
    }

    @inline(__always)
    private func finish(
        _ sums: UnsafePointer<Vector>, _ step: Int, _ pixel: Int, _ count: Int, _ block: Int, _ bias: Vector
    ) {
        let c = Vector.scalarCount
        let output = operands.output + (block * operands.outputStride + pixel * c)
        if let residual = operands.residual {
            let addend = residual + (block * operands.residualStride + pixel * c)
            for index in 0..<count {
                store(activation(sums[index * step] + bias + load(addend + index * c)), output + index * c)
            }
        } else {
            for index in 0..<count {
                store(activation(sums[index * step] + bias), output + index * c)
            }
        }
    }
}

#if KERNELS_AVX512
    /// Twelve pixels by two blocks.
    private typealias MainRuns<Sums: BlockSums, Step: PixelStep> = Joined<
        Joined<PixelRun<ThreePixels<Sums>, Step>, PixelRun<ThreePixels<Sums>, Step>>,
        Joined<PixelRun<ThreePixels<Sums>, Step>, PixelRun<ThreePixels<Sums>, Step>>
    >
#else
    /// Six pixels by two blocks. Runs are short, since the last one of a row may be cut off.
    private typealias MainRuns<Sums: BlockSums, Step: PixelStep> = Joined<
        PixelRun<ThreePixels<Sums>, Step>, PixelRun<ThreePixels<Sums>, Step>
    >
#endif
/// Twelve pixels by one block: fewer sums could not hide the latency of multiply-add.
private typealias LongRuns<Sums: BlockSums, Step: PixelStep> = Joined<
    PixelRun<FourPixels<Sums>, Step>, Joined<PixelRun<FourPixels<Sums>, Step>, PixelRun<FourPixels<Sums>, Step>>
>
