import Dispatch

/// A digest that is computed on another thread while the caller writes: hashing takes longer than the disk.
final class BackgroundDigest: @unchecked Sendable {
    // The semaphore orders the one write before the one read, which is what makes sharing the variable safe.
    private let done = DispatchSemaphore(value: 0)
    private var digest = ""

    init(_ compute: @escaping @Sendable () -> String) {
        DispatchQueue.global(qos: .userInitiated).async { [self] in
            digest = compute()
            done.signal()
        }
    }

    /// Waits for the digest. To be called once.
    func value() -> String {
        done.wait()
        return digest
    }
}
