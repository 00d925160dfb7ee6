/// Something that takes the bytes of a file in order.
package protocol ByteSink: ~Copyable {
    /// Appends `bytes`.
    mutating func write(_ bytes: UnsafeRawBufferPointer) throws
}

extension ByteSink where Self: ~Copyable {
    /// Appends `bytes`.
    package mutating func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }
}

extension AtomicFile.Writer: ByteSink {}

/// The process's standard output, for files written to a pipe.
package struct StandardOutputSink: ByteSink {
    package init() {}

    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        try FileDescriptor.standardOutput.write(bytes)
    }
}

/// Collects the bytes in memory.
package struct MemorySink: ByteSink {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        self.bytes.append(contentsOf: bytes)
    }
}
