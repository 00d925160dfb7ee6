/// Why a file could not be opened, read, mapped or written. The path is the one the caller gave.
public struct FileError: Error, Sendable, Equatable {
    /// What stood in the way.
    public enum Reason: Sendable, Equatable {
        /// Nothing lies at the path.
        case notFound
        /// The path is a folder.
        case isDirectory
        /// The path has to be a folder and is none.
        case notFolder
        /// The path is a chain of symbolic links without an end.
        case tooManyLinks
        /// The path is neither a regular file nor a folder; `kind` says what it is ("a FIFO", "a device", …).
        case notRegular(kind: String)
        /// The file has no bytes.
        case empty
        /// The file became shorter while it was read.
        case shrank
        /// Opening the file would leave the folder it has to lie in; `rule` is the rule that it breaks.
        case leavesFolder(rule: String)
        /// The existing file may not be overwritten by this user.
        case readOnly
        /// The system refused `operation` with the error number `code`.
        case system(operation: String, code: Int32)
    }

    /// The path as the caller gave it.
    public let path: String
    /// What stood in the way.
    public let reason: Reason

    /// An error for the file at `path`.
    public init(path: String, reason: Reason) {
        self.path = path
        self.reason = reason
    }
}

extension FileError: CustomStringConvertible {
    /// One line: the path, then the cause.
    public var description: String {
        switch reason {
        case .notFound: "'\(path)': no such file"
        case .isDirectory: "'\(path)' is a folder, not a file"
        case .notFolder: "'\(path)' is not a folder"
        case .tooManyLinks: "'\(path)': too many symbolic links"
        case .notRegular(let kind): "'\(path)' is \(kind), not a regular file"
        case .empty: "'\(path)' is empty"
        case .shrank: "'\(path)' became shorter while it was read"
        case .leavesFolder(let rule): "'\(path)' is refused: \(rule)"
        case .readOnly: "'\(path)' is write-protected"
        case .system(let operation, let code): "'\(path)': cannot \(operation): \(FileDescriptor.message(of: code))"
        }
    }
}
