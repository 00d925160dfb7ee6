import CNNTensors

/// The files beside a model that hold elements of its tensors. A model may come from anywhere, so the names in it are
/// hostile: only regular files inside the model's own folder are opened, each step of the way relative to the folder opened
/// before and without following links, so that nothing can be exchanged between check and use.
///
/// A model that was opened by a link has two folders, that of the link and that where it really lies; a file that the first
/// lacks is looked for in the second. And one exception: in the Hugging Face cache the model and its data are both links into
/// one folder of blobs. A link whose target lies in the very folder where the model file itself really lies is followed.
final class ExternalFiles {
    private let folder: String
    private let realFolder: String?
    /// A file may be named in any number of spellings.
    private var files: [FileDescriptor.Status.Identity: MappedFile] = [:]

    /// The files beside the model at `path`.
    init(model path: String) {
        folder = FilePath.folder(of: path)
        realFolder = FileDescriptor.resolvedPath(path).map(FilePath.folder(of:))
    }

    /// The file that a tensor names, mapped.
    /// - Throws: `FileError` if it is missing, or breaks one of the rules above.
    func file(at location: String) throws -> MappedFile {
        let descriptor = try open(location)
        let status = try descriptor.status()
        if let refusal = status.refusal { throw FileError(path: location, reason: refusal) }
        // A second name may belong to a file outside that the model's author wants to see copied into an output.
        if status.links > 1 {
            throw refused(location, "external data must not be a hard link (the file has several names)")
        }
        if let known = files[status.identity] { return known }
        let file = try MappedFile(descriptor, allowingEmpty: true)
        files[status.identity] = file
        return file
    }

    private func open(_ location: String) throws -> FileDescriptor {
        if FilePath.isAbsolute(location) {
            throw refused(location, "external data must lie in the model's folder, but the path is absolute")
        }
        let components = FilePath.components(of: location).filter { $0 != "." }
        if components.contains("..") {
            throw refused(location, "external data must lie in the model's folder, but the path contains '..'")
        }
        if components.isEmpty { throw refused(location, "external data has no file name") }
        do {
            return try open(components, in: folder, location)
        } catch let error as FileError where error.reason == .notRegular(kind: "a symbolic link") {
            guard let target = FileDescriptor.resolvedPath(folder + "/" + location), let realFolder,
                FilePath.folder(of: target) == realFolder
            else { throw refused(location, "external data must not be a symbolic link") }
            return try open([FilePath.name(of: target)], in: realFolder, location)
        } catch let error as FileError where error.reason == .notFound {
            guard let realFolder else { throw error }
            return try open(components, in: realFolder, location)
        }
    }

    private func open(_ components: [String], in folder: String, _ location: String) throws -> FileDescriptor {
        var current = try FileDescriptor.openFolder(folder)
        for component in components.dropLast() {
            current = try current.open(entry: component, folder: true, path: location)
        }
        return try current.open(entry: components.last ?? "", folder: false, path: location)
    }

    private func refused(_ location: String, _ rule: String) -> FileError {
        FileError(path: location, reason: .leavesFolder(rule: rule))
    }
}
