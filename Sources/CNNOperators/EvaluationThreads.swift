import Dispatch

/// How many threads an evaluation by the operators' formulas may use for one node.
package enum EvaluationThreads {
    /// Holds for what runs within `$count.withValue(_:operation:)`.
    @TaskLocal package static var count = 1

    /// Calls `body` with each number below `parts`, side by side as far as there are processors.
    static func run(parts: Int, _ body: (Int) -> Void) {
        guard parts > 1 else {
            if parts == 1 { body(0) }
            return
        }
        // The body is called by several threads at once, but not beyond this call.
        withoutActuallyEscaping(body) { body in
            let job = Job(body: body)
            DispatchQueue.concurrentPerform(iterations: parts) { job.body($0) }
        }
    }

    /// Unchecked: whoever calls `run` sees to it that the parts write disjoint memory.
    private struct Job: @unchecked Sendable {
        let body: (Int) -> Void
    }
}
