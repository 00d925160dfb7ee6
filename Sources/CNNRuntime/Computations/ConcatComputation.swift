import CNNKernelTable
import CNNOperators
import CNNTensors

/// Tensors laid one behind the other along an axis. Where it can be, the inputs are computed right where they belong, and nothing is
/// left to do.
struct ConcatComputation: Computation {
    let axis: Int
    private(set) var inputs: [Shape]
    private(set) var output: Shape
    let kernels: any KernelTable

    init?(_ concat: Concat, _ layer: LayerGraph.Layer, _ graph: LayerGraph, _ machine: Machine) throws {
        guard let output = graph.kernelShape(layer.outputs[0]) else { return nil }
        let inputs = layer.inputs.compactMap { graph.kernelShape($0) }
        guard inputs.count == layer.inputs.count else { return nil }
        axis = try AxisIndex.resolve(concat.axis, rank: output.rank)
        self.inputs = inputs
        self.output = output
        kernels = machine.kernels
    }

    var algorithm: String { "concatenation" }
    var allowsGapsBetweenImages: Bool { axis == 1 }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? {
        let shapes = inputs.compactMap { $0.forImages(count) }
        guard axis > 0, shapes.count == inputs.count, let output = output.forImages(count) else { return nil }
        var computation = self
        (computation.inputs, computation.output) = (shapes, output)
        return computation
    }

    /// Whether every input but the last consists of whole channel blocks.
    private var isAligned: Bool {
        axis == 1 && output.rank >= 3 && inputs.dropLast().allSatisfy { $0[1] % kernels.channelBlock == 0 }
    }

    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        let layout: Layout = isAligned && inputs.contains(.blocked) ? .blocked : .planar
        return LayoutChoice(inputs: Array(repeating: layout, count: inputs.count), output: layout)
    }

    /// Runs that each input contributes to, one behind the other: those of the axes before `axis`, which are the images where the
    /// layout is blocked.
    var runCount: Int { output.dimensions[..<axis].reduce(1, *) }

    /// By input: the floats of its part of a run, and how far from the run's start it begins.
    func parts(_ layout: Layout) -> [(offset: Int, count: Int)] {
        var offset = 0
        return inputs.map { shape in
            let count: Int
            if layout == .blocked {
                count = kernels.paddedChannels(shape[1]) * shape.dimensions.dropFirst(2).reduce(1, *)
            } else {
                count = shape.dimensions[axis...].reduce(1, *)
            }
            defer { offset += count }
            return (offset, count)
        }
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let output = try layer.output()
        let parts = parts(output.layout)
        let runFloats = parts.reduce(0) { $0 + $1.count }
        let copies = try parts.indices.compactMap { index -> ConcatStep.Copy? in
            let input = try layer.input(index)
            let stride = axis == 1 ? input.place.imageStride : parts[index].count
            let copy = ConcatStep.Copy(
                source: input.place, sourceStride: stride, offset: parts[index].offset, count: parts[index].count)
            return copy.isInPlace(output.place) ? nil : copy
        }
        return ConcatStep(
            copies: copies, output: output.place, outputStride: axis == 1 ? output.place.imageStride : runFloats,
            work: Partition(
                images: runCount, units: copies.count,
                parts: machine.parts(cost: copies.reduce(0) { $0 + $1.count } * runCount)))
    }
}

private struct ConcatStep: Step {
    struct Copy {
        let source: Place
        let sourceStride: Int
        let offset: Int
        let count: Int

        /// Whether the input already lies where it belongs.
        func isInPlace(_ output: Place) -> Bool {
            guard case .arena(let from) = source.base, case .arena(let to) = output.base else { return false }
            return from == to + offset
        }
    }

    let copies: [Copy]
    let output: Place
    let outputStride: Int
    let work: Partition

    func run(_ execution: Execution) {
        guard !copies.isEmpty else { return }
        let target = execution.floats(output)
        let sources = copies.map { execution.floats($0.source) }
        execution.team.run(work) { run, units in
            for unit in units {
                let copy = copies[unit]
                (target + run * outputStride + copy.offset).update(
                    from: sources[unit] + run * copy.sourceStride, count: copy.count)
            }
        }
    }
}
