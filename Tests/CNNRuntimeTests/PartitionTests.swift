import Testing

@testable import CNNRuntime

@Suite("A partition")
struct PartitionTests {
    @Test("covers every unit once, in parts of nearly equal size", arguments: [1, 2, 3, 7], [1, 3, 10])
    func cover(_ parts: Int, _ units: Int) {
        let partition = Partition(images: 3, units: units, parts: parts)
        var seen: [Int] = []
        var sizes: [Int] = []
        for part in 0..<partition.parts {
            var size = 0
            partition.forEach(in: part) { image, range in
                seen += range.map { image * units + $0 }
                size += range.count
            }
            sizes.append(size)
        }
        #expect(seen == Array(0..<3 * units))
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    }
}

@Suite("A grid")
struct GridTests {
    @Test(
        "is cut into rectangles that cover it once, as many as asked for if there are so many cells",
        arguments: [1, 2, 5, 16, 100], [(5, 7), (1, 40), (40, 1), (1, 1), (64, 64)])
    func cover(_ parts: Int, _ size: (rows: Int, columns: Int)) {
        for (rowData, columnData) in [(0, 0), (1, 0), (0, 1), (1000, 10), (10, 1000), (Int.max, Int.max)] {
            let grid = Grid(
                rows: size.rows, columns: size.columns, parts: parts, rowData: rowData, columnData: columnData)
            var seen = [Int](repeating: 0, count: size.rows * size.columns)
            grid.forEachRectangle(0..<grid.count) { rows, columns in
                #expect(!rows.isEmpty && !columns.isEmpty)
                for row in rows { for column in columns { seen[row * size.columns + column] += 1 } }
            }
            #expect(seen.allSatisfy { $0 == 1 })
            // What one side cannot be cut into, the other is.
            if min(size.rows, size.columns) == 1 { #expect(grid.count == min(parts, size.rows * size.columns)) }
        }
    }

    @Test("is cut so that little is read twice")
    func reading() {
        // Large weights, small input: each part has weights of its own and reads all the input; and the other way round.
        #expect(rowParts(rowData: 1_000_000, columnData: 1) == 16)
        #expect(rowParts(rowData: 1, columnData: 1_000_000) == 1)
        // Cut into a rows and 16/a columns, w·16/a + i·a is least at a = 4 where both are the same.
        #expect(rowParts(rowData: 1000, columnData: 1000) == 4)
    }

    private func rowParts(rowData: Int, columnData: Int) -> Int {
        let grid = Grid(rows: 64, columns: 64, parts: 16, rowData: rowData, columnData: columnData)
        var starts: Set<Int> = []
        grid.forEachRectangle(0..<grid.count) { rows, _ in starts.insert(rows.lowerBound) }
        return starts.count
    }
}
