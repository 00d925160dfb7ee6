/// Bytes that tensors share: memory of their own, freed with the last tensor, or a part of something that `owner` keeps
/// alive, such as a memory-mapped file. The bytes never change after the storage is made, which is what makes it `Sendable`.
package final class TensorStorage: @unchecked Sendable {
    package let bytes: UnsafeRawBufferPointer
    private let owner: (any AnyObject & Sendable)?

    /// 64 bytes: a cache line, and the width of the widest vector register. Small tensors may lie anywhere.
    package static let alignment = 64

    /// Storage of its own of `byteCount` bytes, filled by `initialize` (which must write every byte).
    package init(byteCount: Int, initialize: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        // The system gives blocks of more than its own alignment slowly, which for a few numbers is not worth the time.
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(byteCount, 1), alignment: byteCount < 1024 ? MemoryLayout<SIMD4<Float>>.alignment : Self.alignment)
        do {
            try initialize(UnsafeMutableRawBufferPointer(rebasing: memory[..<byteCount]))
        } catch {
            memory.deallocate()
            throw error
        }
        bytes = UnsafeRawBufferPointer(rebasing: memory[..<byteCount])
        owner = nil
    }

    /// A view of bytes that stay valid and unchanged as long as `owner` lives.
    package init(bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
        self.bytes = bytes
        self.owner = owner
    }

    /// Lets the system take back the memory of a range of bytes that will not be read again soon, if they belong to a mapped file, from
    /// which they come back when they are. Bytes of other kinds stay.
    package func discardPages(_ range: Range<Int>) {
        (owner as? MappedFile)?.discardPages(UnsafeRawBufferPointer(rebasing: bytes[range.clamped(to: bytes.indices)]))
    }

    deinit {
        if owner == nil { bytes.baseAddress?.deallocateStorage() }
    }
}

extension UnsafeRawPointer {
    fileprivate func deallocateStorage() {
        UnsafeMutableRawPointer(mutating: self).deallocate()
    }
}
