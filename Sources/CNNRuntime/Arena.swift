import Synchronization

/// Memory for the values of one run.
final class Arena: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    init(byteCount: Int) {
        self.byteCount = byteCount
        base = allocateMemory(byteCount: byteCount)
    }

    deinit { base.deallocate() }
}

/// The arenas of a session. Runs that overlap in time get different ones; a run that follows another gets memory that is warm, whatever
/// the plans of both.
final class ArenaPool: Sendable {
    private let free = Mutex<[Arena]>([])
    /// More than a few are the remains of a burst of callers.
    private static let capacity = 4

    /// An arena of at least so many bytes.
    func take(_ byteCount: Int) -> Arena {
        free.withLock { free in
            if let index = free.lastIndex(where: { $0.byteCount >= byteCount }) { return free.remove(at: index) }
            // What is too small for this run gives way to what is large enough for both.
            _ = free.popLast()
            return nil
        } ?? Arena(byteCount: byteCount)
    }

    func give(_ arena: Arena) {
        free.withLock { if $0.count < Self.capacity { $0.append(arena) } }
    }
}
