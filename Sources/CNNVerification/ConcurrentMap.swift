import Dispatch
import Synchronization

/// The results of `body` for every element, in the order of the elements, with at most `jobs` elements in work at a time.
package func concurrentMap<Element: Sendable, Result: Sendable>(
    _ elements: [Element], jobs: Int, _ body: @Sendable (Element) -> Result
) -> [Result] {
    let results = Mutex<[Result?]>(Array(repeating: nil, count: elements.count))
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: min(max(jobs, 1), elements.count)) { _ in
        while true {
            let place = next.add(1, ordering: .relaxed).oldValue
            guard place < elements.count else { return }
            let result = body(elements[place])
            results.withLock { $0[place] = result }
        }
    }
    return results.withLock { $0.compactMap { $0 } }
}
