#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Memory whose size a file decides. Swift's own allocation ends the process when the system has not that much; this one
/// says so, and the reader throws.
package final class HeapBytes: @unchecked Sendable {
    /// The memory; to be written only by who made it, before anybody else sees it.
    package let bytes: UnsafeMutableRawBufferPointer

    /// `byteCount` bytes of undefined content, aligned for vector registers; nil if the system refuses.
    package init?(byteCount: Int) {
        var memory: UnsafeMutableRawPointer?
        guard byteCount >= 0, posix_memalign(&memory, TensorStorage.alignment, max(byteCount, 1)) == 0, let memory else {
            return nil
        }
        bytes = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    }

    deinit { free(bytes.baseAddress) }
}

extension Tensor {
    /// A tensor in memory of its own, whose size a file decides; `fill` writes every byte.
    /// - Throws: `ArrayFileError` when the system refuses the memory; what `fill` throws.
    package static func allocating(
        _ dataType: DataType, _ shape: Shape, path: String, array: String?, fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> Tensor {
        let byteCount = try Tensor.byteCount(dataType, shape)
        guard let memory = HeapBytes(byteCount: byteCount) else {
            throw ArrayFileError(path: path, array: array, reason: .outOfMemory(byteCount: byteCount))
        }
        try fill(memory.bytes)
        return try Tensor(dataType: dataType, shape: shape, bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory)
    }

    /// A tensor of bytes of a file, which `owner` keeps alive: used where they lie when their address suits the elements,
    /// copied when it does not.
    /// - Throws: `ArrayFileError` when the memory for a copy is refused; `TensorError`.
    package static func viewing(
        _ dataType: DataType, _ shape: Shape, _ bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable, path: String,
        array: String?
    ) throws -> Tensor {
        // Complex numbers are aligned as their parts, which have 8 bytes at most.
        let alignment = UInt(min(dataType.byteWidth ?? 1, 8))
        if UInt(bitPattern: bytes.baseAddress) % alignment == 0 {
            return try Tensor(dataType: dataType, shape: shape, bytes: bytes, owner: owner)
        }
        return try allocating(dataType, shape, path: path, array: array) { $0.copyMemory(from: bytes) }
    }
}
