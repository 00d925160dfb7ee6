import ArgumentParser
import CNNTensors
import CNNVerification

extension VerifyCommand {
    /// Holds a model against another runtime, or another model file, that is at hand, and so needs no reference arrays: what
    /// it gives for the inputs is the reference.
    func bisectModel(_ path: String?, _ console: Console) throws {
        var verdict = VerificationReport.Verdict.incomplete
        try reporting(to: console, file: path) {
            let source = try ModelSource(path: path)
            let model = try source.bindingBatch(batch)
            let mismatch = Mismatch(
                model: model, inputs: try inputs.tensors(for: model.graph), references: [:], guiltyNode: nil)
            let options = engine.sessionOptions(threads: common.threads)
            let findings = try investigation.investigate(mismatch, options: options, console: console)
            verdict = findings.bisectionFoundDifference == true ? .mismatch : .passed
            for text in findings.text { console.result(text) }
            console.result(
                json: [
                    JSON.Member("command", .string("verify")), JSON.Member("path", .string(source.path)),
                    JSON.Member("reference", .string(investigation.referenceText)),
                    JSON.Member("verdict", .string(verdict.rawValue)),
                ] + findings.json)
        }
        try verdict.exit()
    }
}
