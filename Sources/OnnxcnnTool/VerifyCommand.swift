import ArgumentParser
import CNNModels
import CNNTensors
import CNNVerification
import Foundation

/// Runs a model and compares its outputs with reference arrays.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Run a model and compare its outputs with references; exit 1 on a mismatch.",
        discussion: """
            A number agrees when |actual − reference| ≤ atol + rtol·|reference|. Without --atol it is 1e-5 times the largest \
            magnitude of the reference, since an absolute number means nothing for values of unknown scale. A NaN or infinity on \
            one side only is a mismatch. Nothing passes by being left out: an output without a reference, a reference that \
            matches no output, another shape or type is exit code 3, unless --partial allows it.

            Without --input, arrays under the inputs' names in the reference file are taken, else 'input.npy' beside it.

            Reference arrays under the names of values between nodes are compared too.

            EXAMPLE:
              onnxcnn verify model.onnx --input input.npy --reference out.npy
              onnxcnn verify --cases cases/
            """)

    @OptionGroup var model: ModelArgument

    @Option(
        name: .customLong("reference"), parsing: .singleValue,
        help: ArgumentHelp("Reference arrays: .npy, .npz, .safetensors or ONNX .pb; repeatable.", valueName: "[name=]file"))
    var references: [String] = []

    @OptionGroup var inputs: InputOptions

    @Option(help: ArgumentHelp("Run the tree of ONNX test cases in this folder; repeatable.", valueName: "dir"))
    var cases: [String] = []

    @OptionGroup var tolerance: ToleranceOptions

    @Flag(help: "Compare what there is: outputs without a reference do not count against the verdict.")
    var partial = false

    @OptionGroup var investigation: InvestigationOptions
    @OptionGroup var engine: EngineOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if cases.isEmpty, references.isEmpty { throw ValidationError("give '--reference FILE' or '--cases DIR'") }
        if !cases.isEmpty, !references.isEmpty || !inputs.files.isEmpty || model.model != nil {
            throw ValidationError("'--cases' brings models, inputs and references of its own")
        }
    }

    func run() throws {
        if cases.isEmpty {
            try verifyModel(common.console)
        } else {
            try verifyCases(common.console)
        }
    }
}

// MARK: - One model

extension VerifyCommand {
    private func verifyModel(_ console: Console) throws {
        var verdict = VerificationReport.Verdict.incomplete
        try reporting(to: console, file: model.model) {
            let source = try model.open()
            let bound = try source.bindingBatch(model.batch)
            let arrays = try referenceArrays(for: bound.graph)
            let report = try compare(bound, with: arrays)
            verdict = report.verdict
            console.result("\(source.path): \(engine.label)")
            console.result(report.text(width: console.width))
            var findings = Findings()
            if report.hasDifference {
                let options = engine.sessionOptions(threads: common.threads)
                let mismatch = try Mismatch(
                    model: bound, inputs: inputTensors(for: bound.graph, arrays), arrays: arrays, options: options)
                findings = try investigation.investigate(mismatch, options: options, console: console)
            }
            for text in findings.text { console.result(text) }
            console.result(
                json: [
                    JSON.Member("command", .string("verify")), JSON.Member("path", .string(source.path)),
                    JSON.Member("engine", .string(engine.label)),
                ] + report.jsonMembers + findings.json)
            if verdict == .incomplete, console.isQuiet || console.printsJSON {
                console.progress(report.omissions.joined(separator: "\n"))
            }
        }
        try verdict.exit()
    }

    /// The arrays of all reference files, with the names they have in the model as far as the files tell.
    private func referenceArrays(for graph: Graph) throws -> [(name: String?, tensor: Tensor)] {
        let names = graph.outputs.map(\.name) + graph.nodes.flatMap(\.outputs)
        return try references.flatMap { text in
            let file = NamedFile(text, names: names)
            let arrays = try ArrayReader.arrays(at: file.path)
            if let name = file.name, arrays.count != 1 {
                throw ToolError(
                    "'\(name)=' names one array, but the file holds \(arrays.count)", at: file.path,
                    hint: "give the file without a name; its arrays have names of their own")
            }
            return arrays.map { (name: file.name ?? $0.name, tensor: $0.tensor) }
        }
    }

    private func compare(_ model: Model, with arrays: [(name: String?, tensor: Tensor)]) throws -> VerificationReport {
        let graph = model.graph
        let outputs = graph.outputs.map(\.name)
        let given = Set(arrays.compactMap(\.name))
        let layers = graph.nodes.flatMap(\.outputs).filter { given.contains($0) && !outputs.contains($0) }
        let inputs = try inputTensors(for: graph, arrays)
        let values = try engine.runner(for: model, threads: common.threads).run(inputs, keepingAll: !layers.isEmpty)
        let computed = (layers + outputs).compactMap { name in values[name].map { (name: name, tensor: $0) } }
        return try VerificationReport(
            outputs: computed, references: arrays,
            knownNames: Set(graph.inputs.map(\.name) + graph.initializers.map(\.name)),
            tolerance: tolerance.completed,
            allowsPartial: partial)
    }

    /// The arrays given as inputs, else those under the inputs' names in the reference files, else `input.npy` beside them.
    private func inputTensors(for graph: Graph, _ arrays: [(name: String?, tensor: Tensor)]) throws -> [String: Tensor] {
        if !inputs.files.isEmpty { return try inputs.tensors(for: graph) }
        let required = graph.requiredInputs.map(\.name)
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in arrays {
            if let name, required.contains(name) { tensors[name] = tensor }
        }
        let missing = required.filter { tensors[$0] == nil }
        guard !missing.isEmpty, let reference = references.first else { return tensors }
        let path = FilePath.sibling("input.npy", of: NamedFile(reference, names: graph.outputs.map(\.name)).path)
        if missing.count == 1, FilePath.exists(path), let array = try ArrayReader.arrays(at: path).first {
            tensors[missing[0]] = array.tensor
            return tensors
        }
        let names = missing.map { "'\($0)'" }.joined(separator: ", ")
        throw ToolError(
            "no array for input \(names): none under that name in the reference, and no 'input.npy' beside it",
            hint: "give '--input FILE'")
    }
}

// MARK: - Test cases

extension VerifyCommand {
    private func verifyCases(_ console: Console) throws {
        var reports: [TestCaseReport] = []
        for folder in cases {
            try reporting(to: console, file: folder) {
                let runner = TestCaseRunner { [engine, common] model in
                    let runner = try engine.runner(for: model, threads: common.threads)
                    return { try runner.run($0) }
                }
                reports.append(try runner.run(folder))
            }
        }
        for report in reports { console.result(report.text) }
        let merged = TestCaseReport(
            folder: cases.joined(separator: ", "), results: reports.flatMap(\.results))
        console.result(
            json: [JSON.Member("command", .string("verify")), JSON.Member("engine", .string(engine.label))]
                + merged.jsonMembers)
        try merged.verdict.exit()
    }
}
