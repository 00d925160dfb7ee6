/// The work of an image as a grid of columns within rows, split along the rows: a part is a run of cells in row-major order, so
/// parts differ by one cell at most, and all but the first and last row of a run are whole.
struct Grid: Sendable {
    let rows: Int
    let columns: Int

    var count: Int { rows * columns }

    /// Calls `body` with the rectangles that a run of cells consists of: three at most.
    func forEachRectangle(_ cells: Range<Int>, _ body: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void) {
        var next = cells.lowerBound
        while next < cells.upperBound {
            let (row, column) = next.quotientAndRemainder(dividingBy: columns)
            if column == 0, cells.upperBound - next >= columns {
                let whole = (cells.upperBound - next) / columns
                body(row..<row + whole, 0..<columns)
                next += whole * columns
            } else {
                let end = min((row + 1) * columns, cells.upperBound)
                body(row..<row + 1, column..<column + (end - next))
                next = end
            }
        }
    }
}

/// The range of elements that a range of tiles of `size` covers, of `count` elements in all.
func elements(ofTiles tiles: Range<Int>, size: Int, count: Int) -> Range<Int> {
    tiles.lowerBound * size..<min(tiles.upperBound * size, count)
}
