import Synchronization

/// The threads of one run, and the log of what they do if the run is profiled.
struct Workers {
    let team: ThreadTeam
    let log: WorkLog?

    /// Does the parts of a job side by side: see `ThreadTeam.run`.
    func run(parts: Int, _ body: (_ worker: Int, _ part: Int) -> Void) {
        guard let log else { return team.run(parts: parts, body) }
        team.run(parts: parts) { worker, part in
            let start = log.now
            body(worker, part)
            log.add(StepTiming.Part(number: worker, start: start, seconds: log.now - start))
        }
    }

    /// Runs the step of that number, and logs when if the run is profiled.
    func logging(_ step: Int, _ body: () throws -> Void) rethrows {
        guard let log else { return try body() }
        let start = log.now
        try body()
        log.finishStep(step, start: start)
    }

    /// Does the parts of a partition side by side.
    func run(_ partition: Partition, _ body: (_ image: Int, _ units: Range<Int>) -> Void) {
        run(parts: partition.parts) { _, part in partition.forEach(in: part, body) }
    }
}

/// Which step and which thread worked when, in seconds since the start of a run.
final class WorkLog: Sendable {
    private let start = ContinuousClock.now
    /// Those of the step that runs.
    private let parts = Mutex<[StepTiming.Part]>([])
    private let records: Mutex<[Record]>

    /// What is known of a step after the run.
    struct Record {
        var intervals: [StepTiming.Interval] = []
        var parts: [StepTiming.Part] = []
    }

    init(stepCount: Int) {
        records = Mutex(Array(repeating: Record(), count: stepCount))
    }

    /// By number of the step.
    var steps: [Record] { records.withLock { $0 } }

    var now: Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    func add(_ part: StepTiming.Part) {
        parts.withLock { $0.append(part) }
    }

    /// Ends a step, which did the parts that were added since the one before it.
    func finishStep(_ step: Int, start: Double) {
        let interval = StepTiming.Interval(start: start, seconds: now - start)
        let parts = parts.withLock { parts in
            defer { parts.removeAll(keepingCapacity: true) }
            return parts
        }
        records.withLock { records in
            records[step].intervals.append(interval)
            records[step].parts += parts
        }
    }
}
