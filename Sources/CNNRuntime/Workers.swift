import Synchronization

/// The threads of one run, and the log of what they do if the run is profiled.
struct Workers {
    let team: ThreadTeam
    let log: WorkLog?

    /// Does the parts of a job side by side: see `ThreadTeam.run`.
    func run(parts: Int, _ body: @escaping (Int) -> Void) {
        guard let log else { return team.run(parts: parts, body) }
        team.run(parts: parts) { part in
            let start = log.now
            body(part)
            log.add(StepTiming.Part(number: part, start: start, seconds: log.now - start))
        }
    }

    /// Does the parts of a partition side by side.
    func run(_ partition: Partition, _ body: @escaping (_ image: Int, _ units: Range<Int>) -> Void) {
        run(parts: partition.parts) { part in partition.forEach(in: part, body) }
    }
}

/// Which thread worked when, in seconds since the start of a run.
final class WorkLog: Sendable {
    private let start = ContinuousClock.now
    private let parts = Mutex<[StepTiming.Part]>([])

    var now: Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    func add(_ part: StepTiming.Part) {
        parts.withLock { $0.append(part) }
    }

    /// What was added since the last call.
    func takeParts() -> [StepTiming.Part] {
        parts.withLock { parts in
            defer { parts.removeAll(keepingCapacity: true) }
            return parts
        }
    }
}
