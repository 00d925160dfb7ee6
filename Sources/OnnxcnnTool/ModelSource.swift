import ArgumentParser
import CNNModels
import CNNTensors
import ONNXFormat

/// A model that was opened, with what its file is called.
struct ModelSource {
    /// The path as the user gave it, or as the default-model rule found it; `-` for stdin.
    let path: String
    let model: Model
    /// The name of the file that an archive was imported from; for an `.onnx` file its own.
    let originalName: String
    private let isArchive: Bool

    /// The file's name without folder and extension, as default names of outputs begin.
    var stem: String { Self.stem(of: path) }

    static func stem(of path: String) -> String { path == "-" ? "model" : FilePath.stem(of: path) }

    /// Opens the model at `path`, an `.onnx` file or a native archive, told apart by content; `-` reads stdin.
    init(opening path: String) throws {
        self.path = path
        let isStandardInput = path == "-"
        let file = isStandardInput ? try MappedFile.standardInput() : try MappedFile(path: path)
        isArchive = ArrayFile.Format(detecting: file) == .safetensors
        if isArchive {
            let archive = try ModelArchive(file)
            model = archive.model
            originalName = archive.metadata[Self.sourceKey] ?? Self.stem(of: path) + ".onnx"
        } else if isStandardInput {
            model = try ONNXReader.model(file)
            originalName = "model.onnx"
        } else {
            model = try ONNXReader.model(at: path)
            originalName = FilePath.name(of: path)
        }
    }

    /// The archive's metadata key for the name of the file that it was imported from.
    static let sourceKey = "onnxcnn.source"

    /// Whether `path` is where the model comes from: the file that was opened, or in the working directory the one that the
    /// archive was made of.
    func lies(at path: String) -> Bool {
        FilePath.areSameFile(path, self.path) || isArchive && FilePath.areSameFile(path, originalName)
    }

    /// Whether the archive was made of the file at `path`, as far as the content tells: it holds the same model. The archive
    /// says not where that file lay, which may have moved since and differs from machine to machine.
    func wasImported(from path: String) -> Bool {
        isArchive && (try? ONNXReader.model(at: path)) == model
    }

    /// Whether the file at `path` is a native archive.
    static func isArchive(_ path: String) -> Bool {
        (try? SafetensorsFile(path: path))?.metadata[ModelArchive.graphKey] != nil
    }

    /// Opens the model that the user named or, if none, the one archive in the working directory.
    init(path: String?) throws {
        try self.init(opening: path ?? Self.defaultArchive())
    }

    /// - Throws: `ToolError` if the working directory holds no archive, or several, which it lists.
    private static func defaultArchive() throws -> String {
        let names = try FolderListing.names(at: ".").filter { $0.hasSuffix(".safetensors") }
        let archives = names.filter(isArchive)
        switch archives.count {
        case 1: return archives[0]
        case 0:
            throw ToolError(
                "no MODEL was given, and the working directory holds no archive",
                hint: "'onnxcnn import model.onnx' makes one; or name the model")
        default:
            throw ToolError(
                "no MODEL was given, and the working directory holds \(archives.count) archives: "
                    + archives.joined(separator: ", "), hint: "name the one you mean")
        }
    }
}

/// The one model that most verbs work on.
struct ModelArgument: ParsableArguments {
    @Argument(help: "An .onnx file or a native archive; left out, the one archive in the working directory.")
    var model: String?

    @OptionGroup var binding: BatchOption

    func open() throws -> ModelSource { try ModelSource(path: model) }
}

/// The size that a symbolic batch is bound to.
struct BatchOption: ParsableArguments {
    @Option(help: ArgumentHelp("Bind a symbolic batch (the first axis of every input) to this size.", valueName: "n"))
    var batch: Int?

    func validate() throws {
        if let batch, batch < 1 { throw ValidationError("'--batch' must be 1 or more, but is \(batch)") }
    }
}

extension ModelSource {
    /// The model with its symbolic batch bound to the size that was asked for, if any was.
    func bindingBatch(_ option: BatchOption) throws -> Model {
        try option.batch.map { try model.withBatch(.fixed($0)) } ?? model
    }
}
