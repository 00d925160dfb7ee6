/// `output[M, N] = activation(left[M, K] · right[K, N] + rowBias + columnBias + residual)`, all row-major.
package struct GEMMArguments {
    package var rows: Int
    package var columns: Int
    package var depth: Int
    /// Packed by `packLeft`.
    package var left: UnsafePointer<Float>
    /// Packed by `packRight`.
    package var right: UnsafePointer<Float>
    package var output: UnsafeMutablePointer<Float>
    package var outputRowStride: Int
    /// `[M]`, or nil.
    package var rowBias: UnsafePointer<Float>?
    /// `[N]`, or nil.
    package var columnBias: UnsafePointer<Float>?
    /// `[M, N]` at `residualRowStride`, or nil. May be `output` itself.
    package var residual: UnsafePointer<Float>?
    package var residualRowStride: Int
    package var activation: Activation

    package init(
        rows: Int, columns: Int, depth: Int, left: UnsafePointer<Float>, right: UnsafePointer<Float>,
        output: UnsafeMutablePointer<Float>, outputRowStride: Int, rowBias: UnsafePointer<Float>? = nil,
        columnBias: UnsafePointer<Float>? = nil, residual: UnsafePointer<Float>? = nil, residualRowStride: Int = 0,
        activation: Activation = .none
    ) {
        self.rows = rows
        self.columns = columns
        self.depth = depth
        self.left = left
        self.right = right
        self.output = output
        self.outputRowStride = outputRowStride
        self.rowBias = rowBias
        self.columnBias = columnBias
        self.residual = residual
        self.residualRowStride = residualRowStride
        self.activation = activation
    }
}

/// A matrix where it lies: element (i, j) at `base[i * rowStride + j * columnStride]`. A transposed operand is the same
/// memory with its strides exchanged.
package struct StridedMatrix {
    package var base: UnsafePointer<Float>
    package var rowStride: Int
    package var columnStride: Int

    package init(_ base: UnsafePointer<Float>, rowStride: Int, columnStride: Int = 1) {
        self.base = base
        self.rowStride = rowStride
        self.columnStride = columnStride
    }
}

/// Matrix product on packed operands.
///
/// Left is packed in panels of `gemmPanelRows` rows, `[⌈M/MR⌉][K][MR]`; right in panels of `gemmPanelColumns` columns,
/// `[⌈N/NR⌉][K][NR]`; both padded with zeros to whole panels.
package protocol GEMMKernels {
    /// MR, the rows of the register tile.
    var gemmPanelRows: Int { get }
    /// NR, the columns of the register tile.
    var gemmPanelColumns: Int { get }

    /// Packs `panels` of the left operand `[rows, depth]`, each element times `scale`, to their places in `packed`
    /// (`packedLeftCount` floats in all).
    func packLeft(
        _ matrix: StridedMatrix, rows: Int, depth: Int, scale: Float, panels: Range<Int>,
        to packed: UnsafeMutablePointer<Float>)

    /// Packs `panels` of the right operand `[depth, columns]` to their places in `packed` (`packedRightCount` floats in all).
    func packRight(
        _ matrix: StridedMatrix, depth: Int, columns: Int, panels: Range<Int>, to packed: UnsafeMutablePointer<Float>)

    /// Computes the output rows of `rowPanels` at the columns of `columnPanels`. Each element is summed in the order of k, block
    /// after block of as many terms.
    func gemm(_ arguments: GEMMArguments, rowPanels: Range<Int>, columnPanels: Range<Int>)
}

extension GEMMKernels {
    /// Panels in a left operand of `rows` rows.
    package func leftPanels(rows: Int) -> Int { (rows + gemmPanelRows - 1) / gemmPanelRows }
    /// Panels in a right operand of `columns` columns.
    package func rightPanels(columns: Int) -> Int { (columns + gemmPanelColumns - 1) / gemmPanelColumns }
    /// Floats in a packed left operand.
    package func packedLeftCount(rows: Int, depth: Int) -> Int { leftPanels(rows: rows) * gemmPanelRows * depth }
    /// Floats in a packed right operand.
    package func packedRightCount(depth: Int, columns: Int) -> Int {
        rightPanels(columns: columns) * gemmPanelColumns * depth
    }
}
