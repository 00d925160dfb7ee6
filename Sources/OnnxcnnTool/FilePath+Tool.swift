import CNNTensors

extension FilePath {
    static func exists(_ path: String) -> Bool { status(path) != nil }

    /// The name without its extension.
    static func stem(of path: String) -> String {
        let name = name(of: path)
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else { return name }
        return String(name[..<dot])
    }

    /// A file of this name in the same folder as `path`; nil for `-`, stdin, which lies nowhere.
    static func sibling(_ name: String, of path: String) -> String? {
        path == "-" ? nil : neighbour(of: path, named: name)
    }

    /// Whether both paths lead to the same existing file.
    static func areSameFile(_ first: String, _ second: String) -> Bool {
        guard let first = status(first), let second = status(second) else { return false }
        return first.identity == second.identity
    }

    private static func status(_ path: String) -> FileDescriptor.Status? {
        try? FileDescriptor.status(of: path, followingLinks: true)
    }
}
