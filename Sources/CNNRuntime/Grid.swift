/// The work of an image as a grid of rows and columns, cut into rectangles. Rows and columns each read data of their own, say the
/// weights of some output channels and the inputs of some pixels: a rectangle reads those of its rows and those of its columns, so the
/// cut decides how much is read in all.
struct Grid: Sendable {
    let rows: Int
    let columns: Int
    private let rowParts: Int
    private let columnParts: Int
    /// Whether rectangles of the same columns follow one another, rather than those of the same rows.
    private let goesDownColumns: Bool

    /// Cuts into `parts` rectangles at least if there are so many cells, with the least to read.
    /// - Parameters:
    ///   - rowData: what all rows together read.
    ///   - columnData: the same of the columns.
    init(rows: Int, columns: Int, parts: Int, rowData: Int, columnData: Int) {
        (self.rows, self.columns) = (rows, columns)
        goesDownColumns = rowData < columnData
        var best = (rowParts: 1, columnParts: 1)
        var least = Double.infinity
        for rowParts in 1...max(1, min(rows, parts)) {
            let columnParts = max(1, min(columns, (parts + rowParts - 1) / rowParts))
            let missing = max(0, parts - rowParts * columnParts)
            let read = Double(rowData) * Double(columnParts) + Double(columnData) * Double(rowParts)
            // A rectangle too few is worse than any amount of data.
            let cost = read + Double(missing) * Double(parts) * (Double(rowData) + Double(columnData) + 1)
            if cost < least { (best, least) = ((rowParts, columnParts), cost) }
        }
        (rowParts, columnParts) = best
    }

    /// How many rectangles there are.
    var count: Int { rowParts * columnParts }

    /// Calls `body` with each of some rectangles.
    func forEachRectangle(_ rectangles: Range<Int>, _ body: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void) {
        for index in rectangles {
            let (row, column) =
                goesDownColumns ? (index % rowParts, index / rowParts) : (index / columnParts, index % columnParts)
            body(
                Partition.range(of: rows, part: row, of: rowParts),
                Partition.range(of: columns, part: column, of: columnParts))
        }
    }
}

/// The range of elements that a range of tiles of `size` covers, of `count` elements in all.
func elements(ofTiles tiles: Range<Int>, size: Int, count: Int) -> Range<Int> {
    tiles.lowerBound * size..<min(tiles.upperBound * size, count)
}
