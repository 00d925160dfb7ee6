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
        case .blocked, .first, .depthwise: 0
        }
    }

    // MARK: - Step

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        let grid = grid
        return ConvolutionStep(
            method: method, geometry: geometry, kernels: kernels, input: input, output: output,
            residual: hasResidual ? try layer.input(1) : nil, weights: try packedWeights(),
            images: images,
            bias: bias.map { FloatBuffer(padded($0), paddedTo: kernels.paddedChannels(geometry.outputChannels)) },
            activation: activation, scratch: layer.scratch,
            scratchCount: scratchCountOfPart, grid: grid,
            splitsPixelsFirst: splitsPixelsFirst,
            work: Partition(
                images: joinsImages ? 1 : images, units: grid.count, parts: machine.parts(multiplyAdds: multiplyAdds(images))))
    }

    private func multiplyAdds(_ images: Int) -> Int {
        let perOutput = geometry.window.kernel.count * (geometry.inputChannels / geometry.groups)
        // A cost, not a size: saturating is enough.
        let (count, overflow) = perOutput.multipliedReportingOverflow(
            by: geometry.outputChannels * geometry.window.output.count)
        let (total, totalOverflow) = count.multipliedReportingOverflow(by: images)
        return overflow || totalOverflow ? Int.max : total
    }

    /// Whether threads share the weights and split the image, rather than share the image and split the weights: whichever is
    /// smaller is better read twice.
    private var splitsPixelsFirst: Bool {
        let inputCount = geometry.inputChannels * geometry.window.input.count
        switch method {
        case .planar, .depthwise: return false
        case .blocked, .first: return weights.shape.elementCount < inputCount
        case .winograd(let method):
            // Here it is the transformed input, which each part makes for itself.
            let transformed =
                geometry.inputChannels * winogradTiles(method.form) * method.form.planes
            return kernels.winogradWeightCount(geometry, method.form) < transformed
        }
    }

    /// Whether one call of the kernel computes all images, whose tiles are numbered through.
    private var joinsImages: Bool {
        if case .winograd = method { true } else { false }
    }

    private func winogradTiles(_ form: WinogradForm) -> Int { kernels.winogradTiles(geometry, form) * images }

    /// Output tiles by pixel tiles (rows for depth-wise, groups by panels for the planar method), or the other way round.
    private var grid: Grid {
        let pixels = geometry.window.output.count
        let pixelTiles = (pixels + kernels.convolutionPixelTile - 1) / kernels.convolutionPixelTile
        let grid =
            switch method {
            case .blocked: Grid(rows: kernels.blockedOutputTiles(geometry), columns: pixelTiles)
            case .winograd(let method) where splitsPixelsFirst: Grid(rows: 1, columns: winogradTiles(method.form))
            case .winograd: Grid(rows: kernels.blockedOutputTiles(geometry), columns: 1)
            case .first: Grid(rows: kernels.firstOutputTiles(geometry), columns: pixelTiles)
            case .depthwise:
                Grid(rows: kernels.channelBlocks(geometry.outputChannels), columns: geometry.window.output.height)
            case .planar: Grid(rows: geometry.groups, columns: kernels.rightPanels(columns: pixels))
            }
        return splitsPixelsFirst ? Grid(rows: grid.columns, columns: grid.rows) : grid
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
        let splitsPixelsFirst: Bool
        let work: Partition

        func run(_ execution: Execution) {
            let (source, target) = (execution.floats(input.place), execution.floats(output.place))
            let addend = residual.map { execution.floats($0.place) }
            let scratch = execution.floats(scratch)
            execution.team.run(parts: work.parts) { part in
                work.forEach(in: part) { image, cells in
                    var operands = ConvolutionOperands(
                        input: UnsafePointer(source + image * input.place.imageStride), inputStride: channelStride(input),
                        weights: UnsafePointer(weights.base), bias: bias.map { UnsafePointer($0.base) },
                        residual: addend.map { UnsafePointer($0 + image * (residual?.place.imageStride ?? 0)) },
                        residualStride: channelStride(output), output: target + image * output.place.imageStride,
                        outputStride: channelStride(output), activation: activation)
                    operands.inputImageStride = input.place.imageStride
                    operands.residualImageStride = residual?.place.imageStride ?? 0
                    operands.outputImageStride = output.place.imageStride
                    grid.forEachRectangle(cells) { rows, columns in
                        compute(operands, rows, columns, scratch + part * scratchCount)
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
            let (outer, inner) = splitsPixelsFirst ? (columns, rows) : (rows, columns)
            let pixels = geometry.window.output.count
            switch method {
            case .blocked:
                kernels.convolveBlocked(
                    geometry, operands, outputTiles: outer,
                    pixels: elements(ofTiles: inner, size: kernels.convolutionPixelTile, count: pixels))
            case .winograd(let method):
                // One of the two is whole: the grid has a single row or column.
                let tiles = splitsPixelsFirst ? inner : 0..<kernels.winogradTiles(geometry, method.form) * images
                kernels.convolveWinograd(
                    geometry, method, operands,
                    outputTiles: splitsPixelsFirst ? 0..<kernels.blockedOutputTiles(geometry) : outer, tiles: tiles,
                    scratch: scratch)
            case .first:
                kernels.convolveFirst(
                    geometry, operands, outputTiles: outer,
                    pixels: elements(ofTiles: inner, size: kernels.convolutionPixelTile, count: pixels))
            case .depthwise:
                kernels.convolveDepthwise(geometry, operands, blocks: outer, rows: inner)
            case .planar:
                for group in outer {
                    kernels.convolvePlanar(
                        geometry, operands, group: group,
                        pixels: elements(ofTiles: inner, size: kernels.gemmPanelColumns, count: pixels), scratch: scratch)
                }
            }
        }
    }
}
