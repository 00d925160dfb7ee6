import Synchronization

/// Memory for the values of one run.
final class Arena: @unchecked Sendable {
    let base: UnsafeMutableRawPointer

    init(byteCount: Int) {
        base = allocateMemory(byteCount: byteCount)
    }

    deinit { base.deallocate() }
}

/// The arenas of a plan. Runs that overlap in time get different ones; a run that follows another gets memory that is warm.
final class ArenaPool: Sendable {
    let byteCount: Int
    private let free = Mutex<[Arena]>([])

    init(byteCount: Int) {
        self.byteCount = byteCount
    }

    func take() -> Arena {
        free.withLock { $0.popLast() } ?? Arena(byteCount: byteCount)
    }

    func give(_ arena: Arena) {
        // More than a few are the remains of a burst of callers.
        free.withLock { if $0.count < 4 { $0.append(arena) } }
    }
}
