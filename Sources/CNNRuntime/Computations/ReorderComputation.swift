/// A value moved from one layout to the other.
struct ReorderComputation: Computation {
    let target: Layout

    var algorithm: String { target == .blocked ? "planar to blocked" : "blocked to planar" }
    var allowsGapsBetweenImages: Bool { true }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? { self }

    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        LayoutChoice(inputs: [target == .blocked ? .planar : .blocked], output: target)
    }

    /// Whether nothing has to move, since a map of one pixel and whole blocks is the same in both layouts.
    static func isView(_ map: FeatureMap, channelBlock: Int) -> Bool {
        map.pixels == 1 && map.channels % channelBlock == 0
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        return ReorderStep(
            target: target, input: input, output: output, machine: machine,
            work: Partition(
                images: input.map.images, units: machine.kernels.channelBlocks(input.map.channels),
                parts: machine.parts(cost: input.shape.elementCount)))
    }
}

private struct ReorderStep: Step {
    let target: Layout
    let input: Operand
    let output: Operand
    let machine: Machine
    let work: Partition

    func run(_ execution: Execution) {
        let (source, destination) = (execution.floats(input.place), execution.floats(output.place))
        if source == destination { return }
        let pixels = input.map.pixels
        let blockStride = pixels * machine.kernels.channelBlock
        execution.team.run(work) { image, blocks in
            let (from, to) = (source + image * input.place.imageStride, destination + image * output.place.imageStride)
            if target == .blocked {
                machine.kernels.planarToBlocked(
                    input: from, inputStride: pixels, channels: input.map.channels, pixels: pixels, output: to,
                    outputStride: blockStride, blocks: blocks)
            } else {
                machine.kernels.blockedToPlanar(
                    input: from, inputStride: blockStride, channels: input.map.channels, pixels: pixels, output: to,
                    outputStride: pixels, blocks: blocks)
            }
        }
    }
}
