import ArgumentParser
import CNNTensors
import CNNVerification

/// Compares arrays with arrays, or judges a saved report again. Neither needs a model.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare two files of arrays, or judge a saved report under other tolerances; exit 1 on a mismatch.",
        discussion: """
            Arrays belong together by their names; a file with one array belongs to one with one array. The second file is the \
            reference. A number agrees when |first − reference| ≤ atol + rtol·|reference|; without --rtol and --atol these are \
            1e-3, and 1e-5 times the largest magnitude of the reference. An array on one side only, another shape or type is \
            exit code 3, unless --partial allows the first.

            With one file, a report that 'verify --json' or 'compare --json' wrote, nothing is computed again: the report holds \
            what a verdict under any tolerance needs, and says what absolute tolerance each output would pass under.

            EXAMPLE:
              onnxcnn run model.onnx --input input.npy --layers -o ours.npz
              onnxcnn compare ours.npz ref.npz --json >report.json
              onnxcnn compare report.json --rtol 1e-2
            """)

    @Argument(help: "The computed arrays, .npy, .npz, .safetensors or ONNX .pb; or, alone, a saved JSON report.")
    var actual: String

    @Argument(help: "The reference arrays.")
    var reference: String?

    @OptionGroup var tolerance: ToleranceOptions

    @Flag(help: "Compare what there is: arrays on one side only do not count against the verdict.")
    var partial = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if reference == nil, partial { throw ValidationError("'--partial' goes with two files of arrays") }
        if actual == "-", reference == "-" { throw ValidationError("only one of the files can be stdin") }
    }

    func run() throws {
        let console = common.console
        var verdict = VerificationReport.Verdict.incomplete
        try reporting(to: console, file: actual) {
            verdict = try reference.map { try compare(with: $0, console) } ?? judge(console)
        }
        try ExitCode.leave(with: [verdict.exitCode])
    }

    private func compare(with reference: String, _ console: Console) throws -> VerificationReport.Verdict {
        let (own, other) = (try ArrayCollection(opening: actual), try ArrayCollection(opening: reference))
        // Two files of one array each mean these two, whatever they are called.
        let isPair = own.names.count == 1 && other.names.count == 1
        let names = own.names.map { isPair ? other.names[0] ?? $0 ?? "array" : $0 ?? "array" }
        let matching = ReferenceMatching(outputs: names, references: other.names)
        let outputs = try matching.pairs.compactMap { pair in
            try names.firstIndex(of: pair.output).map { place in
                VerificationReport.Output(
                    name: pair.output,
                    comparison: try TensorComparison(
                        actual: own.tensor(at: place), reference: other.tensor(at: pair.reference),
                        tolerance: tolerance.completed))
            }
        }
        let report = VerificationReport(
            outputs: outputs, outputsWithoutReference: matching.outputsWithoutReference,
            unusedReferences: matching.unusedReferences.map { other.names[$0] ?? "unnamed" }, allowsPartial: partial)
        try console.result("\(actual) against \(reference)")
        try console.result(report.text(width: console.width))
        try console.result(
            json: [
                JSON.Member("command", .string("compare")), JSON.Member("path", .string(actual)),
                JSON.Member("reference", .string(reference)),
            ] + report.jsonMembers)
        if report.verdict == .incomplete { console.explain(incomplete: report.omissions) }
        return report.verdict
    }

    private func judge(_ console: Console) throws -> VerificationReport.Verdict {
        let file = actual == "-" ? try MappedFile.standardInput() : try MappedFile(path: actual)
        if ArrayFile.Format(detecting: file) != nil || actual.hasSuffix(".pb") {
            throw ToolError(
                "arrays alone have nothing to be compared with", at: actual,
                hint: "'onnxcnn compare \(actual) REFERENCE' compares two files; one file is a JSON report")
        }
        let saved: SavedReport
        do {
            saved = try SavedReport(JSON(parsing: file))
        } catch let error as JSONError {
            throw ToolError("this is neither arrays nor a JSON report: \(error)", at: actual)
        }
        let report = saved.judged(relative: tolerance.rtol, absolute: tolerance.atol.map { .fixed($0) })
        try console.result(report.text(width: console.width))
        try console.result(
            json: [JSON.Member("command", .string("compare")), JSON.Member("path", .string(actual))] + report.jsonMembers)
        if report.verdict == .incomplete { console.explain(incomplete: report.omissions) }
        return report.verdict
    }
}
