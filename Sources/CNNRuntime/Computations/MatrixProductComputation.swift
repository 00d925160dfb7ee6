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
    /// Whether few rows leave out what is multiplied by 0. Transposed weights are turned over for that.
    var skipsZeros = false

    var algorithm: String {
        if form == .panels { return "gemm" }
        return skipsZeros ? "matrix times sparse vectors" : "matrix times vectors"
    }

    /// In which form the right operand is read.
    private enum Form {
        /// In panels, by the product of matrices.
        case panels
        /// As it lies, for few rows: then the time is that of reading it once.
        case asItLies
        /// The same, turned over, so that what is multiplied by one input lies side by side.
        case turnedOver
    }

    private var form: Form {
        guard constant != nil, !leftIsTransposed, rows < kernels.denseBatchLimit else { return .panels }
        // More rows must get the same bits, which they do if weights lie by input and are not scaled.
        if mode == .strict && (scale != 1 || rightIsTransposed && !skipsZeros) { return .panels }
        return rightIsTransposed && skipsZeros ? .turnedOver : .asItLies
    }

    /// The same with zeros left out, if that saves time: where few rows meet weights from beyond a core's cache. Nil if not.
    var skippingZeros: MatrixProductComputation? {
        var skipping = self
        skipping.skipsZeros = true
        guard let constant, skipping.form != .panels, Double(constant.byteCount) > Machine.coreCache else { return nil }
        return skipping
    }

    func layouts(_ inputs: [Layout]) -> LayoutChoice { .planar(inputs: inputs.count) }

    private var leftCount: Int { kernels.packedLeftCount(rows: rows, depth: depth) }
    private var rightCount: Int { constant == nil ? kernels.packedRightCount(depth: depth, columns: columns) : 0 }

    var constantBytes: Int {
        guard let constant else { return 0 }
        return form == .panels
            ? kernels.packedRightCount(depth: depth, columns: columns) * MemoryLayout<Float>.stride : constant.byteCount
    }

    var packedSource: Tensor? { form == .asItLies ? nil : constant }

    func scratchCount(_ machine: Machine) -> Int { form == .panels ? leftCount + rightCount : 0 }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        guard let constant, form != .panels else { return try productStep(layer, machine) }
        let weights: DenseWeights = form == .turnedOver ? .rows(try packedRows(constant)) : .asTheyLie(constant)
        let areByInput = form == .turnedOver || !rightIsTransposed
        let tile = areByInput ? 64 : 4
        // Memory gives long pieces of rows in less time.
        let mostParts = areByInput ? max(machine.threads, columns / 1024) : .max
        let work = Partition(
            count: (columns + tile - 1) / tile, parts: min(machine.parts(cost: depth * columns * rows), mostParts))
        return DenseStep(
            computation: self, input: try layer.input(0), output: try layer.output(), weights: weights, areByInput: areByInput,
            // 0 times an infinite weight is not 0.
            skipsZeros: skipsZeros && library.areFinite(weights), bias: biasBuffer, tile: tile, work: work)
    }

    private func productStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let parts = machine.parts(multiplyAdds: depth.multipliedReportingOverflow(by: rows * columns).partialValue)
        let grid = Grid(
            rows: kernels.rightPanels(columns: columns), columns: kernels.leftPanels(rows: rows), parts: parts,
            rowData: columns, columnData: rows)
        return ProductStep(
            computation: self, left: try layer.input(0), right: constant == nil ? try layer.input(1) : nil,
            packed: try packedRight(), bias: biasBuffer, output: try layer.output(), scratch: layer.scratch,
            leftCount: leftCount, grid: grid, parts: parts)
    }

    private var biasBuffer: FloatBuffer? { bias.map { FloatBuffer($0, paddedTo: columns) } }
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
