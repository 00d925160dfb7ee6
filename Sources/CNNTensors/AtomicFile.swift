/// Writes files whole or not at all: the bytes go to a new file beside the target, which takes the target's place in one step
/// once they are on the disk. Whatever fails before (a full disk, a kill, a thrown error), the old file is as it was.
///
/// A link is followed and what it names is replaced; permission bits are kept; folders, FIFOs and devices are refused. Other
/// hard links to the target keep the old content.
public enum AtomicFile {
    /// Takes the bytes of the file in order.
    public struct Writer: ~Copyable {
        private let file: PreparedFile
        /// Bytes that wait to be written, so that a thousand small fields are not a thousand system calls.
        private var pending: [UInt8] = []
        private static let pendingLimit = 1 << 16
        /// How many bytes were given so far.
        public private(set) var count = 0

        init(_ file: PreparedFile) {
            self.file = file
            pending.reserveCapacity(Self.pendingLimit)
        }

        /// Appends `bytes`. A large block goes to the file from where it lies, without a copy.
        /// - Throws: `FileError`, for example when the disk is full.
        public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
            if pending.count + bytes.count > Self.pendingLimit { try flush() }
            if bytes.count > Self.pendingLimit {
                try file.append(bytes)
            } else {
                pending.append(contentsOf: bytes)
            }
            count += bytes.count
        }

        /// Appends `bytes`.
        /// - Throws: `FileError`, for example when the disk is full.
        public mutating func write(_ bytes: [UInt8]) throws {
            try bytes.withUnsafeBytes { try write($0) }
        }

        mutating func flush() throws {
            try pending.withUnsafeBytes { try file.append($0) }
            pending.removeAll(keepingCapacity: true)
        }
    }

    /// Writes the file at `path` with what `body` gives to its writer.
    /// - Throws: what `body` throws, or `FileError`; the old file is untouched then.
    public static func write(to path: String, _ body: (inout Writer) throws -> Void) throws {
        let file = try PreparedFile(path)
        try file.write(body)
        try file.takePlace()
        try file.synchronizeFolder()
    }

    /// Writes `bytes` as the file at `path`.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { writer in try writer.write(bytes) }
    }
}
