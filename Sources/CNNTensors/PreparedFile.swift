/// A file on its way into the place of another: opened, then written, then put in place. If it goes away before that, nothing
/// of it stays. Of several files that belong together all are written before the first takes its place.
package final class PreparedFile {
    /// Where the file will be: where the chain of links that starts at the caller's path ends.
    package let target: String
    private let path: String
    private let file: FileDescriptor
    private let folder: FileDescriptor
    /// What lies in the place now.
    private let old: FileDescriptor.Status?
    /// The name that carries the file until it has its own; nil as long as it needs none.
    private var temporary: String?

    /// Opens a new file in the folder that `path` leads to.
    /// - Parameter usingUnnamedFile: false to do as on file systems that have no files without a name.
    /// - Throws: `FileError` if something else than a file lies at `path`, or no file can be made there.
    package init(_ path: String, usingUnnamedFile: Bool = true) throws {
        let target = try Self.resolvingLinks(path)
        let old = try FileDescriptor.status(of: target, followingLinks: false)
        if let refusal = old?.refusal { throw FileError(path: path, reason: refusal) }
        // A rename would succeed, but a user who protected a file means it.
        if old != nil, !FileDescriptor.isWritable(target) { throw FileError(path: path, reason: .readOnly) }
        // Opened before anything is written: a folder that cannot be must not be noticed when the file is already in place.
        let folderPath = FilePath.folder(of: target)
        folder = try FileDescriptor.openFolder(folderPath)
        // Until it has the old file's bits, nobody else may see the content that they protect.
        let isPrivate = old != nil
        if usingUnnamedFile, let unnamed = FileDescriptor.createUnnamed(in: folderPath, isPrivate: isPrivate) {
            file = unnamed
        } else {
            let temporary = Self.temporaryPath(for: target)
            do {
                file = try FileDescriptor.create(temporary, isPrivate: isPrivate)
            } catch let error as FileError {
                throw FileError(path: path, reason: error.reason)
            }
            self.temporary = temporary
        }
        self.path = path
        self.target = target
        self.old = old
    }

    deinit {
        if let temporary { FileDescriptor.remove(temporary) }
    }

    /// Appends bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            try file.write(bytes)
        } catch let error as FileError {
            // The user knows the target, not the temporary file.
            throw FileError(path: path, reason: error.reason)
        }
    }

    /// Writes the content: what `body` gives to its writer, which is on the disk afterwards.
    /// - Throws: what `body` throws, or `FileError`.
    package func write(_ body: (inout AtomicFile.Writer) throws -> Void) throws {
        var writer = AtomicFile.Writer(self)
        try body(&writer)
        try writer.flush()
        if let old { try file.adopt(old) }
        try file.synchronize()
    }

    /// Puts the file in its place, in one step. A power cut may undo that until the folder is synchronised.
    package func takePlace() throws {
        if temporary == nil {
            if old == nil, file.link(to: target) == nil { return }
            // A name cannot be given over an existing one, so a second name carries the file to the rename.
            let name = Self.temporaryPath(for: target)
            if let code = file.link(to: name) {
                throw FileError(path: path, reason: .system(operation: "name", code: code))
            }
            temporary = name
        }
        guard let temporary else { return }
        do {
            try FileDescriptor.rename(temporary, to: target)
        } catch let error as FileError {
            throw FileError(path: path, reason: error.reason)
        }
        self.temporary = nil
    }

    /// Makes the place last. The name lives in the folder: without this a power cut can bring the old file back, or none.
    package func synchronizeFolder() throws { try folder.synchronize() }

    /// Where the chain of links that starts at `path` ends, which need not exist yet.
    package static func resolvingLinks(_ path: String) throws -> String {
        if path.isEmpty || path.utf8.contains(0) { throw FileError(path: path, reason: .notFound) }
        if path.utf8.last == UInt8(ascii: "/") { throw FileError(path: path, reason: .isDirectory) }
        var target = path
        // The kernel's own limit for a chain of links.
        for _ in 0..<40 {
            guard let text = FileDescriptor.linkText(at: target) else { return target }
            target = FilePath.isAbsolute(text) ? text : FilePath.neighbour(of: target, named: text)
        }
        throw FileError(path: path, reason: .tooManyLinks)
    }

    /// A hidden name beside the target that nobody else uses. It is not built on the target's own name, which may already be
    /// as long as a name can be.
    private static func temporaryPath(for target: String) -> String {
        FilePath.neighbour(
            of: target, named: ".onnxcnn-" + String(UInt64.random(in: 0 ... .max), radix: 36) + ".tmp")
    }
}
