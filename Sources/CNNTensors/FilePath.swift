/// The parts of a path as the system sees them: what lies between bytes '/'. Swift's characters are no measure of that: with a
/// combining mark behind it, '/' is another character, but for the system a folder still ends there.
package enum FilePath {
    private static let separator = UInt8(ascii: "/")

    /// Whether the path does not depend on the working folder.
    package static func isAbsolute(_ path: String) -> Bool { path.utf8.first == separator }

    /// The names that the path is made of; empty ones, which say nothing, are left out.
    package static func components(of path: String) -> [String] {
        path.utf8.split(separator: separator).map { String(Substring($0)) }
    }

    /// The path of the folder that the path names an entry of.
    package static func folder(of path: String) -> String {
        guard let end = path.utf8.lastIndex(of: separator) else { return "." }
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    /// The name of the entry that the path ends in; empty if it ends in '/'.
    package static func name(of path: String) -> String {
        guard let end = path.utf8.lastIndex(of: separator) else { return path }
        return String(path[path.utf8.index(after: end)...])
    }

    /// The path of the entry of this name in the same folder.
    package static func neighbour(of path: String, named name: String) -> String {
        guard let end = path.utf8.lastIndex(of: separator) else { return name }
        return path[..<path.utf8.index(after: end)] + name
    }
}
