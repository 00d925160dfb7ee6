import CCPUFeatures
import Synchronization

/// Threads that do the parts of one job at a time together with the caller. Between jobs they spin for a while, since the next step of
/// a plan usually follows at once, then sleep. Dropping the team ends its threads.
///
/// Every worker has a share of the parts to itself, adjacent ones, which it goes through from the front; when it is done it takes
/// what is left of the others' shares from their ends. So a processor keeps to the same region of the data from one step to the
/// next, and none waits long for one that the system has slowed down or stopped.
final class ThreadTeam: Sendable {
    /// How many parts are done at once: the threads and the caller.
    let size: Int
    private let state: State
    private let threads: [SystemThread]

    /// - Throws: `SessionError.threadCreationFailed`.
    init(size: Int) throws(SessionError) {
        self.size = max(size, 1)
        let state = State(workers: self.size)
        self.state = state
        var threads: [SystemThread] = []
        for worker in 1..<self.size {
            do {
                threads.append(try SystemThread { state.work(as: worker) })
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

    /// Calls `body` with each number below `parts` and the number of the worker that does it, below `size`: no two parts at once have
    /// the same worker. Returns when all are done. If the team is busy with another run's job, the caller does all the parts itself, as
    /// worker 0.
    func run(parts: Int, _ body: (_ worker: Int, _ part: Int) -> Void) {
        guard parts > 1, size > 1, parts <= Share.limit, state.begin() else {
            for part in 0..<parts { body(0, part) }
            return
        }
        defer { state.end() }
        withoutActuallyEscaping(body) { state.run(Job(body: $0, workers: min(parts, size)), parts: parts) }
    }

    private struct Job {
        let body: (_ worker: Int, _ part: Int) -> Void
        let workers: Int
    }

    /// The parts of a worker that nobody has taken yet, in one word: the first in the low half, the end in the high half.
    private struct Share {
        static let limit = Int(Int32.max)

        var first: Int
        var end: Int

        init(_ range: Range<Int>) { (first, end) = (range.lowerBound, range.upperBound) }

        init(word: Int) { (first, end) = (word & 0xffff_ffff, word >> 32) }

        var word: Int { end << 32 | first }

        mutating func takeFirst() -> Int {
            defer { first += 1 }
            return first
        }

        mutating func takeLast() -> Int {
            end -= 1
            return end
        }
    }

    /// The number of a job, how many workers may take part in it (none once it is over), and how many threads do, in one word.
    private struct Stage {
        var job: Int
        var workers: Int
        var active: Int

        init(job: Int, workers: Int, active: Int) { (self.job, self.workers, self.active) = (job, workers, active) }

        init(word: Int) { (job, workers, active) = (word >> 32, word >> 16 & 0xffff, word & 0xffff) }

        var word: Int { job << 32 | workers << 16 | active }
    }

    /// What the threads share. Unchecked, since `job` is written by the caller alone while no thread takes part in one, and read only by
    /// threads that have joined: between the store of `stage` (which publishes it) and their leaving.
    private final class State: @unchecked Sendable {
        private let stage = Atomic<Int>(0)
        private let sleepers = Atomic<Int>(0)
        private let callerSleeps = Atomic<Bool>(false)
        private let isBusy = Atomic<Bool>(false)
        private let isStopping = Atomic<Bool>(false)
        private let started = Monitor()
        private let finished = Monitor()
        private var job: Job?
        /// By worker, each in a cache line of its own.
        private let shares: UnsafeMutablePointer<Atomic<Int>>
        private let shareCount: Int
        private static let shareStep = 8

        init(workers: Int) {
            shareCount = workers * Self.shareStep
            shares = .allocate(capacity: shareCount)
            for index in 0..<shareCount { (shares + index).initialize(to: Atomic(0)) }
        }

        deinit {
            shares.deinitialize(count: shareCount)
            shares.deallocate()
        }

        func begin() -> Bool {
            isBusy.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
        }

        func end() {
            isBusy.store(false, ordering: .releasing)
        }

        func run(_ job: Job, parts: Int) {
            for worker in 0..<job.workers {
                let share = Share(Partition.range(of: parts, part: worker, of: job.workers))
                shares[worker * Self.shareStep].store(share.word, ordering: .relaxed)
            }
            self.job = job
            announce(workers: job.workers)
            doParts(of: job, as: 0)
            close()
            if !spin(until: { Stage(word: stage.load(ordering: .acquiring)).active == 0 }) {
                // The same pairing as in `announce`, the other way round.
                callerSleeps.store(true, ordering: .sequentiallyConsistent)
                finished.wait { Stage(word: stage.load(ordering: .sequentiallyConsistent)).active != 0 }
                callerSleeps.store(false, ordering: .sequentiallyConsistent)
            }
            self.job = nil
        }

        /// Tells the threads of a new job. Sequentially consistent against `sleepers` in `work`: either a thread sees the stage
        /// before it sleeps, or the caller sees that it sleeps.
        private func announce(workers: Int) {
            let job = Stage(word: stage.load(ordering: .relaxed)).job &+ 1 & 0x7fff_ffff
            stage.store(Stage(job: job, workers: workers, active: 0).word, ordering: .sequentiallyConsistent)
            if sleepers.load(ordering: .sequentiallyConsistent) > 0 { started.wakeAll() }
        }

        /// Lets no more threads join.
        private func close() {
            _ = change { stage in
                stage.workers = 0
                return true
            }
        }

        /// Changes the stage in one step, unless `body` returns false.
        private func change(_ body: (inout Stage) -> Bool) -> Bool {
            var word = stage.load(ordering: .relaxed)
            while true {
                var next = Stage(word: word)
                guard body(&next) else { return false }
                let (exchanged, original) = stage.compareExchange(
                    expected: word, desired: next.word, ordering: .sequentiallyConsistent)
                if exchanged { return true }
                word = original
            }
        }

        func stop() {
            isStopping.store(true, ordering: .sequentiallyConsistent)
            announce(workers: 0)
        }

        func work(as worker: Int) {
            var seen = 0
            while true {
                let known = seen
                if !spin(until: { Stage(word: stage.load(ordering: .acquiring)).job != known }) {
                    sleepers.add(1, ordering: .sequentiallyConsistent)
                    started.wait { Stage(word: stage.load(ordering: .sequentiallyConsistent)).job == known }
                    sleepers.subtract(1, ordering: .sequentiallyConsistent)
                }
                seen = Stage(word: stage.load(ordering: .acquiring)).job
                if isStopping.load(ordering: .sequentiallyConsistent) { return }
                let joined = change { stage in
                    guard stage.job == seen, worker < stage.workers else { return false }
                    stage.active += 1
                    return true
                }
                guard joined else { continue }
                takePart(as: worker)
                let left = stage.subtract(1, ordering: .sequentiallyConsistent).newValue
                if Stage(word: left).active == 0, callerSleeps.load(ordering: .sequentiallyConsistent) { finished.wakeAll() }
            }
        }

        /// A function of its own: when it returns, the thread has let go of the job's body, which lives no longer than the job.
        @inline(never)
        private func takePart(as worker: Int) {
            if let job { doParts(of: job, as: worker) }
        }

        /// Does the worker's own share, then what is left of the others'.
        private func doParts(of job: Job, as worker: Int) {
            while let part = take(from: worker, { $0.takeFirst() }) { job.body(worker, part) }
            for step in 1..<job.workers {
                let victim = (worker + step) % job.workers
                while let part = take(from: victim, { $0.takeLast() }) { job.body(worker, part) }
            }
        }

        private func take(from worker: Int, _ part: (inout Share) -> Int) -> Int? {
            let word = shares + worker * Self.shareStep
            var old = word.pointee.load(ordering: .relaxed)
            while true {
                var share = Share(word: old)
                guard share.first < share.end else { return nil }
                let taken = part(&share)
                let (exchanged, original) = word.pointee.compareExchange(
                    expected: old, desired: share.word, ordering: .relaxed)
                if exchanged { return taken }
                old = original
            }
        }

        /// Some hundreds of microseconds: longer than what one thread does alone between two jobs of a plan, shorter than a
        /// scheduler's time slice.
        private static let spinLimit = 10_000

        private func spin(until isDone: () -> Bool) -> Bool {
            for _ in 0..<Self.spinLimit {
                if isDone() { return true }
                cpu_relax()
            }
            return isDone()
        }
    }
}
