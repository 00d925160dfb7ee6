import CNNKernelTable

/// What the steps of a convolution work on.
struct ConvolutionMaps {
    let input: Operand
    let output: Operand
    let residual: Operand?
    let weights: FloatBuffer
    let bias: FloatBuffer?
    let activation: Activation
    let poolsPairs: Bool
    let channelBlock: Int

    /// Those of a run, from an image on.
    func operands(_ execution: Execution, image: Int = 0) -> ConvolutionOperands {
        var operands = ConvolutionOperands(
            input: UnsafePointer(execution.floats(input.place) + image * input.place.imageStride),
            inputStride: channelStride(input), weights: UnsafePointer(weights.base), bias: bias.map { UnsafePointer($0.base) },
            residual: residual.map { UnsafePointer(execution.floats($0.place) + image * $0.place.imageStride) },
            residualStride: channelStride(output),
            output: execution.floats(output.place) + image * output.place.imageStride, outputStride: channelStride(output),
            activation: activation)
        operands.inputImageStride = input.place.imageStride
        operands.residualImageStride = residual?.place.imageStride ?? 0
        operands.outputImageStride = output.place.imageStride
        operands.poolsPairs = poolsPairs
        return operands
    }

    private func channelStride(_ operand: Operand) -> Int {
        operand.layout == .blocked ? operand.map.pixels * channelBlock : operand.map.pixels
    }
}

/// A convolution image by image, by any method but Winograd's.
struct ConvolutionStep: Step {
    /// Computes a rectangle of the grid, with scratch memory.
    typealias Kernel = @Sendable (ConvolutionOperands, Range<Int>, Range<Int>, UnsafeMutablePointer<Float>) -> Void

    let compute: Kernel
    let maps: ConvolutionMaps
    let scratch: Place
    /// Of each thread.
    let scratchCount: Int
    let grid: Grid
    let work: Partition

    func run(_ execution: Execution) {
        let scratch = execution.floats(scratch)
        execution.team.run(parts: work.parts) { worker, part in
            work.forEach(in: part) { image, rectangles in
                let operands = maps.operands(execution, image: image)
                grid.forEachRectangle(rectangles) { rows, columns in
                    compute(operands, rows, columns, scratch + worker * scratchCount)
                }
            }
        }
    }
}
