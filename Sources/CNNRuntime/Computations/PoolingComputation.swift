import CNNKernelTable
import CNNOperators
import CNNTensors

/// MaxPool (without indices) and AveragePool.
struct PoolingComputation: Computation {
    let kind: Kind
    let window: KernelWindow

    enum Kind: Sendable {
        case maximum
        case average(countsPadding: Bool)
    }

    init(_ kind: Kind, _ window: KernelWindow) {
        self.kind = kind
        self.window = window
    }

    /// The pooling of a layer; nil if kernels do not take it.
    init?(
        _ kind: Kind, _ geometry: CNNOperators.WindowGeometry, _ layer: LayerGraph.Layer, _ graph: LayerGraph
    ) throws {
        guard layer.outputs.dropFirst().allSatisfy({ $0 == nil }), let input = graph.kernelShape(layer.inputs[0]),
            let output = graph.kernelShape(layer.outputs[0]),
            let window = try KernelWindow(geometry, input: input, output: output), window.isAlwaysInsideMap
        else { return nil }
        self.kind = kind
        self.window = window
    }

    var algorithm: String { "pooling" }
    var allowsGapsBetweenImages: Bool { true }

    func forImages(_ count: Int, of total: Int) -> (any Computation)? { self }

    func layouts(_ inputs: [Layout]) -> LayoutChoice {
        // Blocked kernels know planes only.
        let isPlane = window.input.depth == 1 && window.output.depth == 1 && window.kernel.depth == 1
        let layout = isPlane ? inputs[0] : .planar
        return LayoutChoice(inputs: [layout], output: layout)
    }

    func makeStep(_ layer: PlacedLayer, _ machine: Machine) throws -> any Step {
        let (input, output) = (try layer.input(0), try layer.output())
        let kernels = machine.kernels
        let isBlocked = output.layout == .blocked
        let channels = isBlocked ? kernels.channelBlocks(output.map.channels) : output.map.channels
        let parts = machine.parts(cost: output.shape.elementCount * min(window.kernel.count, 1 << 20))
        let images = output.map.images
        // A row is the smallest piece of a blocked map, a channel that of a planar one. Neighbouring rows read some of the same input,
        // channels never.
        let grid = Grid(
            rows: channels, columns: isBlocked ? window.output.height : 1, parts: Partition.partsPerImage(parts, images),
            rowData: 1, columnData: 0)
        return PoolingStep(
            kind: kind, window: window, kernels: kernels, input: input, output: output, grid: grid,
            work: Partition(images: images, units: grid.count, parts: parts))
    }
}

extension KernelWindow {
    /// Whether every window meets the map: one that lies in the padding altogether is left to the operator's own formula.
    var isAlwaysInsideMap: Bool {
        Self.meetsMap(input.depth, output.depth, kernel.depth, stride.depth, dilation.depth, padBegin.depth)
            && Self.meetsMap(input.height, output.height, kernel.height, stride.height, dilation.height, padBegin.height)
            && Self.meetsMap(input.width, output.width, kernel.width, stride.width, dilation.width, padBegin.width)
    }

    private static func meetsMap(
        _ input: Int, _ output: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ padBegin: Int
    ) -> Bool {
        (0..<output).allSatisfy { window in
            let start = window * stride - padBegin
            // The first tap at 0 or behind.
            let tap = start >= 0 ? 0 : (-start + dilation - 1) / dilation
            return tap < kernel && start + tap * dilation < input
        }
    }
}

private struct PoolingStep: Step {
    let kind: PoolingComputation.Kind
    let window: KernelWindow
    let kernels: any KernelTable
    let input: Operand
    let output: Operand
    let grid: Grid
    let work: Partition

    func run(_ execution: Execution) {
        let (source, target) = (execution.floats(input.place), execution.floats(output.place))
        let width = output.layout == .blocked ? kernels.channelBlock : 1
        let (inputStride, outputStride) = (input.map.pixels * width, output.map.pixels * width)
        execution.team.run(work) { image, rectangles in
            let from = UnsafePointer(source + image * input.place.imageStride)
            let to = target + image * output.place.imageStride
            grid.forEachRectangle(rectangles) { channels, rows in
                switch (kind, output.layout) {
                case (.maximum, .blocked):
                    kernels.maxPoolBlocked(
                        window, input: from, inputStride: inputStride, output: to, outputStride: outputStride,
                        blocks: channels, rows: rows)
                case (.maximum, .planar):
                    kernels.maxPoolPlanar(
                        window, input: from, inputStride: inputStride, output: to, outputStride: outputStride,
                        channels: channels)
                case (.average(let countsPadding), .blocked):
                    kernels.averagePoolBlocked(
                        window, countPadding: countsPadding, input: from, inputStride: inputStride, output: to,
                        outputStride: outputStride, blocks: channels, rows: rows)
                case (.average(let countsPadding), .planar):
                    kernels.averagePoolPlanar(
                        window, countPadding: countsPadding, input: from, inputStride: inputStride, output: to,
                        outputStride: outputStride, channels: channels)
                }
            }
        }
    }
}
