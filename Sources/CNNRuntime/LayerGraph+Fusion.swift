import CNNKernelTable
import CNNModels
import CNNOperators
import CNNTensors

extension LayerGraph {
    /// Makes one layer of several where a kernel can do their work in one go: BatchNormalization goes into the weights of the convolution
    /// before it, a residual and an activation into the kernel that stores the sum, and nodes that change nothing go.
    mutating func fuse(_ machine: Machine) throws {
        var fusion = Fusion(graph: self, machine: machine)
        for layer in layers { try fusion.add(layer) }
        layers = fusion.layers.compactMap { $0 }
        padGroups()
        dropUnread()
    }
}

/// One walk over the layers: each is absorbed by the layer that computes its input, or kept.
private struct Fusion {
    let graph: LayerGraph
    let machine: Machine
    /// Nil where a layer was absorbed by a later one.
    var layers: [LayerGraph.Layer?] = []
    /// By value that a dropped layer gave: the value that is the same.
    var replacements: [Int: Int] = [:]
    /// By value: the layer in `layers` that computes it.
    private var producers: [Int: Int] = [:]
    private let uses: [Int]
    private let isOutput: Set<Int>

    init(graph: LayerGraph, machine: Machine) {
        self.graph = graph
        self.machine = machine
        uses = graph.useCounts()
        isOutput = Set(graph.outputs.map(\.value))
    }

    mutating func add(_ layer: LayerGraph.Layer) throws {
        var layer = layer
        layer.inputs = layer.inputs.map { value in value.map { replacements[$0] ?? $0 } }
        if dropsView(layer) { return }
        recognizeShuffle(&layer)
        let isAbsorbed: Bool
        switch layer.computation {
        case let normalization as ScaleShiftComputation:
            isAbsorbed = absorbScaleShift(normalization, layer)
        case let unary as UnaryComputation:
            isAbsorbed = absorbActivation(unary, layer)
        case let binary as BinaryComputation where binary.operation == .add:
            isAbsorbed = try absorbSum(binary, layer)
        case let binary as BinaryComputation where binary.operation == .multiply:
            recognizeSwish(binary, &layer)
            isAbsorbed = false
        case is ChannelGatherComputation:
            layer.composeGather { producers[$0].flatMap { layers[$0] } }
            isAbsorbed = false
        case let convolution as ConvolutionComputation:
            try absorbPadding(of: convolution, into: &layer)
            isAbsorbed = false
        default:
            isAbsorbed = false
        }
        if !isAbsorbed { append(layer) }
    }

    private mutating func append(_ layer: LayerGraph.Layer) {
        for value in layer.outputs { if let value { producers[value] = layers.count } }
        layers.append(layer)
    }

    /// The layer that computes a value which nobody else reads.
    private func soleProducer(_ value: Int?) -> (index: Int, layer: LayerGraph.Layer)? {
        guard let value, uses[value] == 1, !isOutput.contains(value), let index = producers[value], let layer = layers[index]
        else { return nil }
        return (index, layer)
    }

    /// Lets the layer at `index` do the work of `absorbed` too and give its output.
    private mutating func replace(_ index: Int, by computation: any Computation, absorbing absorbed: LayerGraph.Layer) {
        guard var layer = layers[index] else { return }
        layer.computation = computation
        layer.fused.append(absorbed.node)
        layer.outputs = absorbed.outputs
        layers[index] = layer
        for value in layer.outputs { if let value { producers[value] = index } }
    }

    // MARK: - Rules

    /// A view of the same shape is the value itself. Uses are counted by value, so both must be read once at most for the counts to
    /// hold on.
    private mutating func dropsView(_ layer: LayerGraph.Layer) -> Bool {
        guard layer.computation is ViewComputation, let input = layer.inputs[0], let output = layer.outputs[0],
            !isOutput.contains(output), uses[input] == 1, uses[output] == 1,
            graph.values[input].shape == graph.values[output].shape
        else { return false }
        replacements[output] = input
        return true
    }

    /// A Reshape that divides the channels, a Transpose of their parts and a Reshape back move whole channels.
    private mutating func recognizeShuffle(_ layer: inout LayerGraph.Layer) {
        guard layer.computation is ViewComputation, let (middle, transposition) = soleProducer(layer.inputs[0]),
            let transpose = transposition.computation as? TransposeComputation,
            let (first, division) = soleProducer(transposition.inputs[0]), division.computation is ViewComputation,
            let shape = graph.kernelShape(division.inputs[0]), shape.rank >= 3,
            layer.outputs[0].flatMap({ graph.values[$0].shape }) == shape,
            let order = transpose.channelOrder(FeatureMap(shape))
        else { return }
        layer.computation = ChannelGatherComputation(channels: order)
        layer.inputs = [division.inputs[0]]
        layer.fused += [division.node, transposition.node]
        layers[first] = nil
        layers[middle] = nil
    }

    /// x · sigmoid(x), which exporters write as two nodes.
    private mutating func recognizeSwish(_ product: BinaryComputation, _ layer: inout LayerGraph.Layer) {
        guard case .elements = product.pattern, product.activation == .none else { return }
        for side in [0, 1] {
            guard let (index, producer) = soleProducer(layer.inputs[side]), producer.inputs[0] == layer.inputs[1 - side],
                var unary = producer.computation as? UnaryComputation, unary.operation == .sigmoid
            else { continue }
            unary.operation = .swish
            layer.computation = unary
            layer.inputs = producer.inputs
            layer.fused.append(producer.node)
            layers[index] = nil
            return
        }
    }

    /// Zeros that a Pad puts around the input of a convolution become its own padding.
    private mutating func absorbPadding(
        of convolution: ConvolutionComputation, into layer: inout LayerGraph.Layer
    ) throws {
        guard let (index, padding) = soleProducer(layer.inputs[0]), let pad = padding.node.operation as? Pad,
            let shape = graph.kernelShape(padding.inputs[0]),
            let (begins, ends) = try pad.zeroPads(padding.inputs.map { $0.map { graph.values[$0].fact } }),
            begins.prefix(2).allSatisfy({ $0 == 0 }), ends.prefix(2).allSatisfy({ $0 == 0 })
        else { return }
        var convolution = convolution
        guard
            convolution.padInput(shape, begins: Array(begins.dropFirst(2)), ends: Array(ends.dropFirst(2)), machine)
        else { return }
        layer.computation = convolution
        layer.inputs[0] = padding.inputs[0]
        layer.fused.append(padding.node)
        layers[index] = nil
    }

    private mutating func absorbScaleShift(_ normalization: ScaleShiftComputation, _ layer: LayerGraph.Layer) -> Bool {
        guard normalization.activation == .none, let (index, producer) = soleProducer(layer.inputs[0]) else { return false }
        if var convolution = producer.computation as? ConvolutionComputation {
            guard convolution.activation == .none, !convolution.hasResidual else { return false }
            convolution.multiply(by: normalization.scale, adding: normalization.shift)
            replace(index, by: convolution, absorbing: layer)
            return true
        }
        if let first = producer.computation as? ScaleShiftComputation, first.activation == .none {
            let scale = zip(first.scale, normalization.scale).map { $0 * $1 }
            let shift = zip(first.shift, zip(normalization.scale, normalization.shift)).map { $0 * $1.0 + $1.1 }
            replace(
                index, by: ScaleShiftComputation(scale: scale, shift: shift, channelBlock: first.channelBlock),
                absorbing: layer)
            return true
        }
        return false
    }

    private mutating func absorbActivation(_ unary: UnaryComputation, _ layer: LayerGraph.Layer) -> Bool {
        guard case .activation(let activation) = unary.operation, let (index, producer) = soleProducer(layer.inputs[0])
        else { return false }
        switch producer.computation {
        case var convolution as ConvolutionComputation
        where convolution.activation == .none && (activation.keepsZero || !convolution.hasPaddedOutput):
            convolution.activation = activation
            replace(index, by: convolution, absorbing: layer)
        case var scaleShift as ScaleShiftComputation where scaleShift.activation == .none:
            scaleShift.activation = activation
            replace(index, by: scaleShift, absorbing: layer)
        case var binary as BinaryComputation where binary.activation == .none && binary.allowsActivation(activation):
            binary.activation = activation
            replace(index, by: binary, absorbing: layer)
        case var product as MatrixProductComputation where product.activation == .none:
            product.activation = activation
            replace(index, by: product, absorbing: layer)
        default:
            return false
        }
        return true
    }

    private mutating func absorbSum(_ binary: BinaryComputation, _ layer: LayerGraph.Layer) throws -> Bool {
        if try absorbBias(layer) { return true }
        guard case .elements = binary.pattern, binary.activation == .none, layer.inputs[0] != layer.inputs[1] else {
            return false
        }
        // Of two convolutions that are added, the later takes the earlier's output as its residual.
        let candidates = [0, 1].compactMap { side -> (side: Int, index: Int)? in
            guard let (index, producer) = soleProducer(layer.inputs[side]),
                let convolution = producer.computation as? ConvolutionComputation, convolution.activation == .none,
                !convolution.hasResidual
            else { return nil }
            return (side, index)
        }
        guard let best = candidates.max(by: { $0.index < $1.index }), var fused = layers[best.index],
            var convolution = fused.computation as? ConvolutionComputation
        else { return false }
        convolution.hasResidual = true
        fused.computation = convolution
        fused.fused.append(layer.node)
        fused.inputs.append(layer.inputs[1 - best.side])
        fused.outputs = layer.outputs
        // The residual may be computed after the convolution stood: the fused layer stands where the sum stood.
        layers[best.index] = nil
        append(fused)
        return true
    }

    /// A constant row added to a matrix product is its bias.
    private mutating func absorbBias(_ layer: LayerGraph.Layer) throws -> Bool {
        // Before operator set 7 an attribute may lay the row along another axis.
        if let sum = layer.node.operation as? ElementwiseBinary, case .intoFirst(.some) = sum.broadcastRule { return false }
        for side in [0, 1] {
            guard let (index, producer) = soleProducer(layer.inputs[side]), let addend = layer.inputs[1 - side],
                var product = producer.computation as? MatrixProductComputation, product.bias == nil,
                product.activation == .none, let output = layer.outputs[0],
                graph.values[output].shape == producer.outputs[0].flatMap({ graph.values[$0].shape }),
                let rank = graph.values[output].shape?.rank, rank >= 1,
                graph.values[output].shape?[rank - 1] == product.columns,
                let bias = try graph.columnValues(addend, columns: product.columns)
            else { continue }
            product.bias = bias
            replace(index, by: product, absorbing: layer)
            return true
        }
        return false
    }
}
