import CNNTensors

/// Layers of a plan that run one after the other for the same images: for all of the batch at once, or for a group of them before the
/// next group's turn, so that what they hand on stays in the cache.
struct Stage: Sendable {
    /// By number in the plan.
    private let layers: Range<Int>
    /// The first image and the steps of each group.
    private let rounds: [Round]

    private struct Round {
        let firstImage: Int
        let steps: [any Step]
    }

    init(
        _ layers: Range<Int>, _ group: LayerGraph.ImageGroup?, _ graph: LayerGraph, _ placement: Placement, _ machine: Machine
    ) throws {
        self.layers = layers
        func steps(_ computation: (LayerGraph.Layer) -> any Computation, images: Int?) throws -> [any Step] {
            try layers.map { index in
                let layer = graph.layers[index]
                let placed = PlacedLayer(
                    layer: layer, inputs: layer.inputs.map { $0.flatMap { placement.operand($0, in: graph, images: images) } },
                    outputs: layer.outputs.map { $0.flatMap { placement.operand($0, in: graph, images: images) } },
                    scratch: placement.scratch[index])
                return try computation(layer).makeStep(placed, machine)
            }
        }
        let wholeSteps = try steps(\.computation, images: group?.size)
        guard let group else {
            rounds = [Round(firstImage: 0, steps: wholeSteps)]
            return
        }
        var rounds = stride(from: 0, through: group.total - group.size, by: group.size).map {
            Round(firstImage: $0, steps: wholeSteps)
        }
        if group.rest > 0 {
            rounds.append(
                Round(firstImage: group.total - group.rest, steps: try steps(\.restComputation, images: group.rest)))
        }
        self.rounds = rounds
    }

    /// - Parameter releases: by layer: tensors that nobody reads any more after it.
    func run(_ execution: Execution, releasing releases: [[Int]]) throws {
        for number in rounds.indices {
            execution.firstImage = rounds[number].firstImage
            // Where they lie: an iterator would copy each step, with all that it holds, which takes as long as a small step itself.
            try rounds[number].steps.withUnsafeBufferPointer { steps in
                for index in steps.indices {
                    let layer = layers.lowerBound + index
                    try execution.team.logging(layer) { try steps[index].run(execution) }
                    if number == rounds.count - 1 { for value in releases[layer] { execution.release(value) } }
                }
            }
        }
        execution.firstImage = 0
    }
}

extension Placement {
    /// A value as steps see it that take so many images at a time; nil if only the run knows its size.
    func operand(_ value: Int, in graph: LayerGraph, images: Int? = nil) -> Operand? {
        let known = graph.values[value]
        guard let whole = known.shape, let place = places[value] else { return nil }
        guard let shape = images.map({ whole.forImages($0) }) ?? whole else { return nil }
        return Operand(
            value: value, name: known.name, shape: shape, map: FeatureMap(shape), layout: known.layout, place: place)
    }
}
