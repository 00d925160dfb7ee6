import CNNKernelTable
import CNNModels
import CNNOperators
import CNNTensors

/// Gemm and MatMul: `activation(scale·left·right + bias)` for one matrix or, if the right operand is not constant, a stack of them.
struct MatrixProductComputation: Computation {
    let node: Int
    let library: WeightLibrary
    let kernels: any KernelTable
    let mode: SessionOptions.Mode
    /// Matrices in the stack: 1 where the right operand is shared.
    let stack: Int
    let rows: Int
    let columns: Int
    let depth: Int
    let leftIsTransposed: Bool
    let rightIsTransposed: Bool
    /// The right operand where it is constant: `[depth, columns]`, or `[columns, depth]` if it is transposed.
    let constant: Tensor?
    let scale: Float
    /// A value a column.
    var bias: [Double]?
    var activation = Activation.none

    var algorithm: String {
        usesDense ? "matrix times vectors" : "gemm"
    }

    /// Few rows meet weights that are read once, where they lie.
    private var usesDense: Bool {
        // Which of the two is taken depends on the batch, and they sum in different orders.
        mode == .fast && constant != nil && !leftIsTransposed && rows < kernels.denseBatchLimit
    }

    func layouts(_ inputs: [Layout]) -> LayoutChoice { .planar(inputs: inputs.count) }

    private var leftCount: Int { kernels.packedLeftCount(rows: rows, depth: depth) }
    private var rightCount: Int { constant == nil ? kernels.packedRightCount(depth: depth, columns: columns) : 0 }

    var constantBytes: Int {
        guard let constant else { return 0 }
        return usesDense
            ? constant.byteCount : kernels.packedRightCount(depth: depth, columns: columns) * MemoryLayout<Float>.stride
    }

    var packedSource: Tensor? { usesDense ? nil : constant }

    func scratchCount(_ machine: Machine) -> Int { usesDense ? 0 : leftCount + rightCount }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        let buffer = bias.map { FloatBuffer($0, paddedTo: columns) }
        if usesDense, let constant {
            let tile = rightIsTransposed ? 4 : 64
            return DenseStep(
                computation: self, input: input, output: output, weights: constant, bias: buffer,
                tile: tile,
                work: Partition(count: (columns + tile - 1) / tile, parts: machine.parts(cost: depth * columns * rows)))
        }
        let parts = machine.parts(multiplyAdds: depth.multipliedReportingOverflow(by: rows * columns).partialValue)
        let grid = Grid(
            rows: kernels.rightPanels(columns: columns), columns: kernels.leftPanels(rows: rows), parts: parts,
            rowData: columns, columnData: rows)
        return ProductStep(
            computation: self, left: input, right: constant == nil ? try layer.input(1) : nil,
            packed: try packedRight(), bias: buffer, output: output, scratch: layer.scratch, leftCount: leftCount,
            grid: grid, parts: parts)
    }

    fileprivate func right(_ base: UnsafePointer<Float>) -> StridedMatrix {
        rightIsTransposed
            ? StridedMatrix(base, rowStride: 1, columnStride: depth) : StridedMatrix(base, rowStride: columns)
    }

    fileprivate func left(_ base: UnsafePointer<Float>) -> StridedMatrix {
        leftIsTransposed ? StridedMatrix(base, rowStride: 1, columnStride: rows) : StridedMatrix(base, rowStride: depth)
    }

    private func packedRight() throws -> FloatBuffer? {
        guard let constant else { return nil }
        let key = WeightLibrary.Key(node: node, form: .rightPanels(transposed: rightIsTransposed))
        let packing = WeightPacking(
            count: kernels.packedRightCount(depth: depth, columns: columns), pieces: kernels.rightPanels(columns: columns),
            firstSlice: rightIsTransposed ? { min($0 * kernels.gemmPanelColumns, columns) } : nil,
            pack: { kernels.packRight(right($0), depth: depth, columns: columns, panels: $1, to: $2) })
        return try library.packed(key, source: constant, scale: nil, packing)
    }
}

// MARK: - From operators

extension MatrixProductComputation {
    /// A Gemm node; nil if kernels do not take it.
    init?(_ gemm: Gemm, _ layer: LayerGraph.Layer, _ graph: LayerGraph, _ machine: Machine, _ library: WeightLibrary) throws {
        guard let left = graph.kernelShape(layer.inputs[0]), graph.kernelShape(layer.inputs[1]) != nil,
            let output = graph.kernelShape(layer.outputs[0])
        else { return nil }
        if gemm.beta != 0, layer.inputs.count > 2, let addend = layer.inputs[2] {
            // Only an addend that is the same in every row is a bias.
            guard let values = try graph.columnValues(addend, columns: output[1]) else { return nil }
            bias = values.map { $0 * Double(gemm.beta) }
        }
        node = layer.node.index
        self.library = library
        kernels = machine.kernels
        mode = machine.mode
        stack = 1
        (rows, columns) = (output[0], output[1])
        depth = gemm.transposesA ? left[0] : left[1]
        leftIsTransposed = gemm.transposesA
        rightIsTransposed = gemm.transposesB
        constant = layer.inputs[1].flatMap { graph.values[$0].constant }
        scale = gemm.alpha
    }

    /// A MatMul node; nil if kernels do not take it.
    init?(matMul layer: LayerGraph.Layer, _ graph: LayerGraph, _ machine: Machine, _ library: WeightLibrary) {
        guard let left = graph.kernelShape(layer.inputs[0]), let right = graph.kernelShape(layer.inputs[1]),
            graph.kernelShape(layer.outputs[0]) != nil, left.rank >= 1, right.rank >= 2
        else { return nil }
        let (innerRows, innerDepth) = (left.rank >= 2 ? left[left.rank - 2] : 1, left[left.rank - 1])
        let leftStack = left.dimensions.dropLast(2)
        let rightStack = right.dimensions.dropLast(2)
        if rightStack.allSatisfy({ $0 == 1 }), right.rank <= max(left.rank, 2) {
            // One right matrix for all: the left ones are one tall matrix.
            stack = 1
            rows = leftStack.reduce(innerRows, *)
        } else if leftStack.elementsEqual(rightStack) {
            stack = leftStack.reduce(1, *)
            rows = innerRows
        } else {
            return nil
        }
        node = layer.node.index
        self.library = library
        kernels = machine.kernels
        mode = machine.mode
        columns = right[right.rank - 1]
        depth = innerDepth
        leftIsTransposed = false
        rightIsTransposed = false
        constant = stack == 1 ? layer.inputs[1].flatMap { graph.values[$0].constant } : nil
        scale = 1
    }
}

extension LayerGraph {
    /// What a constant adds to each column of a matrix of `columns` columns, if it is the same in every row.
    func columnValues(_ value: Int, columns: Int) throws -> [Double]? {
        guard let constant = values[value].constant, constant.dataType == .float32,
            constant.shape.dimensions.dropLast().allSatisfy({ $0 == 1 })
        else { return nil }
        let numbers = try constant.doubles()
        if numbers.count == columns { return numbers }
        return numbers.count == 1 ? Array(repeating: numbers[0], count: columns) : nil
    }
}

// MARK: - Steps

private struct DenseStep: Step {
    let computation: MatrixProductComputation
    let input: Operand
    let output: Operand
    let weights: Tensor
    let bias: FloatBuffer?
    let tile: Int
    let work: Partition

    func run(_ execution: Execution) {
        let (source, target) = (execution.floats(input.place), execution.floats(output.place))
        let (depth, columns) = (computation.depth, computation.columns)
        let kernels = computation.kernels
        weights.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
            let arguments = DenseArguments(
                batch: computation.rows, inputs: depth, outputs: columns, input: source, inputRowStride: depth, weights: base,
                weightRowStride: computation.rightIsTransposed ? depth : columns, bias: bias.map { UnsafePointer($0.base) },
                output: target, outputRowStride: columns, scale: computation.scale, activation: computation.activation)
            execution.team.run(work) { _, tiles in
                let range = elements(ofTiles: tiles, size: tile, count: columns)
                if computation.rightIsTransposed {
                    kernels.denseTransposed(arguments, outputs: range)
                } else {
                    kernels.dense(arguments, outputs: range)
                }
            }
        }
    }
}

private struct ProductStep: Step {
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
                    computation.left(leftBase + index * rows * depth), rows: rows, depth: depth, scale: computation.scale,
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
}
