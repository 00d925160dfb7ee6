/// One plane's product: `[tiles, input channels]` by the weights of one output tile.
struct PlaneProduct<Sums: BlockSums>: RegisterTiling {
    let input: UnsafePointer<Float>
    /// From one tile's inputs to the next's.
    let inputStep: Int
    /// Input channels: whole blocks.
    let depth: Int
    let output: UnsafeMutablePointer<Float>
    let outputStep: Int
    let weights: UnsafePointer<Float>
    let isAdded: Bool
    /// From these inputs to those of the product that follows. They come from a larger cache and are asked for meanwhile.
    let following: Int

    /// A function of its own: inlined among its callers, the sums would not stay in registers.
    @inline(never)
    func compute<Tile: PixelSums>(_: Tile.Type, _ first: Int, _ count: Int)
    where Tile.Sums == Sums, Tile.Pointers: MaskedPointers {
        var index = 0
        let pointers = Tile.Pointers {
            defer { index += 1 }
            return input + (first + min(index, count - 1)) * inputStep
        }
        var sums = Tile()
        var weights = weights
        var channel = 0
        while channel < depth {
            // Also where a line has been asked for: a condition would take registers from the sums.
            pointers.prefetch(following + channel)
            sums.addBlock(pointers, channel, weights)
            weights += Vector.scalarCount * Tile.weightStep
            channel += Vector.scalarCount
        }
        sums.write(to: output + first * outputStep, step: outputStep, count: count, adding: isAdded)
    }
}
