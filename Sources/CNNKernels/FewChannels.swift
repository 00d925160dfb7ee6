import CNNKernelTable

/// The first layer of a network where it gives few channels, which would leave lanes idle: here the lanes of a vector are pixels side by
/// side. A register tile is six channels by a vector of pixels in each of two rows; the sums are transposed when they are stored.
struct FewChannels {
    let band: ImageBand
    let image: UnsafePointer<Float>
    let tile: FewChannelTile

    @inline(never)
    func compute(rows: Range<Int>) {
        let c = Vector.scalarCount
        let width = band.window.output.width
        FewChannelTile.withSums(rows: 2) { sums in
            var row = image
            for y in stride(from: rows.lowerBound, to: rows.upperBound, by: 2) {
                // A last row without a neighbour is its own.
                let hasNext = y + 1 < rows.upperBound
                let next = hasNext ? row + band.rowStep : row
                let output = tile.operands.output + y * width * c
                for x in stride(from: 0, to: width, by: c) {
                    tile.accumulate(sums, row + x, next + x, tile.operands.weights)
                    tile.finish(sums, rows: 2, of: 2)
                    let count = min(width - x, c)
                    tile.store(sums.floats, rows: 2, output + x * c, count)
                    if hasNext { tile.store((sums + 1).floats, rows: 2, output + (width + x) * c, count) }
                }
                row += 2 * band.rowStep
            }
        }
        tile.clearMissingChannels(pixels: rows.lowerBound * width..<rows.upperBound * width)
    }
}
