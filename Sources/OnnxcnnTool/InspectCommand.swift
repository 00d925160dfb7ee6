import ArgumentParser
import CNNInspection
import CNNOperators
import CNNTensors

/// Prints the layer table of one or more models.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print the layer table: shapes, parameters, multiply-adds, memory, receptive fields.",
        discussion: """
            Warns of what breaks users later: a Reshape that fixes the batch, nodes exported in training mode, windows that \
            do not fit.

            EXAMPLE:
              onnxcnn inspect model.onnx --batch 8
            """)

    @Argument(help: "ONNX files or native archives; left out, the one archive in the working directory.")
    var models: [String] = []

    @OptionGroup var binding: BatchOption

    @OptionGroup var common: CommonOptions

    func run() throws {
        let console = common.console
        var inspected: [JSON] = []
        var failures = 0
        for path in models.isEmpty ? [nil] : models.map(Optional.some) {
            let errors = try console.diagnosing(path) {
                let source = try ModelSource(path: path)
                let table = try LayerTable(BoundModel(source.bindingBatch(binding)).infer())
                try console.result(table.text(title: source.path, width: console.width))
                inspected.append(
                    .object(
                        [JSON.Member("path", .string(source.path)), JSON.Member("ok", .boolean(true))] + table.jsonMembers))
            }
            guard !errors.isEmpty else { continue }
            failures += 1
            inspected.append(errors.json(ofModel: path))
        }
        try reporting(to: console) {
            if models.count > 1 { try console.result("\(models.count - failures) inspected, \(failures) failed") }
            try console.result(json: [JSON.Member("command", .string("inspect")), JSON.Member("models", .array(inspected))])
        }
        if failures > 0 { throw ExitCode.invalidInput }
    }
}
