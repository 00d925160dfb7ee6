import CNNKernelTable
import CNNModels
import CNNOperators
import CNNTensors

/// Channels picked from one or several maps of the same images and pixels, in any order: a Slice or Split of channels, a channel shuffle
/// (Reshape, Transpose, Reshape), and what several of these come to together with a Concat. ShuffleNet's units consist of little else
/// between their convolutions.
struct ChannelGatherComputation: Computation {
    /// One channel of one of the layer's inputs.
    struct Pick: Sendable {
        var input: Int
        var channel: Int
    }

    /// By output channel; nil for zeros.
    var picks: [Pick?]

    init(_ picks: [Pick?]) {
        self.picks = picks
    }

    /// The channels of one input in another order; nil for zeros.
    init(channels: [Int?]) {
        picks = channels.map { channel in channel.map { Pick(input: 0, channel: $0) } }
    }

    /// The channels that a Slice keeps; nil if it cuts another axis or its bounds are not constant.
    init?(_ slice: Slice, _ layer: LayerGraph.Layer, _ graph: LayerGraph) throws {
        guard let input = graph.kernelShape(layer.inputs[0]), let output = graph.kernelShape(layer.outputs[0]), input.rank >= 3,
            let channels = try slice.indices(alongOnly: 1, layer.inputs.map { $0.map { graph.values[$0].fact } }),
            channels.count == output[1]
        else { return nil }
        self.init(channels: channels)
    }

    /// The whole inputs of a Concat of channels, one behind the other; nil for one along another axis.
    init?(_ concat: ConcatComputation) {
        guard concat.axis == 1, concat.output.rank >= 3 else { return nil }
        picks = concat.inputs.enumerated().flatMap { input, shape in (0..<shape[1]).map { Pick(input: input, channel: $0) } }
    }

    var algorithm: String { "channel gather" }
    var allowsGapsBetweenImages: Bool { true }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? { self }

    /// It reads every input as it comes.
    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        LayoutChoice(inputs: inputs.map { _ in nil }, output: inputs.contains(.blocked) ? .blocked : .planar)
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let output = try layer.output()
        let block = machine.kernels.channelBlock
        let inputs = try layer.inputs.indices.map { try layer.input($0) }
        let sources = picks.map { pick -> ChannelGatherStep.Source? in
            guard let pick else { return nil }
            let (place, pixels) = (inputs[pick.input].place, inputs[pick.input].map.pixels)
            return inputs[pick.input].layout == .blocked
                ? ChannelGatherStep.Source(
                    place: place, offset: pick.channel / block * block * pixels + pick.channel % block, step: block)
                : ChannelGatherStep.Source(place: place, offset: pick.channel * pixels, step: 1)
        }
        let width = output.layout == .blocked ? block : 1
        return ChannelGatherStep(
            sources: sources, output: output, kernels: machine.kernels, width: width,
            work: Partition(
                images: output.map.images, units: (picks.count + width - 1) / width,
                parts: machine.parts(cost: output.shape.elementCount)))
    }
}

private struct ChannelGatherStep: Step {
    /// Where a channel lies.
    struct Source {
        let place: Place
        /// Its first pixel in the first image.
        let offset: Int
        /// Floats from one pixel to the next.
        let step: Int
    }

    /// Nil for zeros.
    let sources: [Source?]
    let zero = FloatBuffer([0], paddedTo: 1)
    let output: Operand
    let kernels: any KernelTable
    /// Channels in a unit: those of a block, or 1.
    let width: Int
    let work: Partition

    func run(_ execution: Execution) {
        let target = execution.floats(output.place)
        let bases = sources.map { source in source.map { execution.floats($0.place) + $0.offset } ?? zero.base }
        let pixels = output.map.pixels
        execution.team.run(work) { image, units in
            for unit in units {
                let channels = unit * width..<min((unit + 1) * width, sources.count)
                withUnsafeTemporaryAllocation(of: ChannelSource.self, capacity: channels.count) { table in
                    for (index, channel) in channels.enumerated() {
                        let source = sources[channel]
                        let start = bases[channel] + image * (source?.place.imageStride ?? 0)
                        table.initializeElement(
                            at: index, to: ChannelSource(pixels: UnsafePointer(start), step: source?.step ?? 0))
                    }
                    kernels.gatherChannels(
                        UnsafeBufferPointer(table), pixels: pixels, block: width,
                        output: target + image * output.place.imageStride + unit * width * pixels)
                }
            }
        }
    }
}
