import CNNModels
import CNNOperators
import CNNTensors

extension Model {
    /// Bytes of all initializers.
    var weightBytes: Int { graph.initializers.reduce(0) { $0 + $1.tensor.byteCount } }
}

/// Makes plans of one model.
struct PlanCompiler: Sendable {
    let bound: BoundModel
    let options: SessionOptions
    let machine: Machine
    let library: WeightLibrary
    private let arenas = ArenaPool()
    /// How many images go together through layers that take them one by one; nil for what takes the least time.
    var imagesAtATime: Int?

    /// The largest input whose value may decide shapes: shapes, axes, sizes and scales are short.
    private static let valueInputLimit = ValueFact.elementLimit

    /// The inputs whose values, not only shapes, decide shapes within the graph (a shape for Reshape, a size for Resize):
    /// plans are made for their values.
    func valueInputs(for key: PlanKey, _ inferred: InferredModel) -> Set<String> {
        let open = bound.nodes.filter { node in
            node.node.outputs.contains { !$0.isEmpty && inferred.facts[$0]?.shape.concrete == nil }
        }
        guard !open.isEmpty else { return [] }
        var read = Set(open.flatMap(\.node.inputs))
        let needed = bound.nodesNeeded(for: read)
        for node in bound.nodes where needed.contains(node.index) { read.formUnion(node.node.inputs) }
        return Set(key.inputs.keys).intersection(read).filter { name in
            key.inputs[name].map { $0.shape.elementCount <= Self.valueInputLimit } ?? false
        }
    }

    /// What follows from the shapes, and the values, of the inputs.
    /// - Throws: `ModelError` if the shapes contradict an operator's rule.
    func infer(_ key: PlanKey) throws -> InferredModel { try bound.infer(inputs: key.facts) }

    /// - Throws: `EvaluationError` if a constant cannot be computed, `SessionError`.
    func compile(_ key: PlanKey, _ inferred: InferredModel) throws -> Plan {
        var graph = try LayerGraph(
            inferred, givenInputs: Set(key.inputs.keys), keepsAll: key.keepsAll, library: library,
            memoryLimit: options.memoryLimit)
        try LayerRecognition(machine: machine, library: library).recognize(&graph)
        if !key.keepsAll { try graph.fuse(machine) }
        if !key.keepsAll && machine.mode == .fast { graph.averageBeforeConvolutions(machine) }
        graph.multiplyWholeMaps(machine)
        if !key.keepsAll && options.purpose == .manyRuns { graph.skipZeros() }
        graph.chooseMethodsInCache(machine)
        if !key.keepsAll {
            graph.subsampleInputs()
            graph.groupImages(machine, imagesAtATime: imagesAtATime)
        }
        graph.limitPackedWeights(weightBytes: bound.model.weightBytes)
        if !key.keepsAll { graph.poolInConvolutions() }
        graph.assignLayouts()
        return try Plan(graph, machine, arenas: arenas, memoryLimit: options.memoryLimit)
    }
}
