import CNNKernelTable
import CNNOperators
import CNNTensors

/// A function of one element.
struct UnaryComputation: Computation {
    var operation: UnaryOperation
    let map: FeatureMap
    let channelBlock: Int

    /// The computation of a layer with one float input; nil if there is none.
    init?(_ operation: UnaryOperation?, _ layer: LayerGraph.Layer, _ graph: LayerGraph, _ machine: Machine) {
        guard let operation, let shape = graph.kernelShape(layer.inputs.first ?? nil) else { return nil }
        self.operation = operation
        map = FeatureMap(shape)
        channelBlock = machine.kernels.channelBlock
    }

    var algorithm: String { "element-wise" }
    var allowsGapsBetweenImages: Bool { true }
    var overwritableInputs: [Int] { [0] }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? { self }

    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        let keepsPadding = map.channels % channelBlock == 0 || operation.keepsZero
        let layout = keepsPadding ? inputs[0] : .planar
        return LayoutChoice(inputs: [layout] + Array(repeating: nil, count: inputs.count - 1), output: layout)
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        let count = try layer.imageCount(of: output, machine)
        return UnaryStep(
            operation: operation, kernels: machine.kernels, input: input, output: output, count: count,
            work: Partition(
                images: output.map.images, units: runs(count),
                parts: machine.parts(cost: output.shape.elementCount * operation.cost)))
    }
}

private struct UnaryStep: Step {
    let operation: UnaryOperation
    let kernels: any KernelTable
    let input: Operand
    let output: Operand
    let count: Int
    let work: Partition

    func run(_ execution: Execution) {
        let (source, target) = (execution.floats(input.place), execution.floats(output.place))
        execution.team.run(work) { image, runs in
            let range = elements(ofTiles: runs, size: runLength, count: count)
            kernels.unary(
                operation, input: UnsafePointer(source + image * input.place.imageStride + range.lowerBound),
                output: target + image * output.place.imageStride + range.lowerBound, count: range.count)
        }
    }
}

/// Element-wise work is split at multiples of so many floats: whole vectors, and whole channel blocks.
let runLength = 1024

/// Runs in so many floats.
func runs(_ count: Int) -> Int { (count + runLength - 1) / runLength }

extension PlacedLayer {
    /// Floats of one image of a value.
    func imageCount(of operand: Operand, _ machine: Machine) throws -> Int {
        guard let count = operand.map.imageCount(operand.layout, machine.kernels) else {
            throw SessionError.valueTooLarge(value: operand.name, shape: operand.shape)
        }
        return count
    }
}

extension UnaryOperation {
    /// Whether 0 gives 0, so that missing channels of a block stay zero.
    var keepsZero: Bool {
        switch self {
        case .activation(let activation): activation.keepsZero
        case .tanh, .sqrt, .negate, .absolute, .hardSwish, .swish, .elu: true
        case .sigmoid, .exp, .log, .reciprocal, .hardSigmoid: false
        }
    }

    /// About how many operations it takes for an element.
    fileprivate var cost: Int {
        switch self {
        case .activation, .negate, .absolute, .hardSigmoid, .hardSwish: 1
        case .sqrt, .reciprocal: 2
        case .sigmoid, .tanh, .exp, .log, .swish, .elu: 8
        }
    }

    /// The kernels' form of an operator's function; nil where they have none.
    init?(_ function: UnaryFunction) {
        switch function {
        case .absolute: self = .absolute
        case .elu(let alpha): self = .elu(alpha: alpha)
        case .exp: self = .exp
        case .hardSigmoid(let alpha, let beta): self = .hardSigmoid(alpha: alpha, beta: beta)
        case .hardSwish: self = .hardSwish
        case .leakyRelu(let alpha): self = .activation(.leakyRelu(alpha))
        case .log: self = .log
        case .negate: self = .negate
        case .reciprocal: self = .reciprocal
        case .relu: self = .activation(.relu)
        case .sigmoid: self = .sigmoid
        case .squareRoot: self = .sqrt
        case .tanh: self = .tanh
        default: return nil
        }
    }
}

extension Activation {
    /// Whether 0 gives 0.
    var keepsZero: Bool { lower <= 0 && upper >= 0 }
}
