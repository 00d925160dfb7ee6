import CNNModels
import CNNOperators
import CNNTensors

/// The lowered form of a model for one set of concrete input shapes: steps in order, and where their values lie.
final class Plan: Sendable {
    private let stages: [Stage]
    private let descriptions: [StepDescription]
    private let placement: Placement
    private let arenas: ArenaPool
    /// By value number: constants.
    private let constants: [Tensor?]
    private let inputs: [(name: String, value: Int)]
    private let outputs: [Output]

    /// A value that the caller gets.
    private struct Output {
        let name: String
        let value: Int
        /// Nil for a value of a size that only the run knows.
        let operand: Operand?
    }

    /// Bytes that one run takes for the values between nodes and for scratch memory.
    var byteCount: Int { placement.byteCount }
    /// Bytes of the largest set of values that are in use during one step.
    var lowerBound: Int { placement.lowerBound }

    /// - Throws: `SessionError` if the values take more memory than `limit`.
    init(_ graph: LayerGraph, _ machine: Machine, arenas: ArenaPool, memoryLimit limit: Int) throws {
        let placement = try Placement(graph, machine, limit: limit)
        self.placement = placement
        self.arenas = arenas
        stages = try graph.stages.map { try Stage($0.layers, $0.group, graph, placement, machine) }
        descriptions = graph.layers.map { StepDescription($0, graph) }
        // Of the constants, most have gone into steps in another form.
        constants = try zip(graph.values, graph.useCounts()).map { value, uses in
            uses > 0 ? try value.constant?.alignedForKernels() : nil
        }
        inputs = graph.inputs
        outputs = graph.outputs.map { Output(name: $0.name, value: $0.value, operand: placement.operand($0.value, in: graph)) }
    }

    /// Computes the outputs.
    /// - Parameters:
    ///   - tensors: a tensor for every input of the plan.
    ///   - timings: if not nil, what each step took is appended.
    func run(
        _ tensors: [String: Tensor], on team: ThreadTeam, timings: inout [StepTiming]?
    ) throws -> [String: Tensor] {
        let arena = arenas.take(placement.byteCount)
        defer { arenas.give(arena) }
        let log = timings.map { _ in WorkLog(stepCount: descriptions.count) }
        let execution = Execution(constants: constants, arena: arena, team: Workers(team: team, log: log))
        for input in inputs {
            if let tensor = tensors[input.name] { try execution.set(tensor, for: input.value) }
        }
        for stage in stages { try stage.run(execution, releasing: placement.releases) }
        if let log { timings?.append(contentsOf: zip(descriptions, log.steps).map { $0.timing($1) }) }
        var results: [String: Tensor] = [:]
        for output in outputs {
            results[output.name] = try output.operand.map(execution.tensor) ?? execution.tensor(output.value)
        }
        return results
    }
}
