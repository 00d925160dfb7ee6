import CNNTensors

/// The files beside a model that hold elements of its tensors. A model may come from anywhere, so the names in it are
/// hostile: only regular files inside the model's own folder are opened, each step of the way relative to the folder opened
/// before and without following links, so that nothing can be exchanged between check and use.
///
/// One exception: in the Hugging Face cache the model and its data are both links into one folder of blobs. A link whose
/// target lies in the very folder where the model file itself really lies is followed.
final class ExternalFiles {
    private let folder: String
    private let realFolder: String?
    private var open: [String: MappedFile] = [:]

    /// The files beside the model at `path`.
    init(model path: String) {
        folder = Self.folder(of: path)
        realFolder = FileDescriptor.resolvedPath(path).map(Self.folder(of:))
    }

    /// The file that a tensor names, mapped.
    /// - Throws: `FileError` if it is missing, or breaks one of the rules above.
    func file(at location: String) throws -> MappedFile {
        if let known = open[location] { return known }
        let file = try MappedFile(descriptor(location), allowingEmpty: true)
        open[location] = file
        return file
    }

    private func descriptor(_ location: String) throws -> FileDescriptor {
        func refused(_ rule: String) -> FileError { FileError(path: location, reason: .leavesFolder(rule: rule)) }
        if location.hasPrefix("/") { throw refused("external data must lie in the model's folder, but the path is absolute") }
        var components = location.split(separator: "/").map(String.init).filter { $0 != "." }
        if components.contains("..") {
            throw refused("external data must lie in the model's folder, but the path contains '..'")
        }
        guard let name = components.popLast() else { throw refused("external data has no file name") }

        var current = try FileDescriptor.openFolder(folder)
        for component in components {
            current = try current.open(entry: component, folder: true, path: location)
        }
        let file: FileDescriptor
        do {
            file = try current.open(entry: name, folder: false, path: location)
        } catch let error as FileError where error.reason == .notRegular(kind: "a symbolic link") {
            guard let target = FileDescriptor.resolvedPath(folder + "/" + location), let realFolder,
                Self.folder(of: target) == realFolder
            else { throw refused("external data must not be a symbolic link") }
            let blob = String(target.dropFirst(realFolder.count).drop { $0 == "/" })
            file = try FileDescriptor.openFolder(realFolder).open(entry: blob, folder: false, path: location)
        }
        let status = try file.status()
        if let refusal = status.refusal { throw FileError(path: location, reason: refusal) }
        // A second name may belong to a file outside that the model's author wants to see copied into an output.
        if status.links > 1 { throw refused("external data must not be a hard link (the file has several names)") }
        return file
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
