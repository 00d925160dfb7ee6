import ArgumentParser
import CNNModels
import CNNOperators
import CNNTensors
import CNNVerification
import Foundation
import ONNXFormat

/// Writes a model as ONNX.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write ONNX: the same model that was imported, unless options change it.",
        discussion: """
            Prints the SHA-256 of what it wrote and of all weights. The bytes depend on the model and the options alone.

            With --self-check the file verifies itself wherever it goes: 'onnxcnn verify model.onnx' runs it on inputs made from a             seed and compares the outputs, within rounding, with what they came to here.

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

    @Flag(help: "Overwrite the file that was imported.")
    var force = false

    @OptionGroup var engine: EngineOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let externalData, externalData < 0 {
            throw ValidationError("'--external-data' must be 0 or more, but is \(externalData)")
        }
        if !inputs.files.isEmpty, cases == nil { throw ValidationError("'--input' goes with '--cases'") }
        if output == "-", common.json { throw ValidationError("'-o -' and '--json' would both write to stdout") }
        if output == "-", externalData != nil { throw ValidationError("'--external-data' needs a file to write beside") }
    }

    func run() throws {
        let console = common.console
        try reporting(to: console, file: model) {
            let source = try ModelSource(path: model)
            let model = try changed(source.model, console)
            if let cases {
                try writeCase(model, to: cases, console)
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
        try checkOverwriting(path, source)
        let written = try ONNXWriter.write(model, to: path, options: .init(externalDataThreshold: externalData))
        console.result("wrote \(path) (\(written.byteCount) bytes)")
        if let data = written.externalDataPath { console.result("wrote \(data) (weights)") }
        console.result("SHA-256 of \(path): \(written.sha256)")
        console.result("SHA-256 of all weights: \(written.weightsSHA256)")
        console.result(json: [
            JSON.Member("command", .string("export")), JSON.Member("path", .string(path)),
            JSON.Member("bytes", .integer(written.byteCount)), JSON.Member("sha256", .string(written.sha256)),
            JSON.Member("external_data", written.externalDataPath.map { .string($0) } ?? .null),
            JSON.Member("weights_sha256", .string(written.weightsSHA256)),
        ])
    }

    /// The file that was imported is overwritten only when that is asked for.
    private func checkOverwriting(_ path: String, _ source: ModelSource) throws {
        guard !force, FilePath.exists(path) else { return }
        let isSource = FilePath.areSameFile(path, source.path) || FilePath.areSameFile(path, source.originalName)
        guard isSource else { return }
        throw ToolError("'\(path)' is the file that was imported", hint: "'--force' overwrites it; '-o' names another file")
    }

    private func writeCase(_ model: Model, to folder: String, _ console: Console) throws {
        let given = try inputs.tensors(for: model.graph)
        let results = try engine.runner(for: model, threads: common.threads).run(given)
        let dataSet = (folder as NSString).appendingPathComponent("test_data_set_0")
        try FileManager.default.createDirectory(atPath: dataSet, withIntermediateDirectories: true)
        let modelPath = (folder as NSString).appendingPathComponent("model.onnx")
        let written = try ONNXWriter.write(model, to: modelPath, options: .init(externalDataThreshold: externalData))
        // ONNX's runners feed the inputs in the model's order.
        for (index, input) in model.graph.requiredInputs.enumerated() {
            guard let tensor = given[input.name] else { continue }
            try ONNXWriter.write(NamedTensor(name: input.name, tensor: tensor), to: "\(dataSet)/input_\(index).pb")
        }
        for (index, output) in model.graph.outputs.enumerated() {
            guard let tensor = results[output.name] else { continue }
            try ONNXWriter.write(NamedTensor(name: output.name, tensor: tensor), to: "\(dataSet)/output_\(index).pb")
        }
        console.result("wrote the test case \(folder), outputs by the \(engine.label)")
        console.result(json: [
            JSON.Member("command", .string("export")), JSON.Member("case", .string(folder)),
            JSON.Member("engine", .string(engine.label)), JSON.Member("weights_sha256", .string(written.weightsSHA256)),
        ])
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
