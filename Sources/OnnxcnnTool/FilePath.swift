import Foundation

/// Questions about paths.
enum FilePath {
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// A file of this name in the same folder as `path`.
    static func sibling(_ name: String, of path: String) -> String {
        let folder = (path as NSString).deletingLastPathComponent
        return folder.isEmpty ? name : (folder as NSString).appendingPathComponent(name)
    }

    /// Whether both paths lead to the same existing file.
    static func areSameFile(_ first: String, _ second: String) -> Bool {
        func identity(_ path: String) -> [Int]? {
            let attributes = try? FileManager.default.attributesOfItem(
                atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
            guard let device = attributes?[.systemNumber] as? Int, let number = attributes?[.systemFileNumber] as? Int else {
                return nil
            }
            return [device, number]
        }
        guard let first = identity(first) else { return false }
        return first == identity(second)
    }
}
