import CNNKernelTable
import CNNOperators
import CNNTensors

/// Axes in another order.
struct TransposeComputation: Computation {
    /// The output's axes, neighbours that stay neighbours made one: sizes, and strides in the input.
    private var sizes: [Int]
    private let strides: [Int]
    /// Whether the first axis stays the first.
    private let keepsImages: Bool

    init?(_ transpose: Transpose, _ layer: LayerGraph.Layer, _ graph: LayerGraph) throws {
        guard let input = graph.kernelShape(layer.inputs[0]), graph.kernelShape(layer.outputs[0]) != nil else { return nil }
        let inputStrides = input.strides
        var axes: [(size: Int, stride: Int)] = []
        let order = try transpose.order(rank: input.rank)
        keepsImages = order.first == 0
        for axis in order where input[axis] != 1 {
            if let last = axes.last, last.stride == inputStrides[axis] * input[axis] {
                axes[axes.count - 1] = (last.size * input[axis], inputStrides[axis])
            } else {
                axes.append((input[axis], inputStrides[axis]))
            }
        }
        if axes.isEmpty { axes = [(1, 1)] }
        sizes = axes.map(\.size)
        strides = axes.map(\.stride)
    }

    /// The order in which channels stand afterwards, if all it does to `[N, C, pixels…]` is to move whole channels of an image.
    func channelOrder(_ map: FeatureMap) -> [Int]? {
        var (sizes, strides) = (sizes, strides)
        // The pixels are the end of the last axis, which may hold whole channels too.
        guard let last = sizes.last, strides.last == 1, last % map.pixels == 0 else { return nil }
        sizes[sizes.count - 1] = last / map.pixels
        strides[strides.count - 1] = map.pixels
        if map.images > 1 {
            guard sizes[0] == map.images, strides[0] == map.channels * map.pixels else { return nil }
            (sizes, strides) = (Array(sizes.dropFirst()), Array(strides.dropFirst()))
        }
        var order = [0]
        for (size, stride) in zip(sizes, strides) {
            order = order.flatMap { start in (0..<size).map { start + $0 * (stride / map.pixels) } }
        }
        return order.count == map.channels ? order : nil
    }

    var algorithm: String { "transposition" }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? {
        // The images are the beginning of the first axis, which may hold others too.
        guard keepsImages, total > 1, sizes[0] % total == 0 else { return nil }
        var computation = self
        computation.sizes[0] = sizes[0] / total * count
        return computation
    }

    func layouts(_ inputs: [Layout]) -> LayoutChoice { .planar(inputs: inputs.count) }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        let parts = machine.parts(cost: output.shape.elementCount)
        if let columns = sizes.dropLast().last, strides.dropLast().last == 1 {
            return MatrixTransposeStep(
                sizes: sizes, strides: strides, kernels: machine.kernels, input: input, output: output,
                work: Partition(
                    images: sizes.dropLast(2).reduce(1, *), units: (columns + columnTile - 1) / columnTile, parts: parts))
        }
        return TransposeStep(
            sizes: sizes, strides: strides, input: input, output: output,
            work: Partition(count: sizes.dropLast().reduce(1, *), parts: parts))
    }
}

/// Columns of a matrix that a part of the work is made of.
private let columnTile = 16

/// Where the element of this number begins in the input, counted along the first of the output's axes.
private func start(_ number: Int, _ sizes: some BidirectionalCollection<Int>, _ strides: [Int]) -> Int {
    var (rest, start) = (number, 0)
    for (size, stride) in zip(sizes, strides).reversed() {
        start += rest % size * stride
        rest /= size
    }
    return start
}

/// Matrices whose columns lie side by side in the input, and their rows in the output: a channel of pixels and a pixel of channels.
private struct MatrixTransposeStep: Step {
    let sizes: [Int]
    let strides: [Int]
    let kernels: any KernelTable
    let input: Operand
    let output: Operand
    let work: Partition

    func run(_ execution: Execution) {
        let (source, target) = (execution.floats(input.place), execution.floats(output.place))
        let last = sizes.count - 1
        let (columns, rows) = (sizes[last - 1], sizes[last])
        execution.team.run(work) { matrix, tiles in
            kernels.transpose(
                input: source + start(matrix, sizes.dropLast(2), strides), inputRowStride: strides[last], rows: rows,
                output: target + matrix * columns * rows, outputRowStride: rows,
                columns: elements(ofTiles: tiles, size: columnTile, count: columns))
        }
    }
}

/// Any other order.
private struct TransposeStep: Step {
    let sizes: [Int]
    let strides: [Int]
    let input: Operand
    let output: Operand
    /// Runs along the output's last axis.
    let work: Partition

    func run(_ execution: Execution) {
        let (source, target) = (execution.floats(input.place), execution.floats(output.place))
        let last = sizes.count - 1
        let (count, step) = (sizes[last], strides[last])
        execution.team.run(work) { _, runs in
            for run in runs {
                let (from, to) = (source + start(run, sizes.dropLast(), strides), target + run * count)
                if step == 1 {
                    to.update(from: from, count: count)
                } else {
                    for index in 0..<count { to[index] = from[index * step] }
                }
            }
        }
    }
}
