/// The bytes of a file, held in memory for as long as this object lives. A large file is mapped: its pages are read when they
/// are touched and belong to the file's cache, not to the process. A small one is read.
///
/// A mapped file that another process truncates is a trap of the hardware (SIGBUS) at the next touch of a lost page, and no
/// portable guard exists: copying every file would double the memory of every model. So files up to `readingLimit` are read,
/// which a truncation cannot hurt, and larger ones trust the user not to shorten a model in use. Nothing in this package does:
/// `AtomicFile` replaces a file by a new one, and the mapping keeps the old. A program can at least say what happened:
/// `explainShortening()`.
public final class MappedFile: Sendable {
    /// Files up to this length in bytes are read into memory instead of mapped.
    public static let readingLimit = 1 << 20

    /// The path under which the file was opened.
    public let path: String
    /// All bytes of the file; valid only while this object lives, which Swift may end after its last use in a function. For the readers
    /// of this package, whose tensors keep the file alive.
    nonisolated(unsafe) package let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool

    /// Calls `body` with all bytes of the file, which are valid until it returns.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(bytes)
    }

    /// Opens, checks and maps (or reads) the file at `path`; links are followed.
    /// - Throws: `FileError` when the path is missing, a folder, a FIFO or device, or an empty file.
    public convenience init(path: String) throws {
        try self.init(FileDescriptor.openForReading(path))
    }

    /// Maps (or reads) an open file, which has to be regular and, unless `allowingEmpty`, must not be empty.
    package init(_ file: consuming FileDescriptor, allowingEmpty: Bool = false) throws {
        let status = try file.status()
        path = file.path
        if let refusal = status.refusal { throw FileError(path: file.path, reason: refusal) }
        if status.size == 0 && !allowingEmpty { throw FileError(path: file.path, reason: .empty) }
        if status.size > Self.readingLimit {
            bytes = try file.map(count: status.size)
            isMapped = true
        } else {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: status.size, alignment: 64)
            bytes = UnsafeRawBufferPointer(buffer)
            isMapped = false
            guard try file.read(into: buffer) == status.size else { throw FileError(path: file.path, reason: .shrank) }
        }
    }

    /// Reads everything that the process's standard input has to give.
    package static func standardInput() throws -> MappedFile {
        let input = FileDescriptor.standardInput
        var content: [UInt8] = []
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { chunk.deallocate() }
        while true {
            let count = try input.read(into: chunk)
            if count == 0 { break }
            content.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        }
        if content.isEmpty { throw FileError(path: input.path, reason: .empty) }
        return MappedFile(copying: content, path: input.path)
    }

    /// Holds a copy of `content`, for bytes that never were a file. `path` goes into errors.
    public init(copying content: [UInt8], path: String = "memory") {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 64)
        buffer.copyBytes(from: content)
        bytes = UnsafeRawBufferPointer(buffer)
        isMapped = false
        self.path = path
    }

    /// Lets the system take back the memory of a part of the file that will not be read again soon. Only mapped pages, which are the
    /// file's own and never written to, can go: their next reader finds them in the file's cache.
    package func discardPages(_ part: UnsafeRawBufferPointer) {
        if isMapped { FileDescriptor.discardPages(part) }
    }

    deinit {
        if isMapped { FileDescriptor.unmap(bytes) } else { bytes.deallocate() }
    }
}
