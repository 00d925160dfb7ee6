import CNNTensors

/// What one step of a run took.
public struct StepTiming: Sendable, Hashable {
    /// The name of the step's node; of several that were fused, the one that computes most.
    public let node: String
    /// The operators that the step stands for, in order: for example `["Conv", "BatchNormalization", "Relu"]`.
    public let operators: [String]
    /// How it was computed, for example `direct blocked`.
    public let algorithm: String
    /// The shape of its first output; nil if only the run knows it.
    public let outputShape: Shape?
    /// Multiplications with an addition each; nil where not known.
    public let multiplyAdds: Int?
    public let seconds: Double
}

/// What is known of a step before it runs.
struct StepDescription: Sendable {
    let node: String
    let operators: [String]
    let algorithm: String
    let outputShape: Shape?
    let multiplyAdds: Int?

    init(_ layer: LayerGraph.Layer, _ graph: LayerGraph) {
        let isConversion = layer.computation is ReorderComputation
        node = layer.node.node.name
        operators = isConversion ? [] : [layer.node.node.operatorType] + layer.fused.map(\.node.operatorType)
        algorithm = layer.computation.algorithm
        outputShape = layer.outputs.first.flatMap { $0 }.flatMap { graph.values[$0].shape }
        multiplyAdds = isConversion ? 0 : layer.multiplyAdds
    }

    func timing(_ duration: Duration) -> StepTiming {
        let (seconds, attoseconds) = duration.components
        return StepTiming(
            node: node, operators: operators, algorithm: algorithm, outputShape: outputShape, multiplyAdds: multiplyAdds,
            seconds: Double(seconds) + Double(attoseconds) * 1e-18)
    }
}
