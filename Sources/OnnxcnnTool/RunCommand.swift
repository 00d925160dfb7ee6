import ArgumentParser
import CNNModels
import CNNTensors

/// Runs a model on arrays.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a model.",
        discussion: """
            One output is written as .npy (or .pb), several as .npz under their names; - writes to stdout. Without -o the outputs \
            are summed up as text.

            EXAMPLE:
              onnxcnn run model.onnx --input input.npy -o out.npy
            """)

    @OptionGroup var model: ModelArgument
    @OptionGroup var inputs: InputOptions
    @OptionGroup var engine: EngineOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("Where to write: .npy, .npz, .safetensors or .pb.", valueName: "file"))
    var output: String?

    @Flag(help: "Write every value that a node computes, under its ONNX name, beside inputs and outputs.")
    var layers = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if layers, let output, output != "-", ![.npz, .safetensors].contains(ArrayFile.Format(suffixOf: output)) {
            throw ValidationError("'--layers' writes many arrays: name an .npz or .safetensors file")
        }
        try common.validate(output: output)
    }

    func run() throws {
        let console = common.console
        try reporting(to: console, file: model.model) {
            let source = try model.open()
            let bound = try source.bindingBatch(model.binding)
            let given = try inputs.tensors(for: bound.graph)
            let results = try engine.runner(for: bound, threads: common.threads, usual: .fewRuns)
                .run(given, keepingAll: layers)
            let outputs = bound.graph.outputs.map(\.name)
            var arrays = outputs.compactMap { name in results[name].map { (name: name, tensor: $0) } }
            if layers {
                let others = bound.graph.nodes.flatMap(\.outputs).filter { !outputs.contains($0) }
                arrays =
                    given.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }
                    + others.compactMap { name in results[name].map { (name: name, tensor: $0) } } + arrays
            }
            if let output {
                try ArrayWriter.write(arrays, to: output)
                if output != "-" { try console.result("wrote \(output)") }
            } else {
                for array in arrays { try console.result(TensorSummary(array.tensor, name: array.name).text) }
            }
            try console.result(json: [
                JSON.Member("command", .string("run")), JSON.Member("engine", .string(engine.label)),
                JSON.Member("path", .string(source.path)), JSON.Member("written", output.map { .string($0) } ?? .null),
                JSON.Member("outputs", .array(arrays.map { TensorSummary($0.tensor, name: $0.name).json })),
            ])
        }
    }
}
