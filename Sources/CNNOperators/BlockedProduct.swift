import CNNKernelSelection
import CNNKernelTable

/// A matrix product in Double of an m×k by a k×n matrix, in blocks that stay in the caches, by vector kernels and several threads.
/// Every element is summed in blocks of `depthBlock` products, each block in its order, so the result does not depend on the
/// number of threads.
struct BlockedProduct<Right: PackedColumns> {
    let rows: Int
    let columns: Int
    let depth: Int
    let left: FactorMatrix
    let right: Right
    /// Where results go: element (i, j) to `i·rowStride + (j / itemColumns)·itemStride + j mod itemColumns`.
    let rowStride: Int
    let itemColumns: Int
    let itemStride: Int

    private static var depthBlock: Int { 256 }
    /// Panels of the right factor that are packed at once: with `depthBlock` rows they fill half of a usual second-level cache.
    private static var panelBlock: Int { 8 }

    /// Adds the product to `output`.
    func add(to output: UnsafeMutablePointer<Double>, threads: Int) {
        guard rows > 0, columns > 0, depth > 0 else { return }
        let kernels = KernelSelection.best
        let rowPanels = (rows - 1) / kernels.doubleTileRows + 1
        let columnPanels = (columns - 1) / kernels.doubleTileColumns + 1
        // Packing the right factor costs most, so threads share the columns where there are enough.
        let products = rows.multipliedReportingOverflow(by: columns).partialValue.multipliedReportingOverflow(by: depth)
        let parts = products.overflow || products.partialValue > 1 << 16 ? max(threads, 1) : 1
        if columnPanels >= parts * 2 || rowPanels < parts {
            EvaluationThreads.run(parts: parts) { part in
                add(
                    0..<rowPanels, columnPanels * part / parts..<columnPanels * (part + 1) / parts, kernels, to: output)
            }
        } else {
            EvaluationThreads.run(parts: parts) { part in
                add(rowPanels * part / parts..<rowPanels * (part + 1) / parts, 0..<columnPanels, kernels, to: output)
            }
        }
    }

    private func add(
        _ rowPanels: Range<Int>, _ columnPanels: Range<Int>, _ kernels: any KernelTable,
        to output: UnsafeMutablePointer<Double>
    ) {
        guard !rowPanels.isEmpty, !columnPanels.isEmpty else { return }
        let (tileRows, tileColumns) = (kernels.doubleTileRows, kernels.doubleTileColumns)
        let depthBlock = min(depth, Self.depthBlock)
        let panelBlock = min(columnPanels.count, Self.panelBlock)
        let panelCount = depthBlock * tileColumns
        let scratchCount = right.scratchCount(width: tileColumns)
        let memory = UnsafeMutablePointer<Double>.allocate(
            capacity: panelBlock * panelCount + depthBlock * tileRows + tileRows * tileColumns)
        let scratch = PackingScratch.allocate(capacity: max(panelBlock * scratchCount, 1))
        defer {
            memory.deallocate()
            scratch.deallocate()
        }
        let leftPanel = memory + panelBlock * panelCount
        let tile = leftPanel + depthBlock * tileRows
        var first = columnPanels.lowerBound
        while first < columnPanels.upperBound {
            let panels = first..<min(first + panelBlock, columnPanels.upperBound)
            for (place, panel) in panels.enumerated() {
                right.prepare(column: panel * tileColumns, width: tileColumns, scratch: scratch + place * scratchCount)
            }
            var begin = 0
            while begin < depth {
                let depths = begin..<min(begin + depthBlock, depth)
                for (place, panel) in panels.enumerated() {
                    right.pack(
                        depth: depths, column: panel * tileColumns, width: tileColumns, to: memory + place * panelCount,
                        scratch: scratch + place * scratchCount)
                }
                for rowPanel in rowPanels {
                    left.packRows(
                        row: rowPanel * tileRows, rows: rows, depth: depths, width: tileRows, to: leftPanel)
                    for (place, panel) in panels.enumerated() {
                        kernels.multiplyDoubleTile(
                            left: leftPanel, right: memory + place * panelCount, depth: depths.count, into: tile)
                        add(
                            tile, width: tileColumns, row: rowPanel * tileRows, count: tileRows,
                            column: panel * tileColumns, to: output)
                    }
                }
                begin = depths.upperBound
            }
            first = panels.upperBound
        }
    }

    /// Adds what exists of a tile to its place.
    private func add(
        _ tile: UnsafePointer<Double>, width: Int, row: Int, count: Int, column: Int,
        to output: UnsafeMutablePointer<Double>
    ) {
        let existingRows = min(count, rows - row)
        let end = min(column + width, columns)
        var begin = column
        while begin < end {
            // A run of columns within one item.
            let item = begin / itemColumns
            let runEnd = min(end, (item + 1) * itemColumns)
            let start = item * itemStride + begin - item * itemColumns
            for index in 0..<existingRows {
                let target = output + (row + index) * rowStride + start
                let source = tile + index * width + begin - column
                for offset in 0..<runEnd - begin { target[offset] += source[offset] }
            }
            begin = runEnd
        }
    }
}
