import CCPUFeatures
import Synchronization

/// Threads that do the parts of one job at a time together with the caller. Between jobs they spin for some microseconds, since the
/// next step of a plan usually follows at once, then sleep. Dropping the team ends its threads.
final class ThreadTeam: Sendable {
    /// How many parts are done at once: the threads and the caller.
    let size: Int
    private let state: State
    private let threads: [SystemThread]

    /// - Throws: `SessionError.threadCreationFailed`.
    init(size: Int) throws(SessionError) {
        self.size = size
        let state = State()
        self.state = state
        var threads: [SystemThread] = []
        for index in 1..<max(size, 1) {
            do {
                threads.append(try SystemThread { state.work(as: index) })
            } catch {
                state.stop()
                for thread in threads { thread.join() }
                throw error
            }
        }
        self.threads = threads
    }

    deinit {
        state.stop()
        for thread in threads { thread.join() }
    }

    /// Calls `body` with each number below `parts`, at most `size` of them, side by side, and returns when all are done. If the team is
    /// busy with another run's job, the caller does all the parts itself. (`body` escapes only in that a thread may let go of it a
    /// moment after its part is done.)
    func run(parts: Int, _ body: @escaping (Int) -> Void) {
        guard parts > 1, parts <= size, state.begin() else {
            for part in 0..<parts { body(part) }
            return
        }
        defer { state.end() }
        state.run(Job(body: body, parts: parts))
    }

    private struct Job {
        let body: (Int) -> Void
        let parts: Int
    }

    /// What the threads share. Unchecked, since `job` is written by the caller alone while no thread works, and read only by
    /// threads that the caller waits for: between the store of `signal` (which publishes it) and their decrement of `pending`.
    private final class State: @unchecked Sendable {
        /// The number of the job and how many parts it has: `number << partBits | parts`. One word, so that a thread that has
        /// no part in a job never looks at it.
        private let signal = Atomic<Int>(0)
        private let pending = Atomic<Int>(0)
        private let sleepers = Atomic<Int>(0)
        private let callerSleeps = Atomic<Bool>(false)
        private let isBusy = Atomic<Bool>(false)
        private let isStopping = Atomic<Bool>(false)
        private let started = Monitor()
        private let finished = Monitor()
        private var job: Job?

        private static let partBits = 16

        func begin() -> Bool {
            isBusy.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        }

        func end() {
            isBusy.store(false, ordering: .releasing)
        }

        func run(_ job: Job) {
            self.job = job
            pending.store(job.parts - 1, ordering: .relaxed)
            announce(parts: job.parts)
            job.body(0)
            if !spin(until: { pending.load(ordering: .acquiring) == 0 }) {
                // The same pairing as in `announce`, the other way round.
                callerSleeps.store(true, ordering: .sequentiallyConsistent)
                finished.wait { pending.load(ordering: .sequentiallyConsistent) != 0 }
                callerSleeps.store(false, ordering: .sequentiallyConsistent)
            }
            self.job = nil
        }

        /// Tells the threads of a new job. Sequentially consistent against `sleepers` in `work`: either a thread sees the signal
        /// before it sleeps, or the caller sees that it sleeps.
        private func announce(parts: Int) {
            let number = signal.load(ordering: .relaxed) >> Self.partBits
            signal.store((number &+ 1) << Self.partBits | parts, ordering: .sequentiallyConsistent)
            if sleepers.load(ordering: .sequentiallyConsistent) > 0 { started.wakeAll() }
        }

        func stop() {
            isStopping.store(true, ordering: .sequentiallyConsistent)
            announce(parts: 0)
        }

        func work(as index: Int) {
            var seen = 0
            while true {
                let known = seen
                if !spin(until: { signal.load(ordering: .acquiring) != known }) {
                    sleepers.add(1, ordering: .sequentiallyConsistent)
                    started.wait { signal.load(ordering: .sequentiallyConsistent) == known }
                    sleepers.subtract(1, ordering: .sequentiallyConsistent)
                }
                seen = signal.load(ordering: .acquiring)
                if isStopping.load(ordering: .sequentiallyConsistent) { return }
                guard index < seen & (1 << Self.partBits - 1), let job else { continue }
                job.body(index)
                if pending.subtract(1, ordering: .sequentiallyConsistent).newValue == 0,
                    callerSleeps.load(ordering: .sequentiallyConsistent)
                {
                    finished.wakeAll()
                }
            }
        }

        /// Some tens of microseconds: longer than the gap between two steps of a plan, shorter than a scheduler's time slice.
        private static let spinLimit = 1000

        private func spin(until isDone: () -> Bool) -> Bool {
            for _ in 0..<Self.spinLimit {
                if isDone() { return true }
                cpu_relax()
            }
            return isDone()
        }
    }
}
