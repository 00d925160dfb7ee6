import CNNKernelTable
import CNNTensors

/// The right operand of a product of few rows.
enum DenseWeights {
    case asTheyLie(Tensor)
    case rows(FloatBuffer)

    func withUnsafeBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        switch self {
        case .asTheyLie(let tensor): tensor.withUnsafeBytes(body)
        case .rows(let buffer): body(UnsafeRawBufferPointer(UnsafeBufferPointer(start: buffer.base, count: buffer.count)))
        }
    }
}

struct DenseStep: Step {
    let computation: MatrixProductComputation
    let input: Operand
    let output: Operand
    let weights: DenseWeights
    /// Whether a row of weights is that of an input.
    let areByInput: Bool
    let skipsZeros: Bool
    let bias: FloatBuffer?
    let tile: Int
    let work: Partition

    func run(_ execution: Execution) {
        weights.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
            multiply(by: base, execution)
        }
    }

    private func multiply(by weights: UnsafePointer<Float>, _ execution: Execution) {
        let (depth, columns) = (computation.depth, computation.columns)
        let kernels = computation.kernels
        let arguments = DenseArguments(
            batch: computation.rows, inputs: depth, outputs: columns, input: execution.floats(input.place),
            inputRowStride: depth, weights: weights, weightRowStride: areByInput ? columns : depth,
            bias: bias.map { UnsafePointer($0.base) }, output: execution.floats(output.place), outputRowStride: columns,
            scale: computation.scale, activation: computation.activation, skipsZeros: skipsZeros)
        execution.team.run(work) { _, tiles in
            let range = elements(ofTiles: tiles, size: tile, count: columns)
            if areByInput {
                kernels.dense(arguments, outputs: range)
            } else {
                kernels.denseTransposed(arguments, outputs: range)
            }
        }
    }
}

struct ProductStep: Step {
    let computation: MatrixProductComputation
    let left: Operand
    /// Nil if it is constant.
    let right: Operand?
    let packed: FloatBuffer?
    let bias: FloatBuffer?
    let output: Operand
    let scratch: Place
    let leftCount: Int
    /// Column panels by row panels.
    let grid: Grid
    let parts: Int

    func run(_ execution: Execution) {
        let (rows, columns, depth) = (computation.rows, computation.columns, computation.depth)
        let kernels = computation.kernels
        let leftBase = UnsafePointer(execution.floats(left.place))
        let rightBase = right.map { UnsafePointer(execution.floats($0.place)) }
        let target = execution.floats(output.place)
        let packedLeft = execution.floats(scratch)
        for index in 0..<computation.stack {
            execution.team.run(Partition(count: grid.columns, parts: parts)) { _, panels in
                kernels.packLeft(
                    left(leftBase + index * rows * depth), rows: rows, depth: depth, scale: computation.scale,
                    panels: panels, to: packedLeft)
            }
            if let rightBase {
                execution.team.run(Partition(count: grid.rows, parts: parts)) { _, panels in
                    kernels.packRight(
                        computation.right(rightBase + index * depth * columns), depth: depth, columns: columns,
                        panels: panels, to: packedLeft + leftCount)
                }
            }
            let arguments = GEMMArguments(
                rows: rows, columns: columns, depth: depth, left: packedLeft,
                right: UnsafePointer(packed?.base ?? packedLeft + leftCount), output: target + index * rows * columns,
                outputRowStride: columns, columnBias: bias.map { UnsafePointer($0.base) },
                activation: computation.activation)
            execution.team.run(Partition(count: grid.count, parts: parts)) { _, rectangles in
                grid.forEachRectangle(rectangles) { columnPanels, rowPanels in
                    kernels.gemm(arguments, rowPanels: rowPanels, columnPanels: columnPanels)
                }
            }
        }
    }

    private func left(_ base: UnsafePointer<Float>) -> StridedMatrix {
        computation.leftIsTransposed
            ? StridedMatrix(base, rowStride: 1, columnStride: computation.rows)
            : StridedMatrix(base, rowStride: computation.depth)
    }
}
