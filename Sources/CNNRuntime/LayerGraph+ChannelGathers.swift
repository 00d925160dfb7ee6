import CNNModels
import CNNOperators
import CNNTensors

extension LayerGraph.Layer {
    /// Lets a gather read what the gathers and Concats before it read; nothing for any other layer.
    /// - Parameter producer: the layer that computes a value.
    mutating func composeGather(_ producer: (Int) -> LayerGraph.Layer?) {
        guard let gather = computation as? ChannelGatherComputation else { return }
        var sources: [Int] = []
        var positions: [Int: Int] = [:]
        func position(_ value: Int) -> Int {
            if let known = positions[value] { return known }
            positions[value] = sources.count
            sources.append(value)
            return sources.count - 1
        }
        // By value: what each of its channels is a copy of, nil for zeros; an empty list if it is no copy.
        var known: [Int: [(value: Int, channel: Int)?]] = [:]
        func origins(of value: Int) -> [(value: Int, channel: Int)?] {
            if let origins = known[value] { return origins }
            let found = producer(value)?.channelOrigins ?? []
            known[value] = found
            return found
        }
        let picks = gather.picks.map { pick -> ChannelGatherComputation.Pick? in
            guard let pick, var value = inputs[pick.input] else { return nil }
            var channel = pick.channel
            while channel < origins(of: value).count {
                guard let origin = origins(of: value)[channel] else { return nil }
                (value, channel) = origin
            }
            return ChannelGatherComputation.Pick(input: position(value), channel: channel)
        }
        // Zeros alone would leave nothing to read.
        if sources.isEmpty { return }
        computation = ChannelGatherComputation(picks)
        inputs = sources
    }
}

extension LayerGraph.Layer {
    /// Which channel of which value each channel of the output is a copy of, nil for zeros; nil for layers that do not copy channels.
    fileprivate var channelOrigins: [(value: Int, channel: Int)?]? {
        let copy =
            computation as? ChannelGatherComputation
            ?? (computation as? ConcatComputation).flatMap { ChannelGatherComputation($0) }
        let values = inputs.compactMap { $0 }
        guard let copy, values.count == inputs.count else { return nil }
        return copy.picks.map { pick in pick.map { (values[$0.input], $0.channel) } }
    }
}

extension LayerGraph {
    /// Puts gathers around grouped convolutions whose groups are not whole blocks, so that each group begins with a block of its own:
    /// moving the channels twice costs less than leaving the blocked layout, and a shuffle before or behind is in the same move.
    mutating func padGroups() {
        var padded: [Layer] = []
        padded.reserveCapacity(layers.count)
        var producers: [Int: Int] = [:]
        var known: [PaddedMap: Int] = [:]
        func append(_ layer: Layer) {
            var layer = layer
            layer.composeGather { producers[$0].map { padded[$0] } }
            for value in layer.outputs { if let value { producers[value] = padded.count } }
            padded.append(layer)
        }
        /// The value with its groups padded, by the same gather for all who want it so.
        func pad(_ value: Int, for layer: Layer, groups: Int, of count: Int, to width: Int) -> Int? {
            let key = PaddedMap(value: value, groups: groups, width: width)
            if let twin = known[key] { return twin }
            guard let twin = addTwin(of: value, channels: groups * width) else { return nil }
            known[key] = twin
            let channels = GroupPadding.channels(groups: groups, of: count, paddedTo: width)
            append(
                Layer(
                    node: layer.node, computation: ChannelGatherComputation(channels: channels), inputs: [value],
                    outputs: [twin]))
            return twin
        }
        for layer in layers {
            guard let convolution = (layer.computation as? ConvolutionComputation)?.paddingGroups(),
                let padding = convolution.groupPadding, let input = layer.inputs[0], let output = layer.outputs[0],
                let image = pad(input, for: layer, groups: padding.groups, of: padding.inputs, to: padding.paddedInputs),
                let wide = addTwin(of: output, channels: padding.groups * padding.paddedOutputs)
            else {
                append(layer)
                continue
            }
            var inner = layer
            inner.computation = convolution
            inner.inputs[0] = image
            if convolution.hasResidual, let residual = layer.inputs[1] {
                inner.inputs[1] = pad(
                    residual, for: layer, groups: padding.groups, of: padding.outputs, to: padding.paddedOutputs)
            }
            inner.outputs = [wide]
            append(inner)
            let positions = GroupPadding.positions(
                groups: padding.groups, of: padding.outputs, paddedTo: padding.paddedOutputs)
            append(
                Layer(
                    node: layer.node, computation: ChannelGatherComputation(channels: positions), inputs: [wide],
                    outputs: [output]))
        }
        layers = padded
    }

    /// A value in the padded form that some convolution reads.
    private struct PaddedMap: Hashable {
        let value: Int
        let groups: Int
        let width: Int
    }

    /// A new value like another, but for the number of channels.
    private mutating func addTwin(of value: Int, channels: Int) -> Int? {
        guard var sizes = values[value].shape?.dimensions, sizes.count >= 2 else { return nil }
        sizes[1] = channels
        guard let shape = try? Shape(sizes) else { return nil }
        let fact = ValueFact(dataType: .float32, shape: SymbolicShape(shape))
        return addValue(Value(name: values[value].name, fact: fact))
    }

    /// Drops layers that nobody reads since others read what they read.
    mutating func dropUnread() {
        var uses = useCounts()
        var kept: [Layer] = []
        for layer in layers.reversed() {
            if layer.outputs.allSatisfy({ $0.map { uses[$0] == 0 } ?? true }) {
                for value in layer.inputs { if let value { uses[value] -= 1 } }
            } else {
                kept.append(layer)
            }
        }
        layers = kept.reversed()
    }
}
