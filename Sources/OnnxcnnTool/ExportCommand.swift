import ArgumentParser
import CNNModels
import CNNOperators
import CNNTensors
import CNNVerification
import ONNXFormat

/// Writes a model as ONNX.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write ONNX: the same model that was imported, unless options change it.",
        discussion: """
            Prints the SHA-256 of what it wrote and of all weights. The bytes depend on the model and the options alone.

            With --self-check the file verifies itself wherever it goes: 'onnxcnn verify model.onnx' runs it on inputs made \
            from a seed and compares the outputs, within rounding, with what they came to here.

            EXAMPLE:
              onnxcnn export --batch dynamic --shapes -o model.dynamic.onnx
              onnxcnn export model.onnx --self-check -o model.checked.onnx
            """)

    @Argument(help: "An .onnx file or a native archive; left out, the one archive in the working directory.")
    var model: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The file to write; by default <name>.export.onnx; - writes to stdout.", valueName: "out.onnx"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Declare the batch (the first axis of every input) as this size, or as dynamic.", valueName: "n|dynamic"))
    var batch: BatchChoice?

    @Flag(help: "Declare the inferred type and shape of every value.")
    var shapes = false

    @Option(
        help: ArgumentHelp(
            "Write weights of this many bytes and more to <out>.data beside the file.", valueName: "bytes"))
    var externalData: Int?

    @Flag(help: "Put a check into the metadata by which 'verify' needs no other file.")
    var selfCheck = false

    @Option(help: ArgumentHelp("Write an ONNX test case (model and test_data_set_0) into this folder.", valueName: "dir"))
    var cases: String?

    @OptionGroup var inputs: InputOptions

    @Flag(help: "Overwrite the file that was imported, or weights beside the output that belong to another model.")
    var force = false

    @OptionGroup var engine: EngineOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let externalData, externalData < 0 {
            throw ValidationError("'--external-data' must be 0 or more, but is \(externalData)")
        }
        if !inputs.files.isEmpty, cases == nil { throw ValidationError("'--input' goes with '--cases'") }
        if cases != nil, output != nil { throw ValidationError("'--cases' writes a folder and '-o' a file: give one of them") }
        try CommonOptions.validate(cases, besideResultsBy: "--cases", kind: "folder")
        try common.validate(output: output)
        if output == "-", externalData != nil { throw ValidationError("'--external-data' needs a file to write beside") }
    }

    func run() throws {
        let console = common.console
        try reporting(to: console, file: model) {
            let source = try ModelSource(path: model)
            let model = try changed(source.model, console)
            if let cases {
                try writeCase(model, from: source, to: cases, console)
            } else {
                try write(model, from: source, console)
            }
        }
    }

    private func changed(_ model: Model, _ console: Console) throws -> Model {
        var model = model
        if let batch {
            model = try model.withBatch(batch.size)
            if !selfCheck, let check = try? SelfCheck(in: model), !check.fits(model) {
                model = SelfCheck.removed(from: model)
                console.warning("the model's self-check is for another batch and is left out; '--self-check' makes a new one")
            }
        }
        if selfCheck {
            model = try SelfCheck.make(for: model, threads: engine.threads(common.threads)).attached(to: model)
        }
        // An unsound model is refused even where nothing is changed.
        let inferred = try BoundModel(model).infer()
        return shapes ? inferred.modelDeclaringShapes() : model
    }

    private func write(_ model: Model, from source: ModelSource, _ console: Console) throws {
        let path = output ?? source.stem + ".export.onnx"
        if path == "-" {
            var sink = StandardOutputSink()
            try ONNXWriter.write(model, into: &sink)
            return
        }
        try checkOverwriting(path, with: model, from: source)
        let written = try ONNXWriter.write(model, to: path, options: writerOptions)
        try console.result("wrote \(path) (\(written.byteCount) bytes)")
        if let data = written.externalDataPath { try console.result("wrote \(data) (weights)") }
        try console.result("SHA-256 of \(path): \(written.sha256)")
        try console.result("SHA-256 of all weights: \(written.weightsSHA256)")
        try console.result(json: [
            JSON.Member("command", .string("export")), JSON.Member("path", .string(path)),
            JSON.Member("bytes", .integer(written.byteCount)), JSON.Member("sha256", .string(written.sha256)),
            JSON.Member("external_data", written.externalDataPath.map { .string($0) } ?? .null),
            JSON.Member("weights_sha256", .string(written.weightsSHA256)),
        ])
    }

    private func writeCase(_ model: Model, from source: ModelSource, to folder: String, _ console: Console) throws {
        let given = try inputs.tensors(for: model.graph)
        try checkOverwriting(folder + "/model.onnx", with: model, from: source)
        let results = try engine.runner(for: model, threads: common.threads).run(given)
        let written = try TestCaseFiles.write(model, inputs: given, outputs: results, to: folder, options: writerOptions)
        try console.result("wrote the test case \(folder), outputs by the \(engine.label)")
        try console.result(json: [
            JSON.Member("command", .string("export")), JSON.Member("case", .string(folder)),
            JSON.Member("engine", .string(engine.label)), JSON.Member("weights_sha256", .string(written.weightsSHA256)),
        ])
    }

    private var writerOptions: ONNXWriter.Options { ONNXWriter.Options(externalDataThreshold: externalData) }

    // MARK: - What is not overwritten

    /// What the user may have nowhere else is overwritten only when that is asked for.
    private func checkOverwriting(_ path: String, with model: Model, from source: ModelSource) throws {
        guard !force else { return }
        if FilePath.exists(path), source.lies(at: path) || replacesImported(path, with: model, from: source) {
            throw ToolError(
                "'\(path)' is the model that was imported", hint: "name another place, or overwrite it with '--force'")
        }
        let data = try ONNXWriter.externalDataPath(of: model, at: path, options: writerOptions)
        if let data, FilePath.exists(data), !Self.hasExternalData(path) {
            throw ToolError(
                "'\(data)' exists and does not belong to '\(path)'", hint: "name another place, or overwrite it with '--force'")
        }
    }

    /// Whether the imported model would give way to a changed one. An equal one may be a former export, which is written again
    /// without loss; and a file under the default name is one.
    private func replacesImported(_ path: String, with model: Model, from source: ModelSource) -> Bool {
        let isDefaultName = output == nil && cases == nil
        let isChanged = model != source.model || externalData != nil
        return !isDefaultName && isChanged && source.wasImported(from: path)
    }

    /// Whether the file at `path` is a model with weights in a file of their own, as a former export leaves it.
    private static func hasExternalData(_ path: String) -> Bool {
        (try? ONNXReader.model(at: path))?.graph.initializers.contains { $0.storage == .external } ?? false
    }
}

/// The argument of `--batch`.
struct BatchChoice: ExpressibleByArgument {
    let size: BatchSize

    init?(argument: String) {
        if argument == "dynamic" {
            size = .symbolic("N")
        } else if let number = Int(argument), number > 0 {
            size = .fixed(number)
        } else {
            return nil
        }
    }
}
