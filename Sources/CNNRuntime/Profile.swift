import CNNTensors

/// What one step of a run took.
public struct StepTiming: Sendable, Hashable {
    /// The name of the step's node; of several that were fused, the one that computes most.
    public let node: String
    /// The operators that the step stands for, in order: for example `["Conv", "BatchNormalization", "Relu"]`; empty for a
    /// conversion between layouts.
    public let operators: [String]
    /// How it was computed, for example `direct blocked`.
    public let algorithm: String
    /// The shape of its first output; nil if only the run knows it.
    public let outputShape: Shape?
    /// Multiplications with an addition each; nil where not known.
    public let multiplyAdds: Int?
    /// The least bytes that the step must move: inputs, weights in the form that the algorithm reads, and outputs, each counted once,
    /// also those that are left out because they meet a 0; nil if only the run knows a size. What lies in a cache or is read several times makes the true traffic less or more.
    public let bytesMoved: Int?
    /// When it ran: once, or once for every group of images if the batch goes through the network group by group.
    public let intervals: [Interval]
    /// The pieces of work that were shared among threads; a step that is not computed by kernels has none.
    public let parts: [Part]

    /// Seconds from the start of the run to the first start of the step.
    public var start: Double { intervals.first?.start ?? 0 }
    /// Seconds that the step took, all groups of images together.
    public var seconds: Double { intervals.reduce(0) { $0 + $1.seconds } }

    /// A time during which a step ran.
    public struct Interval: Sendable, Hashable {
        /// Seconds from the start of the run.
        public let start: Double
        public let seconds: Double
    }

    /// A piece of work that one thread did.
    public struct Part: Sendable, Hashable {
        /// Which thread did it: 0 is the calling thread. It does all if the session's other threads are busy with another run.
        public let number: Int
        /// Seconds from the start of the run.
        public let start: Double
        public let seconds: Double
    }
}

/// What is known of a step before it runs.
struct StepDescription: Sendable {
    let node: String
    let operators: [String]
    let algorithm: String
    let outputShape: Shape?
    let multiplyAdds: Int?
    let bytesMoved: Int?

    init(_ layer: LayerGraph.Layer, _ graph: LayerGraph) {
        let isConversion = layer.computation is ReorderComputation
        node = layer.node.node.name
        operators = isConversion ? [] : [layer.node.node.operatorType] + layer.fused.map(\.node.operatorType)
        algorithm = layer.computation.algorithm
        outputShape = layer.outputs.first.flatMap { $0 }.flatMap { graph.values[$0].shape }
        multiplyAdds = isConversion ? 0 : layer.multiplyAdds
        bytesMoved = Self.bytesMoved(layer, graph)
    }

    private static func bytesMoved(_ layer: LayerGraph.Layer, _ graph: LayerGraph) -> Int? {
        if layer.computation is ViewComputation { return 0 }
        var total = layer.computation.constantBytes
        for value in Set(layer.inputs.compactMap { $0 }).sorted() + layer.outputs.compactMap({ $0 }) {
            let known = graph.values[value]
            guard let type = known.fact.dataType, let shape = known.shape, let bytes = try? Tensor.byteCount(type, shape)
            else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(bytes)
            if overflow { return nil }
            total = sum
        }
        return total
    }

    func timing(_ record: WorkLog.Record) -> StepTiming {
        StepTiming(
            node: node, operators: operators, algorithm: algorithm, outputShape: outputShape, multiplyAdds: multiplyAdds,
            bytesMoved: bytesMoved, intervals: record.intervals, parts: record.parts)
    }
}
