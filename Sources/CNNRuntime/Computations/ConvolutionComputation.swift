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
    /// Whether the output is the largest of each 2×2 pixels, the last of an odd number of rows or columns left out.
    var poolsPairs = false
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

    /// The same 1×1 convolution of each pixel of a map of this extent.
    func pointwise(on map: Extent) -> ConvolutionComputation {
        var convolution = self
        convolution.geometry.window = KernelWindow(input: map, output: map, kernel: .one)
        return convolution
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
        case .winogradColumns(.planar): "winograd columns, planar to blocked"
        case .winogradColumns(.blocked): "winograd columns"
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
            case .blocked, .winograd, .winogradColumns(.blocked), .depthwise: (.blocked, .blocked)
            case .first, .winogradColumns(.planar): (.planar, .blocked)
            case .planar: (.planar, .planar)
            }
        return LayoutChoice(inputs: [input] + Array(repeating: output, count: inputs.count - 1), output: output)
    }
}
