/// `.npz` files: named arrays, as NumPy's `np.savez` and `np.savez_compressed` write them: a ZIP file of `.npy` arrays, stored
/// or deflated. The directory is checked when the file is opened; an array is unpacked when it is asked for.
public struct NPZFile: Sendable {
    /// The names of the arrays, in the order of the file. Entries that are no `.npy` files are left out.
    public let names: [String]
    /// The file as the caller named it.
    public var path: String { file.path }

    private let file: MappedFile
    private let entries: [String: ZIPArchive.Entry]
    private static let suffix = ".npy"

    /// Opens the file at `path` and checks its directory.
    /// - Throws: `FileError` if it cannot be opened, `ArrayFileError` if it is no ZIP file that can be read.
    public init(path: String) throws {
        try self.init(MappedFile(path: path))
    }

    /// Reads the directory of a file that is already in memory.
    /// - Throws: `ArrayFileError` if it is no ZIP file that can be read.
    public init(_ file: MappedFile) throws {
        let archive: ZIPArchive
        do {
            archive = try ZIPArchive(file.bytes)
        } catch let fault as ZIPArchive.Fault {
            throw ArrayFileError(path: file.path, reason: fault.reason)
        }
        self.file = file
        var names: [String] = []
        var entries: [String: ZIPArchive.Entry] = [:]
        for entry in archive.entries where entry.name.hasSuffix(Self.suffix) {
            let name = String(entry.name.dropLast(Self.suffix.count))
            names.append(name)
            entries[name] = entry
        }
        self.names = names
        self.entries = entries
    }

    /// The array of this name. One that is stored, in C order, little-endian and at a suitable address is a view of the mapped
    /// file; any other is a copy.
    /// - Throws: `ArrayFileError` if there is none, its checksum is wrong, or it is no array that can be read.
    public func tensor(named name: String) throws -> Tensor {
        guard let entry = entries[name] else { throw ArrayFileError(path: path, reason: .missing(name: name)) }
        let stored = UnsafeRawBufferPointer(rebasing: file.bytes[entry.storedRange])
        if !entry.isDeflated {
            try check(entry, stored, array: name)
            return try NPYFile.decode(stored, owner: file, path: path, array: name)
        }
        // Memory that is never written is never taken from the system: a size that is a lie costs nothing.
        guard let memory = HeapBytes(byteCount: entry.size) else {
            throw ArrayFileError(path: path, array: name, reason: .outOfMemory(byteCount: entry.size))
        }
        do {
            try Deflate.inflate(stored, into: memory.bytes)
        } catch {
            let reason: ArrayFileError.Reason =
                switch error {
                case .invalid(let fault): .malformed("the compressed data is damaged: \(fault)")
                case .wrongSize: .malformed("the compressed data does not unpack to the \(entry.size) bytes it should")
                case .outOfMemory: .outOfMemory(byteCount: entry.size)
                }
            throw ArrayFileError(path: path, array: name, reason: reason)
        }
        let content = UnsafeRawBufferPointer(memory.bytes)
        try check(entry, content, array: name)
        return try NPYFile.decode(content, owner: memory, path: path, array: name)
    }

    /// All arrays with their names, in the order of the file.
    public func tensors() throws -> [(name: String, tensor: Tensor)] {
        try names.map { (name: $0, tensor: try tensor(named: $0)) }
    }

    private func check(_ entry: ZIPArchive.Entry, _ content: UnsafeRawBufferPointer, array: String) throws {
        guard Deflate.checksum(content) == entry.checksum else {
            throw ArrayFileError(path: path, array: array, reason: .malformed("the CRC-32 of the content is wrong"))
        }
    }
}

// MARK: - Writing

extension NPZFile {
    /// Writes these arrays under their names, uncompressed, whole or not at all. The same arrays always give the same bytes.
    /// - Throws: `ArrayFileError` for a name that stands twice or is too long, or an element type that NumPy has not;
    ///   `FileError` if the file cannot be written.
    public static func write(_ arrays: [(name: String, tensor: Tensor)], to path: String) throws {
        let headers = try headers(of: arrays, path: path)
        try AtomicFile.write(to: path) { writer in try write(arrays, headers, into: &writer) }
    }

    /// Writes the same bytes into a sink; `path` goes into errors.
    package static func write(
        _ arrays: [(name: String, tensor: Tensor)], into sink: inout some ByteSink & ~Copyable, path: String
    ) throws {
        try write(arrays, headers(of: arrays, path: path), into: &sink)
    }

    private static func write(
        _ arrays: [(name: String, tensor: Tensor)], _ headers: [[UInt8]], into sink: inout some ByteSink & ~Copyable
    ) throws {
        var writer = ZIPWriter()
        for ((name, tensor), header) in zip(arrays, headers) {
            try tensor.withUnsafeBytes { try writer.append(name + suffix, head: header, body: $0, into: &sink) }
        }
        try writer.finish(into: &sink)
    }

    /// The `.npy` header of each array, after checking what can be wrong, before a file is made.
    private static func headers(of arrays: [(name: String, tensor: Tensor)], path: String) throws -> [[UInt8]] {
        var names: Set<String> = []
        return try arrays.map { name, tensor in
            func fault(_ what: String) -> ArrayFileError {
                ArrayFileError(path: path, array: name, reason: .unsupported(what))
            }
            guard names.insert(name).inserted else { throw fault("the name stands twice") }
            guard name.utf8.count + suffix.utf8.count <= 0xFFFF, !name.utf8.contains(0) else {
                throw fault("the name is too long for an .npz file, or contains a NUL")
            }
            return try NPYFile.header(of: tensor, path: path, array: name)
        }
    }
}
