import CNNKernelTable

/// The output blocks of a register tile of a convolution 1×1 with stride 1 and without padding: pixels lie side by side, so that one
/// address does for all of a tile, and there are no borders. What the general tile spends on finding its pixels and on handing its
/// sums on is as much as the arithmetic where there are few input channels. The sums are the same, bit for bit.
struct PointwiseTile<Sums: PixelSums> {
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
    @inline(never)
    func compute(_ tiles: Int, from first: Int) -> Int {
        var sums = Sums()
        var first = first
        for _ in 0..<tiles {
            accumulate(&sums, first)
            withUnsafeBytes(of: &sums) { bytes in
                finish(bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Vector.self), first)
            }
            first += Sums.pixels
        }
        return first
    }

    /// A function of its own: inlined among its callers, the sums would not stay in registers.
    @inline(never)
    private func accumulate(_ result: UnsafeMutablePointer<Sums>, _ first: Int) {
        var sums = Sums()
        var source = input + first * Vector.scalarCount
        var weights = weights
        for _ in 0..<inputBlocks {
            sums.addBlock(from: source, weights)
            source += operands.inputStride
            weights += Vector.scalarCount * Sums.weightStep
        }
        result.pointee = sums
    }

    /// Adds bias and residual to the sums of a tile, applies the activation and stores.
    @inline(__always)
    private func finish(_ sums: UnsafePointer<Vector>, _ first: Int) {
        let c = Vector.scalarCount
        let blocks = Sums.Sums.blocks
        for index in 0..<blocks {
            let bias = operands.bias.map { load($0 + (block + index) * c) } ?? .zero
            let output = operands.output + ((block + index) * operands.outputStride + first * c)
            if let residual = operands.residual {
                let addend = residual + ((block + index) * operands.residualStride + first * c)
                for pixel in 0..<Sums.pixels {
                    store(activation(sums[blocks * pixel + index] + bias + load(addend + pixel * c)), output + pixel * c)
                }
            } else {
                for pixel in 0..<Sums.pixels {
                    store(activation(sums[blocks * pixel + index] + bias), output + pixel * c)
                }
            }
        }
    }
}
