import CNNKernelTable
import CNNModels
import CNNOperators
import CNNTensors

/// Conv with constant weights, together with what follows it: BatchNormalization folded into weights and bias, a residual added, an
/// activation. Inputs of the layer: the image, and the residual if there is one.
struct ConvolutionComputation: Computation {
    let node: Int
    let weights: Tensor
    let library: WeightLibrary
    let kernels: any KernelTable
    var geometry: ConvolutionGeometry
    var images: Int
    /// Which kernel computes it: the fastest of the alternatives, unless its weights were too large to keep.
    var method: Method
    /// By cost, the least first.
    var alternatives: [Alternative]
    /// Whether weights and maps stay in the core's own cache from one run to the next.
    var isInCache = false
    /// How the groups are padded to whole blocks, if they are; `geometry` counts the padding.
    var groupPadding: GroupPadding?
    /// Factor of each output channel; nil for 1 throughout.
    var scale: [Double]?
    /// Addend of each output channel; nil for 0 throughout.
    var bias: [Double]?
    var hasResidual = false
    var activation = Activation.none

    /// The convolution of a layer as it stands in the graph; nil if its weights are not constant or kernels do not take it.
    init?(_ conv: Conv, _ layer: LayerGraph.Layer, _ graph: LayerGraph, _ machine: Machine, _ library: WeightLibrary) throws {
        guard let input = graph.kernelShape(layer.inputs[0]), let output = graph.kernelShape(layer.outputs[0]),
            let weights = layer.inputs[1].flatMap({ graph.values[$0].constant }), weights.dataType == .float32,
            weights.shape.elementCount > 0,
            let window = try KernelWindow(
                conv.geometry(weights: weights.shape.dimensions), input: input, output: output)
        else { return nil }
        if layer.inputs.count > 2, let bias = layer.inputs[2] {
            guard let constant = graph.values[bias].constant else { return nil }
            self.bias = try constant.doubles()
        }
        node = layer.node.index
        self.weights = weights
        self.library = library
        kernels = machine.kernels
        geometry = ConvolutionGeometry(
            window: window, inputChannels: input[1], outputChannels: output[1], groups: conv.group)
        images = input[0]
        alternatives = Self.alternatives(geometry, images: images, machine)
        method = alternatives[0].method
    }

    /// Folds what follows the sum and its bias, `scale·y + shift`, into weights and bias.
    mutating func multiply(by scale: [Double], adding shift: [Double]) {
        self.scale = self.scale.map { zip($0, scale).map { $0 * $1 } } ?? scale
        bias = bias.map { zip($0, zip(scale, shift)).map { $0 * $1.0 + $1.1 } } ?? shift
    }

    /// Takes the input without the zeros around it and pads it itself.
    /// - Returns: false if kernels do not take it.
    mutating func padInput(_ input: Shape, begins: [Int], ends: [Int], _ machine: Machine) -> Bool {
        guard let window = geometry.window.paddingInput(input, begins: begins, ends: ends) else { return false }
        geometry.window = window
        alternatives = Self.alternatives(geometry, images: images, machine)
        method = alternatives[0].method
        return true
    }

    /// Whether the output has channels that only fill a block up, which an activation must leave at zero.
    var hasPaddedOutput: Bool { method != .planar && geometry.outputChannels % kernels.channelBlock != 0 }

    var algorithm: String {
        switch method {
        case .blocked: "direct blocked"
        case .winograd(let method):
            "winograd \(method.form.outputSize)x\(method.form.outputSize)"
                + (method.transformsWeights ? ", weights on the way" : "")
        case .first: "direct planar to blocked"
        case .depthwise: "depth-wise"
        case .planar: "gemm of patches"
        }
    }

    var allowsGapsBetweenImages: Bool { true }

    /// The residual is read at an element before the sum is stored there.
    var overwritableInputs: [Int] { hasResidual ? [1] : [] }

    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        let (input, output): (Layout, Layout) =
            switch method {
            case .blocked, .winograd, .depthwise: (.blocked, .blocked)
            case .first: (.planar, .blocked)
            case .planar: (.planar, .planar)
            }
        return LayoutChoice(inputs: [input] + Array(repeating: output, count: inputs.count - 1), output: output)
    }

    func scratchCount(_ machine: Machine) -> Int { scratchCountOfPart * machine.threads }

    private var scratchCountOfPart: Int {
        switch method {
        case .planar: kernels.planarScratchCount(geometry)
        case .winograd(let method): kernels.winogradScratchCount(geometry, method, images: images)
        case .first: kernels.firstScratchCount(geometry)
        case .blocked, .depthwise: 0
        }
    }

    // MARK: - Step

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        let (images, parts) = (joinsImages ? 1 : images, parts(machine))
        let grid = grid(parts: Partition.partsPerImage(parts, images))
        return ConvolutionStep(
            method: method, geometry: geometry, kernels: kernels, input: input, output: output,
            residual: hasResidual ? try layer.input(1) : nil, weights: try packedWeights(),
            images: self.images,
            bias: bias.map { FloatBuffer(padded($0), paddedTo: kernels.paddedChannels(geometry.outputChannels)) },
            activation: activation, scratch: layer.scratch,
            scratchCount: scratchCountOfPart, grid: grid,
            work: Partition(images: images, units: grid.count, parts: parts))
    }

    private func parts(_ machine: Machine) -> Int {
        let parts = machine.parts(multiplyAdds: multiplyAdds(images))
        // Each part of Winograd's transforms inputs or weights for itself: a few large ones.
        if case .winograd = method { return min(parts, machine.threads) }
        return parts
    }

    private func multiplyAdds(_ images: Int) -> Int {
        let perOutput = geometry.window.kernel.count * (geometry.inputChannels / geometry.groups)
        // A cost, not a size: saturating is enough.
        let (count, overflow) = perOutput.multipliedReportingOverflow(
            by: geometry.outputChannels * geometry.window.output.count)
        let (total, totalOverflow) = count.multipliedReportingOverflow(by: images)
        return overflow || totalOverflow ? Int.max : total
    }

    /// Whether one call of the kernel computes all images, whose tiles are numbered through.
    private var joinsImages: Bool {
        if case .winograd = method { true } else { false }
    }

    private func winogradTiles(_ form: WinogradForm) -> Int { kernels.winogradTiles(geometry, form) * images }

    /// Output tiles by pixel tiles (rows for the first layer and depth-wise, groups by panels for the planar method).
    private func grid(parts: Int) -> Grid {
        let pixels = geometry.window.output.count
        let pixelTiles = (pixels + kernels.convolutionPixelTile - 1) / kernels.convolutionPixelTile
        let weightCount = weights.shape.elementCount
        let inputCount = geometry.inputChannels * geometry.window.input.count
        switch method {
        case .blocked:
            return Grid(
                rows: kernels.blockedOutputTiles(geometry), columns: pixelTiles, parts: parts, rowData: weightCount,
                columnData: inputCount)
        case .first:
            return Grid(
                rows: kernels.firstOutputTiles(geometry), columns: geometry.window.output.height, parts: parts,
                rowData: weightCount,
                columnData: inputCount)
        case .winograd(let method):
            // Here it is the transformed input that parts share, or rather that each makes for itself.
            let (rows, columns) = (kernels.blockedOutputTiles(geometry), winogradTiles(method.form))
            let weightCount = kernels.winogradWeightCount(geometry, method.form)
            let inputCount = geometry.inputChannels * columns * method.form.planes
            return rows == 1 || weightCount < inputCount
                ? Grid(rows: 1, columns: columns, parts: parts, rowData: weightCount, columnData: inputCount)
                : Grid(rows: rows, columns: 1, parts: parts, rowData: weightCount, columnData: inputCount)
        case .depthwise:
            // A row of the map reads some of the input of the next.
            return Grid(
                rows: kernels.channelBlocks(geometry.outputChannels), columns: geometry.window.output.height, parts: parts,
                rowData: 1, columnData: 0)
        case .planar:
            return Grid(
                rows: geometry.groups, columns: kernels.rightPanels(columns: pixels), parts: parts, rowData: 1, columnData: 0)
        }
    }

    private struct ConvolutionStep: Step {
        let method: Method
        let geometry: ConvolutionGeometry
        let kernels: any KernelTable
        let input: Operand
        let output: Operand
        let residual: Operand?
        let weights: FloatBuffer
        let images: Int
        let bias: FloatBuffer?
        let activation: Activation
        let scratch: Place
        let scratchCount: Int
        let grid: Grid
        let work: Partition

        func run(_ execution: Execution) {
            let (source, target) = (execution.floats(input.place), execution.floats(output.place))
            let addend = residual.map { execution.floats($0.place) }
            let scratch = execution.floats(scratch)
            execution.team.run(parts: work.parts) { worker, part in
                work.forEach(in: part) { image, rectangles in
                    var operands = ConvolutionOperands(
                        input: UnsafePointer(source + image * input.place.imageStride), inputStride: channelStride(input),
                        weights: UnsafePointer(weights.base), bias: bias.map { UnsafePointer($0.base) },
                        residual: addend.map { UnsafePointer($0 + image * (residual?.place.imageStride ?? 0)) },
                        residualStride: channelStride(output), output: target + image * output.place.imageStride,
                        outputStride: channelStride(output), activation: activation)
                    operands.inputImageStride = input.place.imageStride
                    operands.residualImageStride = residual?.place.imageStride ?? 0
                    operands.outputImageStride = output.place.imageStride
                    grid.forEachRectangle(rectangles) { rows, columns in
                        compute(operands, rows, columns, scratch + worker * scratchCount)
                    }
                }
            }
        }

        private func channelStride(_ operand: Operand) -> Int {
            operand.layout == .blocked ? operand.map.pixels * kernels.channelBlock : operand.map.pixels
        }

        private func compute(
            _ operands: ConvolutionOperands, _ rows: Range<Int>, _ columns: Range<Int>, _ scratch: UnsafeMutablePointer<Float>
        ) {
            let pixels = geometry.window.output.count
            switch method {
            case .blocked:
                kernels.convolveBlocked(
                    geometry, operands, outputTiles: rows,
                    pixels: elements(ofTiles: columns, size: kernels.convolutionPixelTile, count: pixels))
            case .winograd(let method):
                // One of the two is whole: the grid has a single row or column.
                let splitsTiles = grid.rows == 1
                let tiles = splitsTiles ? columns : 0..<kernels.winogradTiles(geometry, method.form) * images
                kernels.convolveWinograd(
                    geometry, method, operands,
                    outputTiles: splitsTiles ? 0..<kernels.blockedOutputTiles(geometry) : rows, tiles: tiles,
                    scratch: scratch)
            case .first:
                kernels.convolveFirst(geometry, operands, outputTiles: rows, rows: columns, scratch: scratch)
            case .depthwise:
                kernels.convolveDepthwise(geometry, operands, blocks: rows, rows: columns)
            case .planar:
                for group in rows {
                    kernels.convolvePlanar(
                        geometry, operands, group: group,
                        pixels: elements(ofTiles: columns, size: kernels.gemmPanelColumns, count: pixels), scratch: scratch)
                }
            }
        }
    }
}
