import CNNKernelTable
import CNNOperators
import CNNTensors

/// A function of two elements, with an activation behind it.
struct BinaryComputation: Computation {
    let operation: BinaryOperation
    let pattern: Pattern
    private(set) var output: Shape
    let kernels: any KernelTable
    var activation = Activation.none

    /// How the operands meet.
    enum Pattern: Sendable {
        /// Element by element.
        case elements
        /// The second operand, one number per channel of an image, meets all pixels of the channel. `reversed` if it is the first
        /// input.
        case channels(reversed: Bool)
        /// Any other way, in the planar layout.
        case loops(BroadcastLoops)
    }

    /// The operation on the first two inputs of a layer; nil if kernels do not take it.
    /// - Parameter second: the second input's shape where a rule of its own aligns it.
    init?(
        _ operation: BinaryOperation?, _ layer: LayerGraph.Layer, second: Shape? = nil, _ graph: LayerGraph, _ machine: Machine
    ) {
        guard let operation, layer.inputs.count == 2, let left = graph.kernelShape(layer.inputs[0]),
            let right = graph.kernelShape(layer.inputs[1]), let output = graph.kernelShape(layer.outputs[0])
        else { return nil }
        self.operation = operation
        self.output = output
        kernels = machine.kernels
        let isConstant = layer.inputs.map { $0.flatMap { graph.values[$0].constant } != nil }
        if left == right {
            pattern = .elements
        } else if !isConstant[1], right.rank >= 2, Self.isChannelVector(second ?? right, of: output), left == output {
            pattern = .channels(reversed: false)
        } else if !isConstant[0], Self.isChannelVector(left, of: output), right == output {
            pattern = .channels(reversed: true)
        } else if let loops = BroadcastLoops(left, second ?? right, output: output) {
            pattern = .loops(loops)
        } else {
            return nil
        }
    }

    /// Whether a shape is `[N, C, 1, …]` for an output `[N, C, …]`.
    private static func isChannelVector(_ shape: Shape, of output: Shape) -> Bool {
        shape.rank == output.rank && output.rank >= 3 && shape[0] == output[0] && shape[1] == output[1]
            && shape.dimensions.dropFirst(2).allSatisfy { $0 == 1 }
    }

    var algorithm: String { "element-wise" }

    var allowsGapsBetweenImages: Bool {
        if case .loops = pattern { false } else { true }
    }

    var overwritableInputs: [Int] {
        switch pattern {
        case .elements: [0, 1]
        case .channels(let reversed): [reversed ? 1 : 0]
        case .loops: []
        }
    }

    /// Not where shapes are broadcast: an operand may be the same for all images.
    func forImages(_ count: Int, of total: Int) -> (any Computation)? {
        if case .loops = pattern { return nil }
        guard let output = output.forImages(count) else { return nil }
        var computation = self
        computation.output = output
        return computation
    }

    /// Whether missing channels of a block stay zero; 0/0 is not.
    private var keepsPadding: Bool {
        output.rank >= 2 && output[1] % kernels.channelBlock == 0 || operation != .divide && activation.keepsZero
    }

    /// Whether the channels that fill up the last block would not stay zero behind this activation.
    func allowsActivation(_ activation: Activation) -> Bool {
        activation.keepsZero || output.rank >= 2 && output[1] % kernels.channelBlock == 0
    }

    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        if case .loops = pattern { return .planar(inputs: inputs.count) }
        let layout: Layout = inputs.contains(.blocked) && keepsPadding ? .blocked : .planar
        return LayoutChoice(inputs: Array(repeating: layout, count: inputs.count), output: layout)
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (left, right, output) = (try layer.input(0), try layer.input(1), try layer.output())
        let parts = machine.parts(cost: output.shape.elementCount)
        switch pattern {
        case .elements:
            let count = try layer.imageCount(of: output, machine)
            return ElementsStep(
                operation: operation, activation: activation, kernels: kernels, left: left, right: right, output: output,
                count: count, work: Partition(images: output.map.images, units: runs(count), parts: parts))
        case .channels(let reversed):
            let isBlocked = output.layout == .blocked
            let units = isBlocked ? kernels.channelBlocks(output.map.channels) : output.map.channels
            return ChannelsStep(
                operation: operation, activation: activation, kernels: kernels, maps: reversed ? right : left,
                vector: reversed ? left : right, reversed: reversed, output: output,
                width: isBlocked ? kernels.channelBlock : 1,
                work: Partition(images: output.map.images, units: units, parts: parts))
        case .loops(let loops):
            return LoopsStep(
                operation: operation, activation: activation, kernels: kernels, left: left, right: right, output: output,
                loops: loops, work: Partition(count: loops.starts.count, parts: parts))
        }
    }
}

private struct ElementsStep: Step {
    let operation: BinaryOperation
    let activation: Activation
    let kernels: any KernelTable
    let left: Operand
    let right: Operand
    let output: Operand
    let count: Int
    let work: Partition

    func run(_ execution: Execution) {
        let (a, b) = (execution.floats(left.place), execution.floats(right.place))
        let target = execution.floats(output.place)
        execution.team.run(work) { image, runs in
            let range = elements(ofTiles: runs, size: runLength, count: count)
            kernels.binary(
                operation, left: UnsafePointer(a + image * left.place.imageStride + range.lowerBound),
                right: .elements(UnsafePointer(b + image * right.place.imageStride + range.lowerBound)), reversed: false,
                activation: activation, output: target + image * output.place.imageStride + range.lowerBound,
                count: range.count)
        }
    }
}

private struct ChannelsStep: Step {
    let operation: BinaryOperation
    let activation: Activation
    let kernels: any KernelTable
    let maps: Operand
    let vector: Operand
    let reversed: Bool
    let output: Operand
    /// Channels in a unit: those of a block, or 1.
    let width: Int
    let work: Partition

    func run(_ execution: Execution) {
        let (a, b) = (execution.floats(maps.place), execution.floats(vector.place))
        let target = execution.floats(output.place)
        let count = maps.map.pixels * width
        execution.team.run(work) { image, units in
            for unit in units {
                let channel = UnsafePointer(b + image * vector.place.imageStride + unit * width)
                kernels.binary(
                    operation, left: UnsafePointer(a + image * maps.place.imageStride + unit * count),
                    right: width == 1 ? .scalar(channel.pointee) : .block(channel), reversed: reversed,
                    activation: activation, output: target + image * output.place.imageStride + unit * count, count: count)
            }
        }
    }
}

private struct LoopsStep: Step {
    let operation: BinaryOperation
    let activation: Activation
    let kernels: any KernelTable
    let left: Operand
    let right: Operand
    let output: Operand
    let loops: BroadcastLoops
    let work: Partition

    func run(_ execution: Execution) {
        let (a, b) = (UnsafePointer(execution.floats(left.place)), UnsafePointer(execution.floats(right.place)))
        let target = execution.floats(output.place)
        execution.team.run(work) { _, range in
            for run in range {
                let start = loops.starts[run]
                let (first, second) = (a + start.left, b + start.right)
                // A run along which both stand still is one element long.
                let isReversed = loops.left == .stands && loops.right == .moves
                let other: BinaryOperand =
                    switch (loops.left, loops.right) {
                    case (.moves, .moves): .elements(second)
                    case (.stands, .moves): .scalar(first.pointee)
                    default: .scalar(second.pointee)
                    }
                kernels.binary(
                    operation, left: isReversed ? second : first, right: other, reversed: isReversed, activation: activation,
                    output: target + run * loops.runLength, count: loops.runLength)
            }
        }
    }
}

extension BinaryOperation {
    /// The kernels' form of an operator's function; nil where they have none.
    init?(_ function: BinaryFunction) {
        switch function {
        case .add: self = .add
        case .subtract: self = .subtract
        case .multiply: self = .multiply
        case .divide: self = .divide
        default: return nil
        }
    }
}
