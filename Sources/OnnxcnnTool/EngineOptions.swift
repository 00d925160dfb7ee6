import ArgumentParser
import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors

/// What computes the model.
struct EngineOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Compute with the compiled runtime, or by the reference formulas in Double (slow).", valueName: "engine"))
    var engine: Engine = .runtime

    @Option(
        help: ArgumentHelp(
            "fast may reorder sums; strict sums in a fixed order: the same bits for any number of threads.", valueName: "mode"))
    var mode: SessionOptions.Mode = .fast

    @Option(help: ArgumentHelp("Force an instruction set that the processor has.", valueName: "name"))
    var isa: InstructionSet?

    @Option(
        help: ArgumentHelp(
            """
            many-runs prepares weights so that each run is fast, few-runs so that the first result is there soon (default: few-runs for \
            'run', else many-runs).
            """, valueName: "purpose"))
    var purpose: SessionOptions.Purpose?

    @Option(
        help: ArgumentHelp(
            "Refuse a model whose values between nodes take more than this in the compiled runtime: bytes, or with K, M, G.",
            valueName: "size"))
    var memoryLimit: ByteCount?

    enum Engine: String, ExpressibleByArgument, CaseIterable {
        case runtime, reference
    }

    /// The engine in words, for results that must say how they were computed.
    var label: String { engine == .runtime ? "\(mode.rawValue) runtime" : "reference evaluation" }

    /// - Parameter usual: the purpose if none is given.
    func sessionOptions(threads: Int?, usual: SessionOptions.Purpose = .manyRuns) -> SessionOptions {
        var options = SessionOptions(
            threads: threads ?? SessionOptions.processorCount, mode: mode, instructionSet: isa, purpose: purpose ?? usual)
        if let memoryLimit { options.memoryLimit = memoryLimit.bytes }
        return options
    }

    /// How many threads compute when `--threads` gives this number or none.
    func threads(_ threads: Int?) -> Int { threads ?? SessionOptions.processorCount }

    /// A function from inputs to outputs, both by name.
    func runner(
        for model: Model, threads: Int?, usual: SessionOptions.Purpose = .manyRuns
    ) throws -> Runner {
        switch engine {
        case .runtime: .runtime(try Session(model, options: sessionOptions(threads: threads, usual: usual)))
        case .reference:
            .reference(
                try ReferenceEvaluator(model, threads: threads ?? SessionOptions.processorCount))
        }
    }
}

/// A model made ready to run.
enum Runner: Sendable {
    case runtime(Session)
    case reference(ReferenceEvaluator)

    /// - Parameter keepingAll: whether to return every value that a node computes, not only the graph's outputs.
    func run(_ inputs: [String: Tensor], keepingAll: Bool = false) throws -> [String: Tensor] {
        switch self {
        case .runtime(let session): try session.run(inputs, keepingAll: keepingAll)
        case .reference(let evaluator): try evaluator.run(inputs, keepingAll: keepingAll)
        }
    }
}

extension SessionOptions.Mode: ExpressibleByArgument {}
extension SessionOptions.Purpose: ExpressibleByArgument {}
extension InstructionSet: ExpressibleByArgument {}
