import ArgumentParser
import CNNRuntime
import CNNTensors
import CNNTextTables

/// Measures how long a model takes.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure latency, throughput and memory, per layer with --profile.",
        discussion: """
            Without --input the model runs on seeded random numbers; a symbolic batch that --batch does not bind is 1. Opening the \
            model, compiling it for the inputs' sizes, and the first run are reported on their own.

            EXAMPLE:
              onnxcnn bench model.onnx --threads 2 --profile --trace trace.json
            """)

    @OptionGroup var model: ModelArgument
    @OptionGroup var inputs: InputOptions
    @OptionGroup var engine: EngineOptions

    @Option(help: ArgumentHelp("Measure so many runs; by default as many as fit in two seconds, ten at least.", valueName: "n"))
    var runs: Int?

    @Option(help: ArgumentHelp("Run so many times before measuring.", valueName: "n"))
    var warmup = 3

    @Flag(help: "Add what each step takes: the medians of up to ten further runs.")
    var profile = false

    @Option(
        help: ArgumentHelp(
            "Write the steps of a run, thread by thread, for Perfetto or chrome://tracing.", valueName: "file.json"))
    var trace: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if engine.engine == .reference { throw ValidationError("'bench' measures the compiled runtime only") }
        if let runs, runs < 1 { throw ValidationError("'--runs' must be 1 or more, but is \(runs)") }
        if warmup < 0 { throw ValidationError("'--warmup' must be 0 or more, but is \(warmup)") }
        try CommonOptions.validate(trace, besideResultsBy: "--trace")
    }

    func run() throws {
        let console = common.console
        try reporting(to: console, file: model.model) {
            let (opened, loading) = try Measurement.timed {
                let source = try model.open()
                let bound = try source.bindingBatch(model.binding)
                let options = engine.sessionOptions(threads: common.threads)
                return (source: source, session: try Session(bound, options: options))
            }
            let session = opened.session
            let graph = session.model.graph
            let given = try inputs.files.isEmpty ? BenchInputs.random(for: graph) : inputs.tensors(for: graph)
            // The memory of a run is known from its plan: asking for it compiles.
            let compiling = try Measurement.timed { try session.memory(for: given) }.milliseconds
            let measurement = try Measurement(session, given, warmup: warmup, runs: runs)
            // Before profiling, whose records are no part of a plain run.
            let memory = Memory(use: try session.memory(for: given), peakResidentBytes: MemoryUse.peakResidentBytes)
            let profiled = try profile || trace != nil ? ProfileReport(session, given) : nil
            let report = Report(
                path: opened.source.path, engine: engine.label, options: session.options,
                instructionSet: session.instructionSet, loading: loading, compiling: compiling,
                images: given.values.compactMap { $0.shape.rank > 0 ? $0.shape[0] : nil }.max() ?? 1,
                measurement: measurement, memory: memory, profile: profile ? profiled : nil)
            for line in report.lines(width: console.width) { try console.result(line) }
            if let trace, let profiled {
                try AtomicFile.write(Array(profiled.trace(title: opened.source.path).text().utf8), to: trace)
                try console.result("wrote \(trace)")
            }
            try console.result(json: report.json)
        }
    }
}
