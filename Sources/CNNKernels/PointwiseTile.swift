import CNNKernelTable

/// An output tile of a convolution 1×1 with stride 1 and without padding: pixels lie side by side, so that one address does for all of
/// a register tile, and there are no borders. What the general tile spends on finding its pixels and on handing its sums on is as much
/// as the arithmetic where there are few input channels. The sums are the same, bit for bit.
struct PointwiseCall<Filling: BlockFilling> {
    let convolution: DirectConvolution<Filling>
    /// The first of the output blocks.
    let block: Int
    let weights: UnsafePointer<Float>
    /// The first input block of the group.
    let input: UnsafePointer<Float>

    /// Computes so many register tiles of two blocks from the front of `pixels` and takes these off, if there is a tile of that size:
    /// smaller ones are left to the general tile.
    @inline(__always)
    func compute(_ tiles: Int, tilesOf size: Int, _ pixels: inout Range<Int>) {
        switch size {
        #if KERNELS_AVX512
            case 12: compute(TwelvePixels<TwoBlocks>.self, tiles, &pixels)
            case 11: compute(ElevenPixels<TwoBlocks>.self, tiles, &pixels)
            case 10: compute(TenPixels<TwoBlocks>.self, tiles, &pixels)
            case 9: compute(NinePixels<TwoBlocks>.self, tiles, &pixels)
            case 8: compute(EightPixels<TwoBlocks>.self, tiles, &pixels)
            case 7: compute(SevenPixels<TwoBlocks>.self, tiles, &pixels)
        #endif
        case 6: compute(SixPixels<TwoBlocks>.self, tiles, &pixels)
        case 5: compute(FivePixels<TwoBlocks>.self, tiles, &pixels)
        default: break
        }
    }

    @inline(__always)
    func compute<Tile: PixelSums>(_: Tile.Type, _ tiles: Int, _ pixels: inout Range<Int>) {
        if tiles == 0 { return }
        let operands = convolution.operands
        let tile = PointwiseTile<Tile>(
            operands: operands, activation: convolution.activation, block: block, input: input, weights: weights,
            inputBlocks: convolution.shape.inputBlocks)
        let end = tile.compute(tiles, from: pixels.lowerBound)
        operands.clearMissingChannels(
            of: block..<block + Tile.Sums.blocks, outputChannels: convolution.outputChannels,
            pixels: pixels.lowerBound..<end)
        pixels = end..<pixels.upperBound
    }
}

/// Its register tiles of one size.
private struct PointwiseTile<Sums: PixelSums> {
    let operands: ConvolutionOperands
    let activation: VectorActivation
    /// The first of the output blocks.
    let block: Int
    /// The first input block of the group.
    let input: UnsafePointer<Float>
    let weights: UnsafePointer<Float>
    let inputBlocks: Int

    /// Computes so many tiles of pixels from `first`.
    /// - Returns: the pixel behind the last of them.
    func compute(_ tiles: Int, from first: Int) -> Int {
        var first = first
        for _ in 0..<tiles {
            compute(first)
            first += Sums.pixels
        }
        return first
    }

    /// A function of its own: inlined among its callers, the sums would not stay in registers.
    @inline(never)
    private func compute(_ first: Int) {
        let c = Vector.scalarCount
        var sums = Sums()
        var source = input + first * c
        var weights = weights
        for _ in 0..<inputBlocks {
            sums.addBlock(from: source, weights)
            source += operands.inputStride
            weights += c * Sums.weightStep
        }
        let output = PixelOutput(
            bias: operands.bias.map { $0 + block * c }, output: operands.output + (block * operands.outputStride + first * c),
            outputStride: operands.outputStride, activation: activation)
        if let residual = operands.residual {
            sums.finish(
                PixelOutputWithResidual(
                    output: output, residual: residual + (block * operands.residualStride + first * c),
                    residualStride: operands.residualStride),
                pixel: 0)
        } else {
            sums.finish(output, pixel: 0)
        }
    }
}
