import CNNRuntime
import CNNTensors
import CNNTextTables

/// What each step of a model takes: the medians of several profiled runs, as a table, as JSON, and as a trace of one run.
struct ProfileReport {
    /// A step, with its time in the median of the runs.
    struct Step {
        let timing: StepTiming
        let seconds: Double
        /// Of the sum over all steps, from 0 to 1.
        let share: Double

        /// Float32 operations a second, a multiplication and an addition being two; nil where they are not counted. Counted are
        /// those of the operator's formula: Winograd's algorithm, which needs fewer, may seem to pass the machine's peak.
        var operationsPerSecond: Double? {
            guard let multiplyAdds = timing.multiplyAdds, multiplyAdds > 0, seconds > 0 else { return nil }
            return 2 * Double(multiplyAdds) / seconds
        }
    }

    let steps: [Step]
    let runs: Int
    /// What the session's threads can do at most, measured in this process, in float32 operations a second.
    let peakOperationsPerSecond: Double
    /// The steps of the run whose total is the median: its times belong together, as those of different runs do not.
    private let typicalRun: [StepTiming]

    /// Profiles runs after others have warmed the session up: ten, more of a small model while they fit in a fifth of a second, and
    /// fewer, three at least, of one that takes longer than two seconds for ten.
    /// - Throws: as `Session.run`.
    init(_ session: Session, _ inputs: [String: Tensor]) throws {
        var profiles: [[StepTiming]] = []
        var total = 0.0
        while profiles.count < 3 || profiles.count < 10 && total < 2000 || profiles.count < 200 && total < 200 {
            let (profile, milliseconds) = try Measurement.timed {
                // A plain run before each finds the threads awake, as they are in a plain run after another.
                _ = try session.run(inputs)
                return try session.profile(inputs).steps
            }
            profiles.append(profile)
            total += milliseconds
        }
        profiles.sort { Self.seconds($0) < Self.seconds($1) }
        let typicalRun = profiles[profiles.count / 2]
        let medians = typicalRun.indices.map { index in profiles.map { $0[index].seconds }.sorted().sortedMedian }
        let sum = max(medians.reduce(0, +), .leastNormalMagnitude)
        steps = zip(typicalRun, medians).map { Step(timing: $0, seconds: $1, share: $1 / sum) }
        runs = profiles.count
        peakOperationsPerSecond = session.measurePeak()
        self.typicalRun = typicalRun
    }

    private static func seconds(_ steps: [StepTiming]) -> Double { steps.reduce(0) { $0 + $1.seconds } }

    // MARK: - Text

    /// The table and a line on how to read it.
    func lines(width: Int?) -> [String] {
        var table = TextTable([
            .text("Node"), .text("Operators"), .fixed("Algorithm"), .fixed("Output").droppable(1), .number("ms"), .number("%"),
            .number("GFLOP/s"), .number("% of peak"), .number("Moved").droppable(3), .number("GB/s").droppable(2),
        ])
        for step in steps {
            let timing = step.timing
            table.append([
                timing.node, timing.operators.isEmpty ? "(layout)" : timing.operators.joined(separator: " "), timing.algorithm,
                timing.outputShape?.description ?? "?", NumberText.fixed(step.seconds * 1e3, digits: 3),
                NumberText.fixed(step.share * 100, digits: 1),
                step.operationsPerSecond.map { NumberText.fixed($0 * 1e-9, digits: 1) } ?? "",
                step.operationsPerSecond.map { NumberText.fixed($0 / peakOperationsPerSecond * 100, digits: 1) } ?? "",
                timing.bytesMoved.map { NumberText.bytes($0) } ?? "?",
                bytesPerSecond(step).map { NumberText.fixed($0 * 1e-9, digits: 1) } ?? "",
            ])
        }
        return table.lines(width: width) + [
            "medians of \(runs) profiled runs; peak \(NumberText.fixed(peakOperationsPerSecond * 1e-9, digits: 1)) GFLOP/s, measured; "
                + "operations are counted as the operator's formula has them; moved: inputs, weights and outputs once"
        ]
    }

    private func bytesPerSecond(_ step: Step) -> Double? {
        guard let bytes = step.timing.bytesMoved, bytes > 0, step.seconds > 0 else { return nil }
        return Double(bytes) / step.seconds
    }

    // MARK: - JSON

    /// The steps, for the member `profile`.
    var json: JSON {
        .array(
            steps.map { step in
                .object(
                    Self.facts(step.timing) + [
                        JSON.Member("ms", .number(step.seconds * 1e3)), JSON.Member("share", .number(step.share)),
                        JSON.Member("gflops", step.operationsPerSecond.map { .number($0 * 1e-9) } ?? .null),
                        JSON.Member(
                            "percent_of_peak",
                            step.operationsPerSecond.map { .number($0 / peakOperationsPerSecond * 100) } ?? .null),
                    ])
            })
    }

    /// What is known of a step whatever it took.
    private static func facts(_ step: StepTiming) -> [JSON.Member] {
        [
            JSON.Member("node", .string(step.node)), JSON.Member("operators", .array(step.operators.map { .string($0) })),
            JSON.Member("algorithm", .string(step.algorithm)),
            JSON.Member("shape", step.outputShape.map { .array($0.dimensions.map { .integer($0) }) } ?? .null),
            JSON.Member("multiply_adds", step.multiplyAdds.map { .integer($0) } ?? .null),
            JSON.Member("bytes_moved", step.bytesMoved.map { .integer($0) } ?? .null),
        ]
    }

    // MARK: - Trace

    /// One run in the Trace Event Format, which Perfetto and `chrome://tracing` show: a row of the steps, and a row for each thread
    /// with its parts of them (complete events, "ph": "X", in microseconds; N. Duca, D. Sinclair, *Trace Event Format*, 2016).
    func trace(title: String) -> JSON {
        func name(_ row: Int, _ text: String) -> JSON {
            .object([
                JSON.Member("ph", .string("M")), JSON.Member("name", .string("thread_name")), JSON.Member("pid", .integer(1)),
                JSON.Member("tid", .integer(row)), JSON.Member("args", .object([JSON.Member("name", .string(text))])),
            ])
        }
        func event(_ step: StepTiming, row: Int, start: Double, seconds: Double) -> JSON {
            .object([
                JSON.Member("ph", .string("X")), JSON.Member("name", .string(step.node.isEmpty ? step.algorithm : step.node)),
                JSON.Member("cat", .string(step.operators.first ?? "layout")), JSON.Member("pid", .integer(1)),
                JSON.Member("tid", .integer(row)), JSON.Member("ts", .number(start * 1e6)),
                JSON.Member("dur", .number(seconds * 1e6)), JSON.Member("args", .object(Self.facts(step))),
            ])
        }
        let rows = Set(typicalRun.flatMap { $0.parts.map(\.number) }).sorted()
        let names = [name(0, "steps")] + rows.map { name($0 + 1, "thread \($0)") }
        let events = typicalRun.flatMap { step in
            step.intervals.map { event(step, row: 0, start: $0.start, seconds: $0.seconds) }
                + step.parts.map { event(step, row: $0.number + 1, start: $0.start, seconds: $0.seconds) }
        }
        return .object([
            JSON.Member("traceEvents", .array(names + events)), JSON.Member("displayTimeUnit", .string("ms")),
            JSON.Member("otherData", .object([JSON.Member("model", .string(title))])),
        ])
    }
}
