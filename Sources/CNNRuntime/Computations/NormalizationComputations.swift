import CNNKernelTable
import CNNOperators
import CNNTensors

/// LRN.
struct LocalResponseComputation: Computation {
    let response: LocalResponse
    let channels: Int
    let channelBlock: Int

    init?(_ lrn: LRN, _ layer: LayerGraph.Layer, _ graph: LayerGraph, _ machine: Machine) {
        guard let input = graph.kernelShape(layer.inputs[0]), input.rank >= 2 else { return nil }
        channels = input[1]
        // A window as wide as all channels on either side sees no more than one that is wider.
        guard lrn.size <= 2 * channels else { return nil }
        response = LocalResponse(size: lrn.size, alpha: lrn.alpha, beta: lrn.beta, bias: lrn.bias)
        channelBlock = machine.kernels.channelBlock
    }

    var algorithm: String { "local response" }
    var allowsGapsBetweenImages: Bool { true }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? { self }

    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        // Without a bias, missing channels of a block would not stay zero: 0 · 0^-β is undefined.
        let layout = channels % channelBlock == 0 || response.bias > 0 ? inputs[0] : .planar
        return LayoutChoice(inputs: [layout], output: layout)
    }

    func scratchCount(_ machine: Machine) -> Int {
        machine.kernels.lrnScratchCount(response, channels: channels) * machine.threads
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        return LocalResponseStep(
            response: response, kernels: machine.kernels, input: input, output: output, scratch: layer.scratch,
            scratchCount: machine.kernels.lrnScratchCount(response, channels: channels),
            work: Partition(
                images: input.map.images, units: input.map.pixels, parts: machine.parts(cost: input.shape.elementCount * 16)))
    }
}

private struct LocalResponseStep: Step {
    let response: LocalResponse
    let kernels: any KernelTable
    let input: Operand
    let output: Operand
    let scratch: Place
    let scratchCount: Int
    let work: Partition

    func run(_ execution: Execution) {
        let (source, target) = (execution.floats(input.place), execution.floats(output.place))
        let scratch = execution.floats(scratch)
        let (channels, pixels) = (input.map.channels, input.map.pixels)
        execution.team.run(parts: work.parts) { worker, part in
            work.forEach(in: part) { image, range in
                let from = UnsafePointer(source + image * input.place.imageStride)
                let to = target + image * output.place.imageStride
                if input.layout == .blocked {
                    let stride = pixels * kernels.channelBlock
                    kernels.lrnBlocked(
                        response, channels: channels, input: from, inputStride: stride, output: to, outputStride: stride,
                        pixels: range, scratch: scratch + worker * scratchCount)
                } else {
                    kernels.lrnPlanar(
                        response, channels: channels, input: from, inputStride: pixels, output: to, outputStride: pixels,
                        pixels: range)
                }
            }
        }
    }
}

/// Softmax and LogSoftmax over runs of elements that lie side by side.
struct SoftmaxComputation: Computation {
    let isLogarithm: Bool
    let length: Int
    /// Whether sums run over the images.
    let spansImages: Bool

    /// The computation of a layer; nil if its sums run along an axis whose elements do not lie side by side.
    init?(_ softmax: Softmax, _ layer: LayerGraph.Layer, _ graph: LayerGraph) {
        guard let shape = graph.kernelShape(layer.inputs[0]), shape.rank > 0 else { return nil }
        let axis = softmax.axis < 0 ? softmax.axis + shape.rank : softmax.axis
        guard 0..<shape.rank ~= axis else { return nil }
        let behind = shape.dimensions[(axis + 1)...].reduce(1, *)
        guard softmax.flattens || behind == 1 else { return nil }
        isLogarithm = softmax.isLogarithm
        length = shape[axis] * behind
        spansImages = axis == 0
    }

    var algorithm: String { "softmax" }
    var overwritableInputs: [Int] { [0] }

    /// The number of runs is asked of the input when the step is made.
    func forImages(_ count: Int, of total: Int) -> (any Computation)? { spansImages ? nil : self }

    func layouts(_ inputs: [Layout]) -> LayoutChoice { .planar(inputs: inputs.count) }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        let count = input.shape.elementCount
        return SoftmaxStep(
            isLogarithm: isLogarithm, length: length, kernels: machine.kernels, input: input, output: output,
            work: Partition(count: count / length, parts: machine.parts(cost: count * 8)))
    }
}

private struct SoftmaxStep: Step {
    let isLogarithm: Bool
    let length: Int
    let kernels: any KernelTable
    let input: Operand
    let output: Operand
    let work: Partition

    func run(_ execution: Execution) {
        let (source, target) = (execution.floats(input.place), execution.floats(output.place))
        execution.team.run(work) { _, rows in
            if isLogarithm {
                kernels.logSoftmax(input: source, output: target, length: length, rows: rows)
            } else {
                kernels.softmax(input: source, output: target, length: length, rows: rows)
            }
        }
    }
}
