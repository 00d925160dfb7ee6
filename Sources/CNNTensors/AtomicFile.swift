/// Writes files whole or not at all: the bytes go to a new file beside the target, which takes the target's place in one step
/// once they are on the disk. Whatever fails before (a full disk, a kill, a thrown error), the old file is as it was.
///
/// A link is followed and what it names is replaced; permission bits are kept; folders, FIFOs and devices are refused. Other
/// hard links to the target keep the old content.
public enum AtomicFile {
    /// Takes the bytes of the file in order.
    public struct Writer: ~Copyable {
        private let file: FileDescriptor
        private let target: String
        /// Bytes that wait to be written, so that a thousand small fields are not a thousand system calls.
        private var pending: [UInt8] = []
        private static let pendingLimit = 1 << 16
        /// How many bytes were given so far.
        public private(set) var count = 0

        fileprivate init(_ file: consuming FileDescriptor, target: String) {
            self.file = file
            self.target = target
            pending.reserveCapacity(Self.pendingLimit)
        }

        /// Appends `bytes`. A large block goes to the file from where it lies, without a copy.
        /// - Throws: `FileError`, for example when the disk is full.
        public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
            if pending.count + bytes.count > Self.pendingLimit { try flush() }
            if bytes.count > Self.pendingLimit {
                try put(bytes)
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

        fileprivate mutating func flush() throws {
            try pending.withUnsafeBytes { try put($0) }
            pending.removeAll(keepingCapacity: true)
        }

        private func put(_ bytes: UnsafeRawBufferPointer) throws {
            do {
                try file.write(bytes)
            } catch let error as FileError {
                // The user knows the target, not the temporary file.
                throw FileError(path: target, reason: error.reason)
            }
        }

        fileprivate borrowing func finish(like old: FileDescriptor.Status?) throws {
            if let old { try file.adopt(old) }
            try file.synchronize()
        }

        fileprivate borrowing func link(to path: String) -> Int32? { file.link(to: path) }
    }

    /// Writes the file at `path` with what `body` gives to its writer.
    /// - Throws: what `body` throws, or `FileError`; the old file is untouched then.
    public static func write(to path: String, _ body: (inout Writer) throws -> Void) throws {
        try write(to: path, usingUnnamedFile: true, body)
    }

    /// The same; without `usingUnnamedFile` as on file systems that have no files without a name.
    package static func write(to path: String, usingUnnamedFile: Bool, _ body: (inout Writer) throws -> Void) throws {
        let target = try resolvingLinks(path)
        let old = try FileDescriptor.status(of: target, followingLinks: false)
        if let refusal = old?.refusal { throw FileError(path: path, reason: refusal) }
        // A rename would succeed, but a user who protected a file means it.
        if old != nil, !FileDescriptor.isWritable(target) { throw FileError(path: path, reason: .readOnly) }
        let folder = folder(of: target)
        switch try FileDescriptor.status(of: folder, followingLinks: true) {
        case nil: throw FileError(path: folder, reason: .notFound)
        case let status? where !status.isDirectory:
            throw FileError(path: folder, reason: .notFolder)
        default: break
        }

        if usingUnnamedFile, let unnamed = FileDescriptor.createUnnamed(in: folder, mode: 0o666) {
            var writer = Writer(unnamed, target: path)
            try body(&writer)
            try writer.flush()
            try writer.finish(like: old)
            if old != nil || writer.link(to: target) != nil {
                // A name cannot be given over an existing one, so a second name carries the file to the rename.
                let temporary = temporaryPath(for: target)
                if let code = writer.link(to: temporary) {
                    throw FileError(path: path, reason: .system(operation: "name", code: code))
                }
                try replace(target, with: temporary, path: path)
            }
        } else {
            let temporary = temporaryPath(for: target)
            let file: FileDescriptor
            do {
                file = try FileDescriptor.create(temporary, mode: 0o666)
            } catch let error as FileError {
                throw FileError(path: path, reason: error.reason)
            }
            var writer = Writer(file, target: path)
            do {
                try body(&writer)
                try writer.flush()
                try writer.finish(like: old)
            } catch {
                FileDescriptor.remove(temporary)
                throw error
            }
            try replace(target, with: temporary, path: path)
        }
        // The name lives in the folder: without this a power cut can bring the old file back, or none.
        try FileDescriptor.openFolder(folder).synchronize()
    }

    /// Writes `bytes` as the file at `path`.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { writer in try writer.write(bytes) }
    }

    private static func replace(_ target: String, with temporary: String, path: String) throws {
        do {
            try FileDescriptor.rename(temporary, to: target)
        } catch let error as FileError {
            FileDescriptor.remove(temporary)
            throw FileError(path: path, reason: error.reason)
        }
    }

    /// Where the chain of links that starts at `path` ends, which need not exist yet.
    private static func resolvingLinks(_ path: String) throws -> String {
        if path.isEmpty || path.utf8.contains(0) { throw FileError(path: path, reason: .notFound) }
        if path.utf8.last == UInt8(ascii: "/") { throw FileError(path: path, reason: .isDirectory) }
        var target = path
        // The kernel's own limit for a chain of links.
        for _ in 0..<40 {
            guard let text = FileDescriptor.linkText(at: target) else { return target }
            target = text.hasPrefix("/") ? text : folder(of: target) + "/" + text
        }
        throw FileError(path: path, reason: .tooManyLinks)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A hidden name beside the target that nobody else uses. It is not built on the target's own name, which may already be
    /// as long as a name can be.
    private static func temporaryPath(for target: String) -> String {
        folder(of: target) + "/.onnxcnn-" + String(UInt64.random(in: 0 ... .max), radix: 36) + ".tmp"
    }
}
