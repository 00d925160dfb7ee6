/// Floats of their own, written once.
final class FloatBuffer: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    /// - Parameter fill: writes all of them.
    init(count: Int, _ fill: (UnsafeMutablePointer<Float>) throws -> Void) rethrows {
        let memory = allocateMemory(byteCount: count * MemoryLayout<Float>.stride)
        base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
        self.count = count
        do {
            try fill(base)
        } catch {
            memory.deallocate()
            throw error
        }
    }

    /// These values, and zeros up to `count`.
    convenience init(_ values: some Collection<Double>, paddedTo count: Int) {
        self.init(count: max(count, values.count)) { base in
            var next = base
            for value in values {
                next.initialize(to: Float(value))
                next += 1
            }
            next.initialize(repeating: 0, count: max(count - values.count, 0))
        }
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }
}
