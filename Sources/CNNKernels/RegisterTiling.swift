/// A computation over a row of pixels (or whatever stands in their place), done one register tile at a time.
protocol RegisterTiling {
    associatedtype Sums: BlockSums
    /// Computes `count` pixels from `first`, at most as many as the tile has.
    func compute<Tile: PixelSums>(_: Tile.Type, _ first: Int, _ count: Int)
    where Tile.Sums == Sums, Tile.Pointers: MaskedPointers
}

extension RegisterTiling {
    /// Computes `pixels` in the tiles that `TileSizes` cuts them into.
    @inline(__always)
    func computeTiles(_ pixels: Range<Int>) {
        let sizes = TileSizes(pixels.count, limit: MainTile<Sums>.pixels)
        var first = pixels.lowerBound
        for tile in 0..<sizes.tiles {
            let count = tile < sizes.longer ? sizes.size + 1 : sizes.size
            computeTile(first, count)
            first += count
        }
    }

    @inline(__always)
    private func computeTile(_ first: Int, _ count: Int) {
        #if KERNELS_AVX512
            if count > 10 { return compute(MainTile<Sums>.self, first, count) }
            if count > 8 { return compute(TenPixels<Sums>.self, first, count) }
            if count > 6 { return compute(EightPixels<Sums>.self, first, count) }
        #endif
        if count > 5 { return compute(SixPixels<Sums>.self, first, count) }
        if count > 4 { return compute(FivePixels<Sums>.self, first, count) }
        if count > 2 { return compute(FourPixels<Sums>.self, first, count) }
        compute(TwoPixels<Sums>.self, first, count)
    }
}

/// Pixels cut into as few tiles as can be, of nearly the same size: a short tile has too few sums to hide the latency of
/// multiply-add, so 49 pixels are better done as 4·6 + 5·5 than as 8·6 + 1.
struct TileSizes {
    let tiles: Int
    /// Tiles of one pixel more than `size`: the first.
    let longer: Int
    /// Pixels of the others.
    let size: Int

    /// - Parameter limit: the most pixels of a tile.
    @inline(__always)
    init(_ pixels: Int, limit: Int) {
        tiles = (pixels + limit - 1) / limit
        (size, longer) = tiles > 0 ? pixels.quotientAndRemainder(dividingBy: tiles) : (0, 0)
    }
}
