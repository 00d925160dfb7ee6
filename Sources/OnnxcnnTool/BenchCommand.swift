import ArgumentParser
import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors
import CNNTextTables
import Foundation

/// Measures how long a model takes.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure latency and throughput, per layer with --profile.",
        discussion: """
            Without --input the model runs on seeded random numbers; a symbolic batch that --batch does not bind is 1. The first run, \
            which prepares the weights, is reported on its own.

            EXAMPLE:
              onnxcnn bench model.onnx --threads 2 --profile
            """)

    @OptionGroup var model: ModelArgument
    @OptionGroup var inputs: InputOptions
    @OptionGroup var engine: EngineOptions

    @Option(help: ArgumentHelp("Measure so many runs; by default as many as fit in two seconds, ten at least.", valueName: "n"))
    var runs: Int?

    @Option(help: ArgumentHelp("Run so many times before measuring.", valueName: "n"))
    var warmup = 3

    @Flag(help: "Add what each step of one further run took.")
    var profile = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if engine.engine == .reference { throw ValidationError("'bench' measures the compiled runtime only") }
        if let runs, runs < 1 { throw ValidationError("'--runs' must be 1 or more, but is \(runs)") }
        if warmup < 0 { throw ValidationError("'--warmup' must be 0 or more, but is \(warmup)") }
    }

    func run() throws {
        let console = common.console
        try reporting(to: console, file: model.model) {
            let source = try model.open()
            let bound = try source.bindingBatch(model.batch)
            let given = try inputs.files.isEmpty ? BenchInputs.random(for: bound.graph) : inputs.tensors(for: bound.graph)
            let session = try Session(bound, options: engine.sessionOptions(threads: common.threads))
            let measurement = try Measurement(session, given, warmup: warmup, runs: runs)
            let steps = try profile ? session.profile(given).steps : []
            report(measurement, steps, session, source, given, to: console)
        }
    }

    // MARK: - Report

    private func report(
        _ measurement: Measurement, _ steps: [StepTiming], _ session: Session, _ source: ModelSource,
        _ given: [String: Tensor], to console: Console
    ) {
        let options = session.options
        let images = given.values.compactMap { $0.shape.rank > 0 ? $0.shape[0] : nil }.max() ?? 1
        let perSecond = Double(images) / measurement.median * 1e3
        let isa = (options.instructionSet ?? InstructionSet.available.first)?.rawValue ?? "unknown"
        console.result(
            "\(source.path): \(engine.label), \(isa), \(options.threads) thread\(options.threads == 1 ? "" : "s"), batch \(images)"
        )
        console.result(
            "median \(Self.text(measurement.median)) ms, min \(Self.text(measurement.minimum)), 90 % within "
                + "\(Self.text(measurement.percentile90)) (\(measurement.milliseconds.count) runs); first run "
                + "\(Self.text(measurement.first)); \(Self.text(perSecond)) images/s")
        if profile { for line in table(steps).lines(width: console.width) { console.result(line) } }
        console.result(
            json: [
                JSON.Member("command", .string("bench")), JSON.Member("path", .string(source.path)),
                JSON.Member("engine", .string(engine.label)), JSON.Member("isa", .string(isa)),
                JSON.Member("threads", .integer(options.threads)), JSON.Member("batch", .integer(images)),
                JSON.Member("runs", .integer(measurement.milliseconds.count)),
                JSON.Member(
                    "latency_ms",
                    .object([
                        JSON.Member("min", .number(measurement.minimum)), JSON.Member("median", .number(measurement.median)),
                        JSON.Member("p90", .number(measurement.percentile90)),
                    ])),
                JSON.Member("first_run_ms", .number(measurement.first)),
                JSON.Member("images_per_second", .number(perSecond)),
            ] + (profile ? [JSON.Member("profile", .array(steps.map(Self.json)))] : []))
    }

    private func table(_ steps: [StepTiming]) -> TextTable {
        var table = TextTable([
            .text("Node"), .text("Operators"), .fixed("Algorithm"), .fixed("Output"), .number("ms"), .number("%"),
            .number("GFLOP/s"),
        ])
        let total = steps.reduce(0) { $0 + $1.seconds }
        for step in steps {
            table.append([
                step.node, step.operators.joined(separator: " "), step.algorithm, step.outputShape?.description ?? "?",
                Self.text(step.seconds * 1e3), String(format: "%.1f", step.seconds / max(total, .leastNormalMagnitude) * 100),
                Self.gigaflops(step).map { String(format: "%.1f", $0) } ?? "",
            ])
        }
        return table
    }

    /// A multiplication and an addition are two operations.
    private static func gigaflops(_ step: StepTiming) -> Double? {
        guard let multiplyAdds = step.multiplyAdds, multiplyAdds > 0, step.seconds > 0 else { return nil }
        return 2 * Double(multiplyAdds) / step.seconds * 1e-9
    }

    private static func text(_ number: Double) -> String {
        String(format: number < 10 ? "%.3f" : number < 1000 ? "%.2f" : "%.0f", number)
    }

    private static func json(_ step: StepTiming) -> JSON {
        .object([
            JSON.Member("node", .string(step.node)), JSON.Member("operators", .array(step.operators.map { .string($0) })),
            JSON.Member("algorithm", .string(step.algorithm)),
            JSON.Member("shape", step.outputShape.map { .array($0.dimensions.map { .integer($0) }) } ?? .null),
            JSON.Member("ms", .number(step.seconds * 1e3)),
            JSON.Member("multiply_adds", step.multiplyAdds.map { .integer($0) } ?? .null),
            JSON.Member("gflops", gigaflops(step).map { .number($0) } ?? .null),
        ])
    }
}

/// Times of repeated runs, in milliseconds.
private struct Measurement {
    /// The first run, which compiles the plan and packs the weights.
    let first: Double
    /// The measured runs, ascending.
    let milliseconds: [Double]

    var minimum: Double { milliseconds[0] }
    var median: Double { (milliseconds[(milliseconds.count - 1) / 2] + milliseconds[milliseconds.count / 2]) / 2 }
    /// Nine in ten runs took no longer (the nearest rank).
    var percentile90: Double { milliseconds[(milliseconds.count * 9 + 9) / 10 - 1] }

    init(_ session: Session, _ inputs: [String: Tensor], warmup: Int, runs: Int?) throws {
        func time() throws -> Double {
            let duration = try ContinuousClock().measure { _ = try session.run(inputs) }
            return Double(duration.components.seconds) * 1e3 + Double(duration.components.attoseconds) * 1e-15
        }
        first = try time()
        for _ in 0..<warmup { _ = try time() }
        var times: [Double] = []
        var total = 0.0
        while runs.map({ times.count < $0 }) ?? (times.count < 10 || total < 2000) {
            let milliseconds = try time()
            times.append(milliseconds)
            total += milliseconds
        }
        milliseconds = times.sorted()
    }
}

/// Inputs for a model whose user gave none.
private enum BenchInputs {
    /// Random numbers of the declared sizes, the same in every run: uniform between −1 and 1 for float32, zeros for other types.
    /// - Throws: `ToolError` for an input whose sizes are not all known; a symbolic first axis counts as 1.
    static func random(for graph: Graph) throws -> [String: Tensor] {
        var generator = SeededGenerator(state: 1)
        return try Dictionary(
            graph.requiredInputs.map { input in
                let declared = SymbolicShape(declared: input.type?.tensorShape).dimensions
                let sizes = declared?.enumerated().compactMap { axis, size in size?.value ?? (axis == 0 ? 1 : nil) }
                guard let sizes, sizes.count == declared?.count, let type = input.type?.tensorDataType else {
                    throw ToolError(
                        "the sizes of input '\(input.name)' are not known", hint: "give an array with '--input FILE'")
                }
                return (input.name, try tensor(type, EvaluationLimit.shape(sizes, of: type), &generator))
            }, uniquingKeysWith: { first, _ in first })
    }

    private static func tensor(_ type: DataType, _ shape: Shape, _ generator: inout SeededGenerator) throws -> Tensor {
        guard type == .float32 else {
            return try Tensor(dataType: type, shape: shape) { bytes in
                for index in bytes.indices { bytes[index] = 0 }
            }
        }
        return try Tensor(
            (0..<shape.elementCount).map { _ in Float.random(in: -1...1, using: &generator) }, shape: shape)
    }

    /// SplitMix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
    private struct SeededGenerator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }
    }
}
