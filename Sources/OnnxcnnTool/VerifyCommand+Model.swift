import ArgumentParser
import CNNTensors
import CNNTextTables
import CNNVerification

extension VerifyCommand {
    /// Verifies one model and says all that was found.
    func verifyModel(_ path: String?, _ console: Console) throws {
        let result = ModelResult(path) { try verified(path, threads: engine.threads(common.threads)) }
        if case .failure(let error as ValidationError) = result.outcome { throw error }
        var errors = ErrorLog(console)
        errors.add(result.diagnostics)
        var findings = Findings()
        if let verified = result.verified {
            errors.attempt { try show(verified, console) }
            findings = investigate(verified, console)
            errors.attempt { for text in findings.printableText { try console.result(text) } }
            errors.add(findings.diagnostics(file: verified.path))
        }
        errors.attempt { try write([result.junitSuite]) }
        errors.attempt {
            if let report, let verified = result.verified { try writeReport(verified, findings, to: report) }
        }
        errors.result(
            json: [JSON.Member("command", .string("verify")), JSON.Member("engine", .string(engine.label))]
                + result.jsonMembers + findings.json)
        try ExitCode.leave(with: [result.exitCode, errors.exitCode])
    }

    private func show(_ verified: VerifiedModel, _ console: Console) throws {
        if verified.verdict == .incomplete { console.explain(incomplete: verified.omissions) }
        try console.result(DisplayText.printable("\(verified.path) against \(verified.referenceText): \(engine.label)"))
        switch verified.outcome {
        case .compared(let report): try console.result(report.text(width: console.width, allLayers: layers == true))
        case .selfChecked(let report): try console.result(report.text(width: console.width))
        }
    }

    /// What is found out about a difference beyond the comparison.
    private func investigate(_ verified: VerifiedModel, _ console: Console) -> Findings {
        guard case .compared(let report) = verified.outcome, report.hasDifference || report.layers?.agrees == false else {
            return Findings()
        }
        let options = engine.sessionOptions(threads: common.threads)
        do {
            var mismatch = try Mismatch(
                model: verified.model, inputs: verified.inputs, references: verified.referenceTensors(),
                guiltyNode: report.layers?.firstFailure?.nodeIndex, options: options)
            mismatch.suspect = report.outputs.lazy.compactMap(\.rounding?.precision?.kind.mistake).first
            return investigation.investigate(mismatch, options: options, console: console)
        } catch {
            return Findings(failures: [error])
        }
    }
}
