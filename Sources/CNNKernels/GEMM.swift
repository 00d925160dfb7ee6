import CNNKernelTable

/// Matrix product on packed operands. The register tile is that of the convolution: MR rows in place of pixels, two vectors
/// of columns in place of channel blocks.
extension Kernels {
    /// Terms of a sum that are added one after the other; longer sums are sums of such sums, which round less.
    static var termsPerSum: Int { 512 }

    package var gemmPanelRows: Int { MainTile<TwoBlocks>.pixels }
    package var gemmPanelColumns: Int { TwoBlocks.blocks * Vector.scalarCount }

    package func packLeft(
        _ matrix: StridedMatrix, rows: Int, depth: Int, scale: Float, panels: Range<Int>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        let panelRows = gemmPanelRows
        for panel in panels {
            let target = packed + panel * panelRows * depth
            let firstRow = panel * panelRows
            let existing = min(panelRows, rows - firstRow)
            for row in 0..<existing {
                var source = matrix.base + (firstRow + row) * matrix.rowStride
                var element = target + row
                for _ in 0..<depth {
                    element.pointee = source.pointee * scale
                    source += matrix.columnStride
                    element += panelRows
                }
            }
            for row in existing..<panelRows {
                var element = target + row
                for _ in 0..<depth {
                    element.pointee = 0
                    element += panelRows
                }
            }
        }
    }

    package func packRight(
        _ matrix: StridedMatrix, depth: Int, columns: Int, panels: Range<Int>, to packed: UnsafeMutablePointer<Float>
    ) {
        let panelColumns = gemmPanelColumns
        for panel in panels {
            let target = packed + panel * panelColumns * depth
            let firstColumn = panel * panelColumns
            let existing = min(panelColumns, columns - firstColumn)
            let base = matrix.base + firstColumn * matrix.columnStride
            if existing == panelColumns && matrix.columnStride == 1 {
                for k in 0..<depth {
                    let source = base + k * matrix.rowStride
                    store(load(source), target + k * panelColumns)
                    store(load(source + Vector.scalarCount), target + k * panelColumns + Vector.scalarCount)
                }
                continue
            }
            for column in 0..<existing {
                var source = base + column * matrix.columnStride
                var element = target + column
                for _ in 0..<depth {
                    element.pointee = source.pointee
                    source += matrix.rowStride
                    element += panelColumns
                }
            }
            for k in 0..<depth {
                (target + k * panelColumns + existing).update(repeating: 0, count: panelColumns - existing)
            }
        }
    }

    package func gemm(_ arguments: GEMMArguments, rowPanels: Range<Int>, columnPanels: Range<Int>) {
        let product = PanelProduct(arguments: arguments, activation: VectorActivation(arguments.activation))
        // A block of left panels stays in the second-level cache while the right operand passes by, one panel at a time.
        let panelBytes = max(1, arguments.depth * gemmPanelRows * MemoryLayout<Float>.stride)
        let blockPanels = max(1, 256 * 1024 / panelBytes)
        var first = rowPanels.lowerBound
        while first < rowPanels.upperBound {
            let end = min(first + blockPanels, rowPanels.upperBound)
            for columnPanel in columnPanels {
                product.compute(rowPanels: first..<end, columnPanel: columnPanel)
            }
            first = end
        }
    }
}

/// One call of `gemm`.
private struct PanelProduct {
    let arguments: GEMMArguments
    let activation: VectorActivation

    func compute(rowPanels: Range<Int>, columnPanel: Int) {
        let panelRows = MainTile<TwoBlocks>.pixels
        let panelColumns = TwoBlocks.blocks * Vector.scalarCount
        let right = arguments.right + columnPanel * panelColumns * arguments.depth
        let columns = min(panelColumns, arguments.columns - columnPanel * panelColumns)
        for panel in rowPanels {
            let left = arguments.left + panel * panelRows * arguments.depth
            let row = panel * panelRows
            let rows = min(panelRows, arguments.rows - row)
            #if KERNELS_AVX512
                if rows > 8 {
                    multiply(MainTile<TwoBlocks>.self, left, right, row, rows, columnPanel * panelColumns, columns)
                    continue
                }
                if rows > 6 {
                    multiply(EightPixels<TwoBlocks>.self, left, right, row, rows, columnPanel * panelColumns, columns)
                    continue
                }
            #endif
            if rows > 4 {
                multiply(SixPixels<TwoBlocks>.self, left, right, row, rows, columnPanel * panelColumns, columns)
            } else if rows > 2 {
                multiply(FourPixels<TwoBlocks>.self, left, right, row, rows, columnPanel * panelColumns, columns)
            } else {
                multiply(TwoPixels<TwoBlocks>.self, left, right, row, rows, columnPanel * panelColumns, columns)
            }
        }
    }

    @inline(__always)
    func multiply<Tile: PixelSums>(
        _: Tile.Type, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ row: Int, _ rows: Int, _ column: Int,
        _ columns: Int
    ) where Tile.Sums == TwoBlocks {
        var sums = Tile()
        withUnsafeMutableBytes(of: &sums) { bytes in
            let vectors = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Vector.self)
            var first = 0
            while first < arguments.depth {
                let depth = min(Kernels.termsPerSum, arguments.depth - first)
                add(
                    Tile.self, left + first * MainTile<TwoBlocks>.pixels, right + first * Tile.weightStep, depth: depth,
                    to: vectors.floats)
                first += depth
            }
            storeSums(vectors, row, rows, column, columns)
        }
    }

    /// Adds the products of so many columns of a panel of `left` and rows of one of `right` to a tile.
    ///
    /// A function of its own: inlined among its callers, the sums would not stay in registers.
    @inline(never)
    private func add<Tile: PixelSums>(
        _: Tile.Type, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, depth: Int,
        to tile: UnsafeMutablePointer<Float>
    ) where Tile.Sums == TwoBlocks {
        let panelRows = MainTile<TwoBlocks>.pixels
        var sums = Tile()
        var (left, right) = (left, right)
        for _ in 0..<depth / 4 {
            sums.addFour(from: left, next: panelRows, step: 1, right)
            left += 4 * panelRows
            right += 4 * Tile.weightStep
        }
        for _ in 0..<depth % 4 {
            sums.add(from: left, step: 1, Tile.Sums.weights(right))
            left += panelRows
            right += Tile.weightStep
        }
        sums.write(to: tile, step: TwoBlocks.blocks * Vector.scalarCount, count: Tile.pixels, adding: true)
    }

    /// Adds the biases and the residual to the sums `[row][block]`, applies the activation and stores what exists.
    @inline(never)
    func storeSums(_ sums: UnsafePointer<Vector>, _ row: Int, _ rows: Int, _ column: Int, _ columns: Int) {
        let columnBias = arguments.columnBias.map { $0 + column }
        for index in 0..<rows {
            let output = arguments.output + (row + index) * arguments.outputRowStride + column
            let residual = arguments.residual.map { $0 + (row + index) * arguments.residualRowStride + column }
            let rowBias = Vector(repeating: arguments.rowBias.map { $0[row + index] } ?? 0)
            for block in 0..<TwoBlocks.blocks {
                let lane = block * Vector.scalarCount
                let count = columns - lane
                var value = sums[index * TwoBlocks.blocks + block] + rowBias
                if let columnBias { value += loadFirst(count, columnBias + lane) }
                if let residual { value += loadFirst(count, residual + lane) }
                storeFirst(count, activation(value), output + lane)
            }
        }
    }
}
