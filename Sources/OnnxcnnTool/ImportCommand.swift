import ArgumentParser
import CNNInspection
import CNNOperators
import CNNTensors
import ONNXFormat

/// Checks a model, infers its shapes, writes the native archive and prints the layer table.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Check an ONNX model, infer its shapes and write the native archive.",
        discussion: """
            The archive is a safetensors file with the graph in its metadata; by default it lies in the working directory under \
            the model's name. All problems of a model are reported at once.

            EXAMPLE:
              onnxcnn import model.onnx
            """)

    @Argument(
        help: ArgumentHelp("ONNX files; - reads one from stdin.", valueName: "model.onnx"),
        completion: .file(extensions: ["onnx"]))
    var models: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("The archive to write; - writes to stdout.", valueName: "out.safetensors"))
    var output: String?

    @Flag(help: "Overwrite a file that is no archive of this tool.")
    var force = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if output != nil, models.count > 1 {
            throw ValidationError("'--output' names one archive, but \(models.count) models are given")
        }
        try common.validate(output: output)
    }

    func run() throws {
        let console = common.console
        var imported: [JSON] = []
        var archives: [Archive] = []
        var failures = 0
        for path in models {
            let errors = try console.diagnosing(path) { imported.append(try importModel(at: path, &archives, console)) }
            guard !errors.isEmpty else { continue }
            failures += 1
            imported.append(errors.json(ofModel: path))
        }
        try reporting(to: console) {
            if models.count > 1 { try console.result("\(models.count - failures) imported, \(failures) failed") }
            try console.result(json: [JSON.Member("command", .string("import")), JSON.Member("models", .array(imported))])
        }
        if failures > 0 { throw ExitCode.invalidInput }
    }

    /// An archive that this run wrote.
    private struct Archive {
        let path: String
        let model: String
    }

    private func importModel(at path: String, _ archives: inout [Archive], _ console: Console) throws -> JSON {
        let source = try ModelSource(opening: path)
        let inferred = try BoundModel(source.model).infer()
        let archivePath = output ?? source.stem + ".safetensors"
        let metadata = [ModelSource.sourceKey: source.originalName]
        if archivePath == "-" {
            var sink = StandardOutputSink()
            try ModelArchive.write(source.model, into: &sink, metadata: metadata)
            // Nobody asks for it: '--json' would stand in the archive's place.
            return .null
        }
        try checkOverwriting(archivePath, archives)
        try ModelArchive.write(source.model, to: archivePath, metadata: metadata)
        archives.append(Archive(path: archivePath, model: path))
        let table = try LayerTable(inferred)
        try console.result(table.text(title: path, width: console.width))
        try console.result("wrote \(archivePath)")
        return .object(
            [
                JSON.Member("path", .string(path)), JSON.Member("ok", .boolean(true)),
                JSON.Member("archive", .string(archivePath)),
            ] + table.jsonMembers)
    }

    /// An archive of ours is replaced, unless this very run wrote it; anything else at its place is somebody's work.
    private func checkOverwriting(_ path: String, _ archives: [Archive]) throws {
        if let earlier = archives.first(where: { FilePath.areSameFile($0.path, path) }) {
            throw ToolError(
                "the archive '\(path)' was just made of '\(earlier.model)'",
                hint: "import each alone, with '-o' for its archive")
        }
        guard !force, FilePath.exists(path), !ModelSource.isArchive(path) else { return }
        throw ToolError(
            "'\(path)' exists and is no archive of this tool", hint: "'--force' overwrites it; '-o' names another file")
    }
}
