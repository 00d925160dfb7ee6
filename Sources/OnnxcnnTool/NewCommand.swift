import ArgumentParser
import CNNModels
import CNNOperators
import CNNTensors
import CNNZoo
import ONNXFormat

/// Builds a network of the canon with seeded random weights.
struct NewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Build a network of the canon with seeded random weights.",
        discussion: """
            Networks: \(Zoo.names.joined(separator: ", ")).

            EXAMPLE:
              onnxcnn new resnet50 -o resnet50.onnx
            """)

    @Argument(help: ArgumentHelp("The network's name.", valueName: "name"), completion: .list(Zoo.names))
    var name: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "An .onnx file or an archive (.safetensors); by default <name>.onnx; - writes ONNX to stdout.", valueName: "out"))
    var output: String?

    @Option(help: ArgumentHelp("How many classes; by default as many as the network was published for.", valueName: "n"))
    var classes: Int?

    @Option(help: ArgumentHelp("Chooses the weights.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("The version of ONNX's operator set.", valueName: "n"))
    var opset = 17

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let classes, classes < 1 { throw ValidationError("'--classes' must be 1 or more, but is \(classes)") }
        try common.validate(output: output)
    }

    func run() throws {
        let console = common.console
        try reporting(to: console) {
            let model = try Zoo.model(named: name, classes: classes, seed: seed, opset: opset).declaringShapes()
            let path = output ?? name + ".onnx"
            if path == "-" {
                var sink = StandardOutputSink()
                try ONNXWriter.write(model, into: &sink)
                return
            }
            if path.hasSuffix(".safetensors") {
                try ModelArchive.write(model, to: path, metadata: [ModelSource.sourceKey: name + ".onnx"])
            } else {
                try ONNXWriter.write(model, to: path)
            }
            try console.result("wrote \(path)")
            try console.result(
                json: [
                    JSON.Member("command", .string("new")), JSON.Member("path", .string(path)),
                    JSON.Member("weights_sha256", .string(ONNXWriter.weightsDigest(model))),
                ])
        }
    }
}
