/// Why a file of arrays (`.npy`, `.npz`, `.safetensors`) cannot be read or written, and which array of it is concerned.
public struct ArrayFileError: Error, Sendable, Equatable {
    /// What is wrong.
    public enum Reason: Sendable, Equatable {
        /// The bytes break a rule of the format, which the text states.
        case malformed(String)
        /// The bytes end before the array does.
        case truncated(needed: Int, present: Int)
        /// The content may be right, but this package does not read or write such.
        case unsupported(String)
        /// No array of this name is in the file.
        case missing(name: String)
        /// The system has no such amount of memory, in bytes.
        case outOfMemory(byteCount: Int)
    }

    /// The file as the caller named it.
    public let path: String
    /// The array's name within the file, where it has one and the fault is its own.
    public let array: String?
    /// What is wrong.
    public let reason: Reason
    /// What the user can do about it, where that is known.
    public let hint: String?

    /// An error about the file at `path`, or about one array in it.
    public init(path: String, array: String? = nil, reason: Reason, hint: String? = nil) {
        self.path = path
        self.array = array
        self.reason = reason
        self.hint = hint
    }
}

extension ArrayFileError: CustomStringConvertible {
    /// One line: the file, the array, the cause. The hint is not part of it.
    public var description: String {
        let place = array.map { "'\(path)', array '\($0)'" } ?? "'\(path)'"
        switch reason {
        case .malformed(let rule): return "\(place): \(rule)"
        case .truncated(let needed, let present):
            return "\(place) is cut short: \(needed) bytes are needed, but there are \(present)"
        case .unsupported(let what): return "\(place): \(what)"
        case .missing(let name): return "'\(path)' has no array '\(name)'"
        case .outOfMemory(let byteCount): return "\(place): the system does not give the \(byteCount) bytes of memory needed"
        }
    }
}
