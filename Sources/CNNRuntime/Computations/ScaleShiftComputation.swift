import CNNKernelTable
import CNNOperators
import CNNTensors

/// `y = activation(scale[c]·x + shift[c])`: BatchNormalization that could not be folded into a convolution, and sums and products with a
/// constant per channel.
struct ScaleShiftComputation: Computation {
    let scale: [Double]
    let shift: [Double]
    var activation = Activation.none
    let channelBlock: Int

    var algorithm: String { "scale and shift" }
    var allowsGapsBetweenImages: Bool { true }
    var overwritableInputs: [Int] { [0] }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? { self }

    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        // Missing channels have scale and shift 0.
        let layout = activation.keepsZero || scale.count % channelBlock == 0 ? inputs[0] : .planar
        return LayoutChoice(inputs: [layout], output: layout)
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        let kernels = machine.kernels
        let padded = kernels.paddedChannels(scale.count)
        return ScaleShiftStep(
            scale: FloatBuffer(scale, paddedTo: padded), shift: FloatBuffer(shift, paddedTo: padded), activation: activation,
            kernels: kernels, input: input, output: output,
            work: Partition(
                images: output.map.images,
                units: output.layout == .blocked ? kernels.channelBlocks(scale.count) : scale.count,
                parts: machine.parts(cost: output.shape.elementCount)))
    }
}

private struct ScaleShiftStep: Step {
    let scale: FloatBuffer
    let shift: FloatBuffer
    let activation: Activation
    let kernels: any KernelTable
    let input: Operand
    let output: Operand
    let work: Partition

    func run(_ execution: Execution) {
        let (source, target) = (execution.floats(input.place), execution.floats(output.place))
        let pixels = output.map.pixels
        execution.team.run(work) { image, units in
            let (from, to) = (source + image * input.place.imageStride, target + image * output.place.imageStride)
            if output.layout == .blocked {
                let stride = pixels * kernels.channelBlock
                kernels.scaleShiftBlocked(
                    input: from, inputStride: stride, output: to, outputStride: stride, pixels: pixels, scale: scale.base,
                    shift: shift.base, activation: activation, blocks: units)
            } else {
                kernels.scaleShiftPlanar(
                    input: from, inputStride: pixels, output: to, outputStride: pixels, pixels: pixels, scale: scale.base,
                    shift: shift.base, activation: activation, channels: units)
            }
        }
    }
}
