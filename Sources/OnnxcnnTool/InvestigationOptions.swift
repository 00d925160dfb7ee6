import ArgumentParser
import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors
import CNNTextTables
import CNNVerification

/// What to find out about a mismatch.
struct InvestigationOptions: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "Try known mistakes until one explains a mismatch, however long it takes (default: for three seconds).")
    var diagnose: Bool?

    @Flag(help: "Find where the reference begins to differ: run the backend on prefixes of the model, halving what is left.")
    var bisect = false

    @Option(
        help: ArgumentHelp(
            "Bisect this model in the backend instead, which has the same names for the same values.", valueName: "model"))
    var against: String?

    @Option(
        help: ArgumentHelp(
            "What '--bisect' runs: a runtime of Python's (default: onnxruntime), or this one (with '--against').",
            valueName: "name"))
    var backend: ReferenceBackend?

    @Option(help: ArgumentHelp("The Python that has the backend (default: python3).", valueName: "path"))
    var python: String?

    @Option(
        help: ArgumentHelp(
            "Write the guilty node, or the smallest part known to fail, as an ONNX test case into this folder.",
            valueName: "dir"))
    var extract: String?

    func validate() throws {
        try CommonOptions.validate(extract, besideResultsBy: "--extract", kind: "folder")
        for (name, isGiven) in [("--against", against != nil), ("--backend", backend != nil), ("--python", python != nil)]
        where isGiven && !bisect {
            throw ValidationError("'\(name)' goes with '--bisect'")
        }
        if backend == .onnxcnn, python != nil { throw ValidationError("'--python' does not go with this runtime") }
        if backend == .onnxcnn, against == nil {
            throw ValidationError("this runtime has nothing to disagree with on the same model: give '--against MODEL'")
        }
    }
}

/// A mismatch to investigate.
struct Mismatch {
    let model: Model
    let inputs: [String: Tensor]
    /// By value.
    let references: [String: Tensor]
    /// The position of the first node, functions inlined, that does not follow from its own inputs, if layers told.
    let guiltyNode: Int?
    /// The mistake that the comparison already points to.
    var suspect: Mistake?
}

extension Mismatch {
    /// - Parameter guiltyNode: if it is known already; else the layers are checked, where the reference has any.
    init(
        model: Model, inputs: [String: Tensor], references: [String: Tensor], guiltyNode: Int?, options: SessionOptions
    ) throws {
        let outputs = model.graph.outputs.map(\.name)
        let bound = try BoundModel(model).model
        let hasLayers = bound.graph.nodes.flatMap(\.outputs).contains { references[$0] != nil && !outputs.contains($0) }
        var guiltyNode = guiltyNode
        if guiltyNode == nil, hasLayers {
            let check = try LayerCheck(bound, options: options).run(inputs) { references[$0] }
            guiltyNode = check.firstFailure?.nodeIndex
        }
        self.init(model: model, inputs: inputs, references: references, guiltyNode: guiltyNode)
    }
}

/// What was found out: for a person, and members for the JSON object.
struct Findings {
    var text: [String] = []
    var json: [JSON.Member] = []
    /// What bisecting came to; nil where nothing was bisected.
    var bisectionVerdict: VerificationReport.Verdict?
    /// What went wrong. It takes nothing away from what was found otherwise.
    var failures: [any Error] = []

    /// The text without anything in a model's names that would steer a terminal.
    var printableText: [String] {
        text.map { $0.split(separator: "\n").map { DisplayText.printable(String($0)) }.joined(separator: "\n") }
    }

    /// What went wrong, in words.
    func diagnostics(file: String?) -> [Diagnostic] { failures.flatMap { Diagnostic.diagnostics(for: $0, file: file) } }

    mutating func attempt(_ body: (inout Findings) throws -> Void) {
        do { try body(&self) } catch { failures.append(error) }
    }
}

extension InvestigationOptions {
    /// Each thing that was asked for is tried, whatever became of those before it.
    func investigate(_ mismatch: Mismatch, options: SessionOptions, console: Console) -> Findings {
        var findings = Findings()
        var references = mismatch.references
        var nodes = mismatch.guiltyNode.map { [$0] }
        findings.attempt { findings in
            guard bisect else { return }
            let outcome = try bisection(mismatch.model, mismatch.inputs, options, console)
            findings.text.append(text(of: outcome))
            guard case .difference(let report) = outcome else {
                findings.bisectionVerdict = .passed
                if case .undecided = outcome { findings.bisectionVerdict = .incomplete }
                findings.json.append(JSON.Member("bisection", .null))
                return
            }
            findings.bisectionVerdict = .mismatch
            findings.json.append(JSON.Member("bisection", report.json))
            references.merge(report.values) { _, bisected in bisected }
            nodes = report.guiltyIndex.map { [$0] } ?? report.nodeIndices
        }
        findings.attempt { findings in
            guard diagnose != false, !references.isEmpty else { return }
            let diagnosis = try Diagnosis(
                of: mismatch.model, inputs: mismatch.inputs, references: references,
                guiltyNode: nodes?.count == 1 ? nodes?.first : nil, suspect: mismatch.suspect, options: options,
                timeLimit: diagnose == true ? nil : Diagnosis.automaticTimeLimit)
            findings.text.append(diagnosis.text)
            findings.json.append(JSON.Member("diagnosis", diagnosis.json))
        }
        findings.attempt { findings in
            guard let extract, !references.isEmpty else { return }
            try write(nodes, of: mismatch, references, to: extract, options)
            findings.text.append("wrote the reproduction \(extract)")
            findings.json.append(JSON.Member("extracted", .string(extract)))
        }
        return findings
    }

    /// Where the backend begins to differ.
    func bisection(
        _ model: Model, _ inputs: [String: Tensor], _ options: SessionOptions, _ console: Console
    ) throws -> BisectionOutcome {
        let other = try against.map { try ModelSource(path: $0).model } ?? model
        let reference = try BoundModel(other).infer().modelDeclaringShapes()
        let names = Set(reference.graph.nodes.flatMap(\.outputs))
        return try Bisection(model, options: options).run(
            inputs, knowing: names,
            reference: { values in
                let prefix = try reference.prefix(endingAt: values)
                let needed = Set(prefix.graph.requiredInputs.map(\.name))
                let given = inputs.filter { needed.contains($0.key) }
                if backend == .onnxcnn { return try Session(prefix, options: options).run(given) }
                return try PythonBackend(backend: usedBackend, python: python ?? "python3").run(prefix, given)
            }, progress: { console.progress(DisplayText.printable($0)) })
    }

    private var usedBackend: ReferenceBackend { backend ?? .onnxruntime }

    /// What a bisection holds the model against.
    var referenceText: String { "\(usedBackend.rawValue) on \(against ?? "this model")" }

    private func text(of outcome: BisectionOutcome) -> String {
        switch outcome {
        case .agreement:
            "bisection: \(referenceText) agrees within rounding; a reference that differs was made by something else"
                + (against == nil ? ", perhaps by another model ('--against' names one)" : "")
        case .undecided(let omissions): "bisection: incomplete: \(omissions.joined(separator: "; "))"
        case .difference(let report): report.description
        }
    }

    /// Without a node to blame, the whole model is the smallest part known to fail.
    private func write(
        _ nodes: [Int]?, of mismatch: Mismatch, _ references: [String: Tensor], to folder: String, _ options: SessionOptions
    ) throws {
        let bound = try BoundModel(mismatch.model).model
        let values =
            nodes == nil
            ? mismatch.inputs
            : try Session(bound, options: options).run(mismatch.inputs, keepingAll: true)
                .merging(mismatch.inputs) { _, given in given }
        let reproduction = try Reproduction(
            of: bound, nodes: nodes ?? Array(bound.graph.nodes.indices), references: references, values: values,
            options: options)
        guard let reproduction else { throw ToolError("the reference has no value of the part that fails") }
        try reproduction.write(to: folder)
    }
}
