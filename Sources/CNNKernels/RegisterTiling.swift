/// A computation over a row of pixels (or whatever stands in their place), done one register tile at a time.
protocol RegisterTiling {
    associatedtype Sums: BlockSums
    /// Computes `count` pixels from `first`, at most as many as the tile has.
    func compute<Tile: PixelSums>(_: Tile.Type, _ first: Int, _ count: Int)
    where Tile.Sums == Sums, Tile.Pointers: MaskedPointers
}

extension RegisterTiling {
    /// Cuts `pixels` into as few tiles as can be, of nearly the same size: a short tile has too few sums to hide the latency of
    /// multiply-add, so 49 pixels are better done as 4·6 + 5·5 than as 8·6 + 1.
    @inline(__always)
    func computeTiles(_ pixels: Range<Int>) {
        let limit = MainTile<Sums>.pixels
        let tiles = (pixels.count + limit - 1) / limit
        if tiles == 0 { return }
        let (size, longer) = pixels.count.quotientAndRemainder(dividingBy: tiles)
        var first = pixels.lowerBound
        for tile in 0..<tiles {
            let count = tile < longer ? size + 1 : size
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
