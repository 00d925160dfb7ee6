import CNNModels
import CNNOperators
import CNNTensors

/// A model ready to run. It compiles a plan for the input shapes of the first run, keeps the plans of the shapes it has met,
/// and may be used from many tasks at once.
///
///     let session = try Session(model)
///     let outputs = try session.run(["input": image])
public final class Session: Sendable {
    /// The model that runs.
    public var model: Model { compiler.bound.model }
    public var options: SessionOptions { compiler.options }
    /// The instruction set of the kernels that the session computes with.
    public var instructionSet: InstructionSet { InstructionSet(rawValue: compiler.machine.kernels.name) ?? .baseline }
    private let compiler: PlanCompiler
    private let plans = PlanCache(capacity: 16)
    private let team: ThreadTeam

    /// - Throws: `ModelError` with everything that is wrong with the model, `SessionError` for options that are not possible.
    public convenience init(_ model: Model, options: SessionOptions = SessionOptions()) throws {
        try self.init(model, options: options, imagesAtATime: nil)
    }

    /// - Parameter imagesAtATime: see `PlanCompiler`.
    init(_ model: Model, options: SessionOptions, imagesAtATime: Int?) throws {
        guard 1...SessionOptions.threadLimit ~= options.threads else {
            throw SessionError.invalidThreadCount(options.threads)
        }
        let bound = try BoundModel(model)
        let machine = Machine(kernels: try options.kernels(for: bound), threads: options.threads, mode: options.mode)
        team = try ThreadTeam(size: options.threads)
        compiler = PlanCompiler(
            bound: bound, options: options, machine: machine, library: WeightLibrary(team: team), imagesAtATime: imagesAtATime)
    }

    /// Runs the model.
    /// - Parameters:
    ///   - inputs: a tensor for every required input, by name.
    ///   - keepingAll: whether to return the outputs of every node, not only the graph's. Such a run fuses no nodes.
    /// - Returns: the values by name.
    /// - Throws: `InputError`, `ModelError` where the given shapes or values break an operator's rule, `EvaluationError`
    ///   where a node fails, `SessionError`.
    public func run(_ inputs: [String: Tensor], keepingAll: Bool = false) throws -> [String: Tensor] {
        var timings: [StepTiming]?
        return try run(inputs, keepingAll: keepingAll, timings: &timings)
    }

    /// Runs the model and measures every step.
    /// - Returns: the graph's outputs by name, and the steps in the order in which they ran.
    /// - Throws: as `run`.
    public func profile(_ inputs: [String: Tensor]) throws -> (outputs: [String: Tensor], steps: [StepTiming]) {
        var timings: [StepTiming]? = []
        let outputs = try run(inputs, keepingAll: false, timings: &timings)
        return (outputs, timings ?? [])
    }

    /// The memory that running the model takes, for inputs of these shapes.
    /// - Throws: as `run`, where the plan for these inputs cannot be made.
    public func memory(for inputs: [String: Tensor]) throws -> MemoryUse {
        let plan = try plan(for: inputs, keepingAll: false)
        return MemoryUse(
            weightBytes: model.weightBytes, activationBytes: plan.byteCount,
            activationLowerBound: plan.lowerBound, packedBytes: compiler.library.byteCount)
    }

    /// Measures the most float32 operations a second, a multiplication and an addition being two, that this session's threads can do
    /// with its instruction set: arithmetic in registers alone. Takes some ten milliseconds.
    package func measurePeak() -> Double {
        MachinePeak.operationsPerSecond(compiler.machine.kernels, on: team)
    }

    private func run(
        _ inputs: [String: Tensor], keepingAll: Bool, timings: inout [StepTiming]?
    ) throws -> [String: Tensor] {
        try plan(for: inputs, keepingAll: keepingAll).run(inputs, on: team, timings: &timings)
    }

    private func plan(for inputs: [String: Tensor], keepingAll: Bool) throws -> Plan {
        if let plan = plans.latest(for: inputs, keepsAll: keepingAll) { return plan }
        try model.graph.checkInputs(inputs)
        // Inference is half of the work: what it found for the shapes alone holds on where no value decides any.
        var known: (key: PlanKey, model: InferredModel)?
        return try plans.plan(
            for: inputs, keepsAll: keepingAll,
            valueInputs: { key in
                let model = try compiler.infer(key)
                known = (key, model)
                return compiler.valueInputs(for: key, model)
            },
            compile: { key in
                let model = try known.flatMap { $0.key == key ? $0.model : nil } ?? compiler.infer(key)
                return try compiler.compile(key, model)
            })
    }
}
