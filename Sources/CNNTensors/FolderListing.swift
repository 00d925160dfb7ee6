#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The entries of a folder.
package enum FolderListing {
    /// The names of all entries but `.` and `..`, sorted by their bytes. Names that are no UTF-8 are left out: no path of
    /// this package could name them.
    /// - Throws: `FileError` if the folder cannot be opened or read.
    package static func names(at path: String) throws -> [String] {
        if path.utf8.contains(0) { throw FileError(path: path, reason: .notFound) }
        guard let folder = opendir(path) else {
            let code = errno
            let reason: FileError.Reason =
                switch code {
                case ENOENT: .notFound
                case ENOTDIR: .notFolder
                default: .system(operation: "open", code: code)
                }
            throw FileError(path: path, reason: reason)
        }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                if errno != 0 { throw FileError(path: path, reason: .system(operation: "read", code: errno)) }
                break
            }
            let name = withUnsafeBytes(of: entry.pointee.d_name) { buffer in
                String(validating: buffer.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let name, name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
