import ArgumentParser
import CNNTensors
import CNNVerification

extension VerifyCommand {
    /// Holds a model against another runtime, or another model file, that is at hand, and so needs no reference arrays: what
    /// it gives for the inputs is the reference.
    func bisectModel(_ path: String?, _ console: Console) throws {
        var findings = Findings()
        var path = path
        findings.attempt { findings in
            let source = try ModelSource(path: path)
            path = source.path
            let model = try source.bindingBatch(binding)
            let mismatch = Mismatch(
                model: model, inputs: try inputs.tensors(for: model.graph), references: [:], guiltyNode: nil)
            let options = engine.sessionOptions(threads: common.threads)
            findings = investigation.investigate(mismatch, options: options, console: console)
        }
        let verdict = findings.bisectionVerdict
        var errors = ErrorLog(console)
        errors.attempt { for text in findings.printableText { try console.result(text) } }
        errors.add(findings.diagnostics(file: path))
        if verdict == .incomplete { console.explain(incomplete: findings.text) }
        errors.attempt { try write([findings.bisectionSuite(named: path ?? "model")]) }
        errors.result(
            json: [
                JSON.Member("command", .string("verify")), JSON.Member("path", path.map(JSON.string) ?? .null),
                JSON.Member("reference", .string(investigation.referenceText)),
                JSON.Member("verdict", .string(verdict?.rawValue ?? "error")),
            ] + findings.json)
        try ExitCode.leave(with: [verdict?.exitCode, errors.exitCode])
    }
}

extension Findings {
    fileprivate func bisectionSuite(named name: String) -> JUnitReport.Suite {
        let text = text.joined(separator: "\n")
        let outcome: JUnitReport.Outcome =
            switch bisectionVerdict {
            case .passed: .passed
            case .mismatch: .failed(text)
            case .incomplete: .error(text)
            case nil:
                .error(diagnostics(file: name).map(\.cause).joined(separator: "\n"))
            }
        return JUnitReport.Suite(name: name, cases: [.init(name: "bisection", outcome: outcome)])
    }
}
