import CNNKernelTable
import CNNModels
import CNNOperators
import CNNTensors

/// Finds the kernels that can do what a node's operator does. A node that none can do keeps its operator's own formula.
struct LayerRecognition {
    let machine: Machine
    let library: WeightLibrary

    /// Replaces the computation of every layer that kernels can do, and its inputs by those that remain to be read.
    /// - Throws: `EvaluationError` with the place of the node if its constants cannot be read.
    func recognize(_ graph: inout LayerGraph) throws {
        let uses = graph.useCounts()
        var layers: [LayerGraph.Layer] = []
        layers.reserveCapacity(graph.layers.count)
        for var layer in graph.layers {
            do {
                if let several = try chain(of: layer, &graph) ?? parts(of: layer, graph) {
                    layers += several
                } else {
                    // Indices, masks and statistics that nobody reads need not be computed.
                    for index in layer.outputs.indices.dropFirst() {
                        if let output = layer.outputs[index], uses[output] == 0 { layer.outputs[index] = nil }
                    }
                    try recognize(&layer, graph)
                    layers.append(layer)
                }
            } catch {
                throw EvaluationError(place: layer.node.place, message: "\(error)")
            }
        }
        graph.layers = layers
    }

    /// A sum, maximum or minimum of three or more inputs as a chain of operations on two; nil for any other layer. (A chain that is
    /// given up half-way leaves values behind that no layer mentions; they cost nothing.)
    private func chain(of layer: LayerGraph.Layer, _ graph: inout LayerGraph) throws -> [LayerGraph.Layer]? {
        guard let variadic = layer.node.operation as? ElementwiseVariadic, let operation = BinaryOperation(variadic.function),
            layer.inputs.count > 2, var shape = graph.kernelShape(layer.inputs[0]), let output = layer.outputs[0]
        else { return nil }
        var links: [LayerGraph.Layer] = []
        var left = layer.inputs[0]
        for (index, right) in layer.inputs.enumerated().dropFirst() {
            guard let other = graph.kernelShape(right),
                let common = try Broadcasting.shape(of: [SymbolicShape(shape), SymbolicShape(other)]).concrete
            else { return nil }
            shape = common
            var link = layer
            link.inputs = [left, right]
            if index < layer.inputs.count - 1 {
                let fact = ValueFact(dataType: .float32, shape: SymbolicShape(shape))
                link.outputs = [graph.addValue(LayerGraph.Value(name: graph.values[output].name, fact: fact))]
            }
            guard let computation = BinaryComputation(operation, link, graph, machine) else { return nil }
            link.computation = computation
            links.append(link)
            left = link.outputs[0]
        }
        return links
    }

    /// A Split of channels as a layer for each part; nil for any other layer.
    private func parts(of layer: LayerGraph.Layer, _ graph: LayerGraph) throws -> [LayerGraph.Layer]? {
        guard let split = layer.node.operation as? Split, let input = graph.kernelShape(layer.inputs[0]), input.rank >= 3,
            try split.isAlong(1, rank: input.rank), graph.isKnown(layer.inputs.dropFirst().first)
        else { return nil }
        var parts: [LayerGraph.Layer] = []
        var first = 0
        for output in layer.outputs {
            guard let output, let shape = graph.kernelShape(output) else { return nil }
            var part = layer
            part.computation = ChannelGatherComputation(channels: Array(first..<first + shape[1]))
            part.inputs = [layer.inputs[0]]
            part.outputs = [output]
            parts.append(part)
            first += shape[1]
        }
        return first == input[1] ? parts : nil
    }

    private func recognize(_ layer: inout LayerGraph.Layer, _ graph: LayerGraph) throws {
        switch layer.node.operation {
        case let conv as Conv:
            if let computation = try ConvolutionComputation(conv, layer, graph, machine, library) {
                replace(&layer, computation, inputs: 1)
            }
        case let gemm as Gemm:
            if let computation = try MatrixProductComputation(gemm, layer, graph, machine, library) {
                replace(&layer, computation, inputs: computation.constant == nil ? 2 : 1)
            }
        case is MatMul:
            if let computation = MatrixProductComputation(matMul: layer, graph, machine, library) {
                replace(&layer, computation, inputs: computation.constant == nil ? 2 : 1)
            }
        case let unary as ElementwiseUnary:
            replace(&layer, UnaryComputation(UnaryOperation(unary.function), layer, graph, machine), inputs: 1)
        case let clip as Clip:
            let bounds = clip.constantBounds(layer.inputs.map { $0.map { graph.values[$0].fact } })
            let operation = bounds.map { UnaryOperation.activation(.clip($0.min, $0.max)) }
            replace(&layer, UnaryComputation(operation, layer, graph, machine), inputs: 1)
        case let binary as ElementwiseBinary:
            try recognizeBinary(binary, &layer, graph)
        case let variadic as ElementwiseVariadic:
            if layer.inputs.count == 2 {
                replace(&layer, BinaryComputation(BinaryOperation(variadic.function), layer, graph, machine), inputs: 2)
            } else if layer.inputs.count == 1 {
                recognizeView(&layer, graph)
            }
        case let concat as Concat:
            replace(&layer, try ConcatComputation(concat, layer, graph, machine), inputs: layer.inputs.count)
        case let pool as MaxPool:
            recognizePooling(try PoolingComputation(.maximum, pool.geometry, layer, graph), &layer, graph)
        case let pool as AveragePool:
            let kind = PoolingComputation.Kind.average(countsPadding: pool.countsPadding)
            recognizePooling(try PoolingComputation(kind, pool.geometry, layer, graph), &layer, graph)
        case let pool as GlobalPool:
            switch pool.kind {
            case .average: replace(&layer, GlobalPoolingComputation(isMaximum: false, layer, graph, machine), inputs: 1)
            case .maximum: replace(&layer, GlobalPoolingComputation(isMaximum: true, layer, graph, machine), inputs: 1)
            case .norm: break
            }
        case let reduction as Reduction:
            try recognizeReduction(reduction, &layer, graph)
        case let normalization as BatchNormalization:
            try recognizeNormalization(normalization, &layer, graph)
        case let lrn as LRN:
            replace(&layer, LocalResponseComputation(lrn, layer, graph, machine), inputs: 1)
        case let softmax as Softmax:
            replace(&layer, SoftmaxComputation(softmax, layer, graph), inputs: 1)
        case let slice as Slice:
            replace(&layer, try ChannelGatherComputation(slice, layer, graph), inputs: 1)
        case let transpose as Transpose:
            replace(&layer, try TransposeComputation(transpose, layer, graph), inputs: 1)
        case is Dropout:
            recognizeDropout(&layer, graph)
        case is Reshape, is Flatten, is Squeeze, is Unsqueeze, is Identity:
            if graph.isKnown(layer.inputs.dropFirst().first) { recognizeView(&layer, graph) }
        default:
            break
        }
    }

    private func replace(_ layer: inout LayerGraph.Layer, _ computation: (any Computation)?, inputs: Int) {
        guard let computation else { return }
        layer.computation = computation
        layer.inputs = Array(layer.inputs.prefix(inputs))
    }

    /// A layer whose output has the elements of its first input, in order.
    private func recognizeView(_ layer: inout LayerGraph.Layer, _ graph: LayerGraph) {
        guard let input = layer.inputs[0], let output = layer.outputs[0], graph.values[input].fact.dataType != nil,
            let shape = graph.values[output].shape, graph.values[input].shape?.elementCount == shape.elementCount
        else { return }
        replace(&layer, ViewComputation(), inputs: 1)
    }

    /// Windows of one pixel, into which exporters turn an adaptive pooling to the size that is there, hand their input on.
    private func recognizePooling(_ pooling: PoolingComputation?, _ layer: inout LayerGraph.Layer, _ graph: LayerGraph) {
        if let pooling, pooling.window.isPointwise {
            recognizeView(&layer, graph)
        } else {
            replace(&layer, pooling, inputs: 1)
        }
    }

    /// A mean over all axes behind the channels is a global pooling, whichever way an exporter writes it.
    private func recognizeReduction(_ reduction: Reduction, _ layer: inout LayerGraph.Layer, _ graph: LayerGraph) throws {
        guard case .mean = reduction.function, let input = graph.kernelShape(layer.inputs[0]),
            let axes = try reduction.axes(layer.inputs.map { $0.map { graph.values[$0].fact } }), input.rank >= 3,
            axes.sorted() == Array(2..<input.rank)
        else { return }
        replace(&layer, GlobalPoolingComputation(isMaximum: false, layer, graph, machine), inputs: 1)
    }

    /// Normalization by given statistics is a factor and an addend per channel.
    private func recognizeNormalization(
        _ normalization: BatchNormalization, _ layer: inout LayerGraph.Layer, _ graph: LayerGraph
    ) throws {
        guard !normalization.isTraining, normalization.isSpatial, layer.outputs.dropFirst().allSatisfy({ $0 == nil }),
            let input = graph.kernelShape(layer.inputs[0]), input.rank >= 2
        else { return }
        let parameters = try layer.inputs.dropFirst().compactMap { try $0.flatMap { graph.values[$0].constant }?.doubles() }
        guard parameters.count == 4 else { return }
        let epsilon = Double(normalization.epsilon)
        let scale = zip(parameters[0], parameters[3]).map { $0 / ($1 + epsilon).squareRoot() }
        let shift = zip(parameters[1], zip(parameters[2], scale)).map { $0 - $1.0 * $1.1 }
        replace(
            &layer, ScaleShiftComputation(scale: scale, shift: shift, channelBlock: machine.kernels.channelBlock), inputs: 1)
    }

    /// Dropout in inference mode without a mask hands its input on.
    private func recognizeDropout(_ layer: inout LayerGraph.Layer, _ graph: LayerGraph) {
        if layer.inputs.count > 2, let mode = layer.inputs[2] {
            guard let isTraining = graph.values[mode].fact.constantIntegers, isTraining.allSatisfy({ $0 == 0 }) else { return }
        }
        guard layer.outputs.dropFirst().allSatisfy({ $0 == nil }) else { return }
        layer.outputs = Array(layer.outputs.prefix(1))
        recognizeView(&layer, graph)
    }

    private func recognizeBinary(_ binary: ElementwiseBinary, _ layer: inout LayerGraph.Layer, _ graph: LayerGraph) throws {
        guard let operation = BinaryOperation(binary.function), let first = graph.kernelShape(layer.inputs[0]),
            let second = graph.kernelShape(layer.inputs[1]),
            let aligned = try binary.broadcastRule.aligned(SymbolicShape(second), to: SymbolicShape(first)).concrete
        else { return }
        if let (input, computation) = try scaleShift(operation, layer, graph, shapes: (first, aligned)) {
            layer.inputs = [layer.inputs[input]]
            layer.computation = computation
            return
        }
        replace(
            &layer, BinaryComputation(operation, layer, second: aligned == second ? nil : aligned, graph, machine), inputs: 2)
    }

    /// Sum, difference or product of an image and a constant per channel.
    /// - Returns: the input that is the image, and the computation.
    private func scaleShift(
        _ operation: BinaryOperation, _ layer: LayerGraph.Layer, _ graph: LayerGraph, shapes: (Shape, Shape)
    ) throws -> (Int, ScaleShiftComputation)? {
        let constants = layer.inputs.map { $0.flatMap { graph.values[$0].constant } }
        guard let output = graph.kernelShape(layer.outputs[0]), let constant = constants[1] ?? constants[0] else { return nil }
        let image = constants[1] == nil ? 1 : 0
        let (imageShape, vector) = image == 0 ? shapes : (shapes.1, shapes.0)
        guard output.rank >= 3, imageShape == output,
            Self.isChannelConstant(vector, of: output) || vector.elementCount == 1
        else { return nil }
        let given = try constant.doubles()
        let values = given.count == 1 ? Array(repeating: given[0], count: output[1]) : given
        let ones = Array(repeating: 1.0, count: values.count)
        let zeros = Array(repeating: 0.0, count: values.count)
        let (scale, shift): ([Double], [Double])
        switch operation {
        case .add: (scale, shift) = (ones, values)
        case .subtract: (scale, shift) = image == 0 ? (ones, values.map { -$0 }) : (ones.map { -$0 }, values)
        case .multiply: (scale, shift) = (values, zeros)
        default: return nil
        }
        return (image, ScaleShiftComputation(scale: scale, shift: shift, channelBlock: machine.kernels.channelBlock))
    }

    /// Whether a shape is `[C, 1, …]` or `[1, C, 1, …]` for an output `[N, C, …]`.
    private static func isChannelConstant(_ shape: Shape, of output: Shape) -> Bool {
        let sizes = Array(repeating: 1, count: max(output.rank - shape.rank, 0)) + shape.dimensions
        return sizes.enumerated().allSatisfy { axis, size in axis == 1 ? size == output[1] : size == 1 }
    }
}

extension BinaryOperation {
    /// The kernels' form of a function of any number of inputs; nil where they have none.
    fileprivate init?(_ function: ElementwiseVariadic.Function) {
        switch function {
        case .sum: self = .add
        case .maximum: self = .maximum
        case .minimum: self = .minimum
        case .mean: return nil
        }
    }
}
