import ArgumentParser
import CNNInspection
import CNNOperators
import CNNTensors
import Foundation
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

    @Option(name: .shortAndLong, help: ArgumentHelp("The archive to write.", valueName: "out.safetensors"))
    var output: String?

    @Flag(help: "Overwrite a file that is no archive of this tool.")
    var force = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if output != nil, models.count > 1 {
            throw ValidationError("'--output' names one archive, but \(models.count) models are given")
        try common.validate(output: output)
        }
    }

    func run() throws {
        let console = common.console
        var imported: [JSON] = []
        var hasFailures = false
        for path in models {
            do {
                try reporting(to: console, file: path) { imported.append(try importModel(at: path, console)) }
            } catch let code as ExitCode {
                hasFailures = code != .success
                imported.append(.object([JSON.Member("path", .string(path)), JSON.Member("ok", .boolean(false))]))
            }
        }
        console.result(json: [JSON.Member("command", .string("import")), JSON.Member("models", .array(imported))])
        if models.count > 1 {
            let failures = imported.count { $0["ok"] == .boolean(false) }
            console.result("\(models.count - failures) imported, \(failures) failed")
        }
        if hasFailures { throw ExitCode.invalidInput }
    }

    private func importModel(at path: String, _ console: Console) throws -> JSON {
        let source = try ModelSource(opening: path)
        let inferred = try BoundModel(source.model).infer()
        let archivePath = output ?? source.stem + ".safetensors"
        try checkOverwriting(archivePath)
        try ModelArchive.write(source.model, to: archivePath, metadata: [ModelSource.sourceKey: source.originalName])
        let table = try LayerTable(inferred)
        console.result(table.text(title: path, width: console.width))
        console.result("wrote \(archivePath)")
        return .object(
            [
                JSON.Member("path", .string(path)), JSON.Member("ok", .boolean(true)),
                JSON.Member("archive", .string(archivePath)),
            ] + table.jsonMembers)
    }

    /// An archive of ours is replaced; anything else at its place is somebody's work.
    private func checkOverwriting(_ path: String) throws {
        guard !force, FileManager.default.fileExists(atPath: path), !ModelSource.isArchive(path) else { return }
        throw ToolError(
            "'\(path)' exists and is no archive of this tool", hint: "'--force' overwrites it; '-o' names another file")
    }
}
