import ArgumentParser
import CNNTensors
import CNNVerification

extension VerifyCommand {
    /// Verifies one model and says all that was found.
    func verifyModel(_ path: String?, _ console: Console) throws {
        var verdict = VerificationReport.Verdict.incomplete
        try reporting(to: console, file: path) {
            let verified: VerifiedModel
            do {
                verified = try self.verified(path, threads: engine.threads(common.threads))
            } catch let error as MissingReference {
                throw ValidationError(error.message)
            }
            verdict = verified.verdict
            console.result("\(verified.path) against \(verified.referenceText): \(engine.label)")
            switch verified.outcome {
            case .compared(let report):
                console.result(report.text(width: console.width, allLayers: layers == true))
                if verdict == .incomplete, console.isQuiet || console.printsJSON {
                    console.progress(report.omissions.joined(separator: "\n"))
                }
            case .selfChecked(let report): console.result(report.text(width: console.width))
            }
            let findings = try investigate(verified, console)
            for text in findings.text { console.result(text) }
            console.result(
                json: [
                    JSON.Member("command", .string("verify")), JSON.Member("path", .string(verified.path)),
                    JSON.Member("engine", .string(engine.label)), JSON.Member("reference", .string(verified.referenceText)),
                ] + verified.jsonMembers + findings.json)
            try write([verified.junitSuite()])
            if let report { try writeReport(verified, findings, to: report) }
        }
        try verdict.exit()
    }

    /// What is found out about a difference beyond the comparison.
    private func investigate(_ verified: VerifiedModel, _ console: Console) throws -> Findings {
        guard case .compared(let report) = verified.outcome, report.hasDifference || report.layers?.agrees == false else {
            return Findings()
        }
        let options = engine.sessionOptions(threads: common.threads)
        let arrays = try verified.referenceTensors().map { (name: String?.some($0.key), tensor: $0.value) }
        var mismatch = try Mismatch(
            model: verified.model, inputs: verified.inputs, arrays: arrays,
            guiltyNode: report.layers?.firstFailure?.nodeIndex, options: options)
        mismatch.suspect = report.outputs.lazy.compactMap(\.rounding?.precision?.kind.mistake).first
        return try investigation.investigate(mismatch, options: options, console: console)
    }
}
