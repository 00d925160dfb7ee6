import CNNKernelTable
import CNNOperators
import CNNTensors

/// Mean or maximum of each channel: GlobalAveragePool, GlobalMaxPool, ReduceMean over all spatial axes.
struct GlobalPoolingComputation: Computation {
    let isMaximum: Bool
    var channels: Int
    let channelBlock: Int
    /// Whether the output keeps its spatial axes (of size 1), without which it has no blocked form.
    let keepsAxes: Bool

    init?(isMaximum: Bool, _ layer: LayerGraph.Layer, _ graph: LayerGraph, _ machine: Machine) {
        guard let input = graph.kernelShape(layer.inputs[0]), let output = graph.kernelShape(layer.outputs[0]), input.rank >= 3
        else { return nil }
        self.isMaximum = isMaximum
        channels = input[1]
        channelBlock = machine.kernels.channelBlock
        keepsAxes = output.rank >= 3
    }

    var algorithm: String { "global pooling" }
    var allowsGapsBetweenImages: Bool { true }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? { self }

    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        // The blocked kernel writes whole blocks: a row of a planar output has room for them only if it is whole blocks long.
        if keepsAxes { return LayoutChoice(inputs: [inputs[0]], output: inputs[0]) }
        return LayoutChoice(inputs: [channels % channelBlock == 0 ? inputs[0] : .planar], output: .planar)
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        let units = input.layout == .blocked ? machine.kernels.channelBlocks(channels) : channels
        return GlobalPoolingStep(
            isMaximum: isMaximum, kernels: machine.kernels, input: input, output: output,
            work: Partition(
                images: input.map.images, units: units, parts: machine.parts(cost: input.shape.elementCount)))
    }
}

private struct GlobalPoolingStep: Step {
    let isMaximum: Bool
    let kernels: any KernelTable
    let input: Operand
    let output: Operand
    let work: Partition

    func run(_ execution: Execution) {
        let (source, target) = (execution.floats(input.place), execution.floats(output.place))
        let pixels = input.map.pixels
        let stride = pixels * kernels.channelBlock
        execution.team.run(work) { image, units in
            let from = UnsafePointer(source + image * input.place.imageStride)
            let to = target + image * output.place.imageStride
            switch (isMaximum, input.layout) {
            case (false, .blocked):
                kernels.globalAverageBlocked(input: from, inputStride: stride, pixels: pixels, output: to, blocks: units)
            case (true, .blocked):
                kernels.globalMaxBlocked(input: from, inputStride: stride, pixels: pixels, output: to, blocks: units)
            case (false, .planar):
                kernels.globalAveragePlanar(input: from, inputStride: pixels, pixels: pixels, output: to, channels: units)
            case (true, .planar):
                kernels.globalMaxPlanar(input: from, inputStride: pixels, pixels: pixels, output: to, channels: units)
            }
        }
    }
}
