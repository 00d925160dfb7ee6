import ArgumentParser
import CNNTensors
import CNNVerification

extension VerifyCommand {
    /// Runs trees of ONNX test cases, several cases at a time.
    func verifyCases(_ console: Console) throws {
        let threads = engine.threads(common.threads)
        var reports: [TestCaseReport] = []
        for folder in cases {
            try reporting(to: console, file: folder) {
                // Cases are small: one thread each keeps all processors busiest.
                let runner = TestCaseRunner { [engine] model in
                    let runner = try engine.runner(for: model, threads: 1)
                    return { try runner.run($0) }
                }
                reports.append(try runner.run(folder, jobs: threads))
            }
        }
        for report in reports { console.result(report.text) }
        let merged = TestCaseReport(folder: cases.joined(separator: ", "), results: reports.flatMap(\.results))
        console.result(
            json: [JSON.Member("command", .string("verify")), JSON.Member("engine", .string(engine.label))] + merged.jsonMembers
        )
        try reporting(to: console) { try write(reports.map(\.junitSuite)) }
        try merged.verdict.exit()
    }
}
