import ArgumentParser
import CNNTensors
import CNNVerification

extension VerifyCommand {
    /// Runs trees of ONNX test cases, several cases at a time. A folder that cannot be read is a result as others are.
    func verifyCases(_ console: Console) throws {
        let threads = engine.threads(common.threads)
        // Cases are small: one thread each keeps all processors busiest.
        let runner = TestCaseRunner(tolerance: tolerance.chosen) { [engine] model in
            let runner = try engine.runner(for: model, threads: 1)
            return { try runner.run($0) }
        }
        var reports: [TestCaseReport] = []
        var errors = ErrorLog(console)
        for folder in cases {
            do {
                reports.append(try runner.run(folder, jobs: threads))
            } catch {
                let diagnostics = Diagnostic.diagnostics(for: error, file: folder)
                errors.add(diagnostics)
                let message = diagnostics.map(\.cause).joined(separator: "; ")
                reports.append(
                    TestCaseReport(
                        folder: folder, results: [TestCaseResult(name: folder, status: .error, message: message)]))
            }
        }
        let merged = TestCaseReport(folder: cases.joined(separator: ", "), results: reports.flatMap(\.results))
        errors.attempt { for report in reports { try console.result(report.text) } }
        if merged.verdict == .incomplete { console.explain(incomplete: [merged.totalsText]) }
        errors.attempt { try write(reports.map(\.junitSuite)) }
        errors.result(
            json: [JSON.Member("command", .string("verify")), JSON.Member("engine", .string(engine.label))]
                + merged.jsonMembers)
        try ExitCode.leave(with: [merged.verdict.exitCode, errors.exitCode])
    }
}
