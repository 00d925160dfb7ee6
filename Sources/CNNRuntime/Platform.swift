// The one place of this module that knows the operating system's threads and memory.
import CCPUFeatures

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension SessionOptions {
    /// Processors that the system lets this process use.
    public static var processorCount: Int { Int(cpu_allowed_count()) }
}

/// A thread of the system that runs one function and is joined once.
struct SystemThread: @unchecked Sendable {
    #if canImport(Darwin)
        private let handle: pthread_t?
    #else
        private let handle: pthread_t
    #endif

    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a thread.
    /// - Throws: `SessionError.threadCreationFailed`.
    init(_ body: @escaping @Sendable () -> Void) throws(SessionError) {
        let start = Unmanaged.passRetained(Start(body))
        #if canImport(Darwin)
            var created: pthread_t?
            let result = pthread_create(&created, nil, { runThread($0) }, start.toOpaque())
        #else
            var created = pthread_t()
            let result = pthread_create(&created, nil, { $0.flatMap(runThread) }, start.toOpaque())
        #endif
        guard result == 0 else {
            start.release()
            throw .threadCreationFailed(errorNumber: result)
        }
        handle = created
    }

    /// Waits until the function has returned. Call it once.
    func join() {
        #if canImport(Darwin)
            if let handle { pthread_join(handle, nil) }
        #else
            pthread_join(handle, nil)
        #endif
    }

    fileprivate static func run(_ start: UnsafeMutableRawPointer) {
        Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body()
    }
}

private func runThread(_ start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    SystemThread.run(start)
    return nil
}

/// A lock with a condition to wait for.
final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        let (mutexResult, conditionResult) = (pthread_mutex_init(mutex, nil), pthread_cond_init(condition, nil))
        precondition(mutexResult == 0 && conditionResult == 0, "a lock of default attributes can always be made")
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Sleeps while `isWaiting` holds; it is asked under the lock.
    func wait(while isWaiting: () -> Bool) {
        pthread_mutex_lock(mutex)
        while isWaiting() { pthread_cond_wait(condition, mutex) }
        pthread_mutex_unlock(mutex)
    }

    /// Wakes all who wait, after what they wait for has changed.
    func wakeAll() {
        // Taking the lock makes sure that nobody is between asking and sleeping.
        pthread_mutex_lock(mutex)
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(condition)
    }
}

/// What the system tells of this process's memory.
enum ProcessMemory {
    /// The most bytes that were resident so far; nil where the system does not tell.
    static var peakResidentBytes: Int? {
        #if os(Linux)
            // Not `getrusage`: its number survives `execve`, so that it may be that of the program which started this one.
            guard let file = fopen("/proc/self/status", "r") else { return nil }
            defer { fclose(file) }
            var text = [UInt8](repeating: 0, count: 8192)
            text.removeLast(text.count - fread(&text, 1, text.count, file))
            let line = String(decoding: text, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            let kibibytes = line.flatMap { $0.split(separator: " ", omittingEmptySubsequences: true).dropLast().last }
            return kibibytes.flatMap { Int($0.drop { !$0.isNumber }) }.map { $0 * 1024 }
        #elseif canImport(Darwin)
            var usage = rusage()
            return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : nil
        #else
            return nil
        #endif
    }
}

/// Memory from the system, not initialized, aligned for vectors; large pieces ask for huge pages.
func allocateMemory(byteCount: Int) -> UnsafeMutableRawPointer {
    let hugePage = 1 << 21
    guard byteCount >= 2 * hugePage else {
        return UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
    }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: hugePage)
    #if os(Linux)
        // Advice only: a system without huge pages gives small ones.
        _ = madvise(memory, byteCount, MADV_HUGEPAGE)
    #endif
    return memory
}
