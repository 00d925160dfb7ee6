import CNNKernelTable
import CNNTensors

/// The right operand in the forms that kernels read.
extension MatrixProductComputation {
    func right(_ base: UnsafePointer<Float>) -> StridedMatrix {
        rightIsTransposed
            ? StridedMatrix(base, rowStride: 1, columnStride: depth) : StridedMatrix(base, rowStride: columns)
    }

    /// A transposed right operand turned over: `[depth, columns]`.
    func packedRows(_ constant: Tensor) throws -> FloatBuffer {
        // Four cache lines in each row of what it becomes.
        let pieceSize = 64
        let packing = WeightPacking(
            count: depth * columns, pieces: (columns + pieceSize - 1) / pieceSize,
            firstSlice: { min($0 * pieceSize, columns) },
            pack: { source, pieces, target in
                let slices = elements(ofTiles: pieces, size: pieceSize, count: columns)
                kernels.transpose(
                    input: source + slices.lowerBound * depth, inputRowStride: depth, rows: slices.count,
                    output: target + slices.lowerBound, outputRowStride: columns, columns: 0..<depth)
            })
        return try library.packed(WeightLibrary.Key(node: node, form: .rows), source: constant, scale: nil, packing)
    }

    /// The right operand in panels, if it is constant.
    func packedRight() throws -> FloatBuffer? {
        guard let constant else { return nil }
        let key = WeightLibrary.Key(node: node, form: .rightPanels(transposed: rightIsTransposed))
        let packing = WeightPacking(
            count: kernels.packedRightCount(depth: depth, columns: columns), pieces: kernels.rightPanels(columns: columns),
            firstSlice: rightIsTransposed ? { min($0 * kernels.gemmPanelColumns, columns) } : nil,
            pack: { kernels.packRight(right($0), depth: depth, columns: columns, panels: $1, to: $2) })
        return try library.packed(key, source: constant, scale: nil, packing)
    }
}
