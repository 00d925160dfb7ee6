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

/// A row of pixels in register tiles, all of one size: of the sizes that there are, the one that computes the fewest pixels beyond the end
/// of the row.
struct RowTiles {
    let pixels: Int
    let count: Int

    /// Tiles of two blocks.
    init(width: Int) {
        #if KERNELS_AVX512
            self = Self.better(Self(width, 12), Self.better(Self(width, 10), Self(width, 8)))
        #else
            self = Self.better(Self(width, 6), Self(width, 5))
        #endif
    }

    /// Tiles of one block.
    init(ofSingleBlock width: Int) {
        self = Self.better(Self(width, 12), Self(width, 10))
    }

    private init(_ width: Int, _ pixels: Int) {
        self.pixels = pixels
        count = (width + pixels - 1) / pixels
    }

    private static func better(_ first: Self, _ second: Self) -> Self { first.cost <= second.cost ? first : second }

    /// To read the weights takes each tile about as long as another pixel.
    private var cost: Int { count * (pixels + 1) }
}
