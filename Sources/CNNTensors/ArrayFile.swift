/// A file of one or more arrays in any of the formats that this module reads, told apart by their content, not their name.
public struct ArrayFile: Sendable {
    /// The formats.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        /// One array without a name, NumPy's `np.save`.
        case npy
        /// Named arrays, NumPy's `np.savez`.
        case npz
        /// Named arrays, Hugging Face's safetensors.
        case safetensors
    }

    public let format: Format
    /// The names of the arrays, in the order of the file; nil for a format without names, whose file holds one array.
    public let names: [String]?
    /// The file as the caller named it.
    public let path: String
    private let content: Content

    private enum Content: Sendable {
        case npy(Tensor)
        case npz(NPZFile)
        case safetensors(SafetensorsFile)
    }

    /// Opens the file at `path`.
    /// - Throws: `FileError` if it cannot be opened, `ArrayFileError` if it is none of these formats or breaks its rules.
    public init(path: String) throws {
        try self.init(MappedFile(path: path))
    }

    /// Reads a file that is already in memory.
    public init(_ file: MappedFile) throws {
        // The bytes must not go before they are read, and here nothing else may use the file any more.
        defer { withExtendedLifetime(file) {} }
        guard let format = Format(detecting: file.bytes) else {
            throw ArrayFileError(
                path: file.path, reason: .malformed("this is no .npy, .npz or .safetensors file"), hint: Self.hint(file.bytes))
        }
        self.format = format
        path = file.path
        switch format {
        case .npy:
            content = .npy(try NPYFile.read(file))
            names = nil
        case .npz:
            let npz = try NPZFile(file)
            content = .npz(npz)
            names = npz.names
        case .safetensors:
            let safetensors = try SafetensorsFile(file)
            content = .safetensors(safetensors)
            names = safetensors.names
        }
    }

    /// The array of this name.
    /// - Throws: `ArrayFileError` if there is none, or it cannot be read.
    public func tensor(named name: String) throws -> Tensor {
        switch content {
        case .npy: throw ArrayFileError(path: path, reason: .missing(name: name))
        case .npz(let npz): try npz.tensor(named: name)
        case .safetensors(let safetensors): try safetensors.tensor(named: name)
        }
    }

    /// The array of a file that holds exactly one; nil if it holds none or several.
    /// - Throws: `ArrayFileError` if it cannot be read.
    public func onlyTensor() throws -> Tensor? {
        if case .npy(let tensor) = content { return tensor }
        guard let names, names.count == 1 else { return nil }
        return try tensor(named: names[0])
    }

    private static func hint(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.count >= 2 else { return nil }
        switch (bytes[0], bytes[1]) {
        case (0x80, 2...5): return "it looks like a Python pickle, which is never loaded; write the array with np.save"
        case (0x1F, 0x8B): return "it looks like a gzip file: unpack it first"
        default: return nil
        }
    }
}

extension ArrayFile.Format {
    /// The format of a file with these bytes; nil if it is none of them.
    public init?(detecting bytes: UnsafeRawBufferPointer) {
        if bytes.starts(with: NPYHeader.magic) {
            self = .npy
        } else if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || bytes.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
            // The first local header of a ZIP file, or the end record of one without entries.
            self = .npz
        } else if bytes.count > 8, bytes[8] == UInt8(ascii: "{"),
            UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) <= UInt64(bytes.count - 8)
        {
            self = .safetensors
        } else {
            return nil
        }
    }

    /// The format of an open file; nil if it is none of them.
    public init?(detecting file: MappedFile) {
        let format = file.withUnsafeBytes { Self(detecting: $0) }
        guard let format else { return nil }
        self = format
    }

    /// The format that a file with this name should be written in, by the suffix; nil if it has none of theirs.
    public init?(suffixOf path: String) {
        guard let match = Self.allCases.first(where: { path.lowercased().hasSuffix("." + $0.rawValue) }) else { return nil }
        self = match
    }
}
