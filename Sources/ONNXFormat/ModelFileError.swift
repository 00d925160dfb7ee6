/// Why a model file, tensor file or native archive could not be read or written.
public struct ModelFileError: Error, Sendable, Hashable {
    /// The file, as the caller named it.
    public var file: String
    /// What is wrong: the rule that is broken.
    public var cause: String
    /// Where in the model: a path of fields such as `graph.node[3].attribute[1].t`, or names such as
    /// `node 'conv1' (#3, Conv), attribute 'value'`. Empty when the file as a whole is meant.
    public var place: String
    /// The byte of the file at which the rule is broken, if it is one of the wire format.
    public var offset: Int?
    /// What the user can do.
    public var hint: String?

    /// An error in the file as a whole, unless a place or an offset is given.
    public init(file: String, cause: String, place: String = "", offset: Int? = nil, hint: String? = nil) {
        self.file = file
        self.cause = cause
        self.place = place
        self.offset = offset
        self.hint = hint
    }
}

extension ModelFileError: CustomStringConvertible {
    /// Cause, place and hint, a line each.
    public var description: String {
        var text = cause + "\n  at " + (place.isEmpty ? "" : place + " ") + (place.isEmpty ? file : "in \(file)")
        if let offset { text += ", byte \(offset)" }
        if let hint { text += "\nhint: " + hint }
        return text
    }
}

/// A file of another kind that is easily given in a model's place, told by its first bytes.
struct FileKind: CustomStringConvertible {
    let description: String

    init?(_ bytes: UnsafeRawBufferPointer) {
        func begins(_ prefix: [UInt8]) -> Bool { bytes.starts(with: prefix) }
        let start = bytes.prefix(512)
        if begins(Array("version https://git-lfs".utf8)) {
            description = "a Git LFS pointer (run 'git lfs pull' to get the model itself)"
        } else if begins(Array("PK".utf8) + [3, 4]) {
            description = "a ZIP archive (.npz, .pt or .zip)"
        } else if begins([0x93] + Array("NUMPY".utf8)) {
            description = "a NumPy array"
        } else if begins([0x89] + Array("HDF\r\n".utf8)) {
            description = "an HDF5 file (Keras)"
        } else if begins([0x1F, 0x8B]) {
            description = "a gzip file (unpack it first)"
        } else if bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
            description = "a safetensors file"
        } else if !start.isEmpty, start.allSatisfy({ $0 == 9 || $0 == 10 || $0 == 13 || (32..<127).contains($0) }) {
            description = "text"
        } else {
            return nil
        }
    }
}
