import ArgumentParser
import CNNTensors
import CNNVerification

extension VerifyCommand {
    /// Verifies several models at once: a line for each, and the totals.
    func verifyModels(_ console: Console) throws {
        let threads = engine.threads(common.threads)
        let jobs = min(models.count, threads)
        let results = concurrentMap(models, jobs: jobs) { path in
            ModelResult(path) { try verified(path, threads: max(threads / jobs, 1)) }
        }
        let totals = Totals(results)
        var errors = ErrorLog(console)
        errors.attempt { for text in results.map(\.text) + [totals.text] { try console.result(text) } }
        for result in results {
            for diagnostic in result.diagnostics { console.error(diagnostic) }
            if let verified = result.verified, verified.verdict == .incomplete {
                console.explain(incomplete: verified.omissions.map { "\(verified.path): \($0)" })
            }
        }
        errors.attempt { try write(results.map(\.junitSuite)) }
        errors.result(
            json: [
                JSON.Member("command", .string("verify")), JSON.Member("engine", .string(engine.label)),
                JSON.Member("verdict", .string(totals.verdict)), JSON.Member("totals", totals.json),
                JSON.Member(
                    "models",
                    .array(
                        results.map {
                            .object($0.jsonMembers + ($0.diagnostics.isEmpty ? [] : [$0.diagnostics.jsonMember]))
                        })),
            ])
        try ExitCode.leave(with: results.map(\.exitCode) + [errors.exitCode])
    }
}

/// The sum over several models.
private struct Totals {
    private let counts: [(name: String, count: Int)]

    init(_ results: [ModelResult]) {
        func count(_ verdict: VerificationReport.Verdict) -> Int { results.count { $0.verified?.verdict == verdict } }
        counts = [
            ("passed", count(.passed)), ("mismatch", count(.mismatch)), ("incomplete", count(.incomplete)),
            ("error", results.count { $0.verified == nil }),
        ]
    }

    private func count(_ name: String) -> Int { counts.first { $0.name == name }?.count ?? 0 }

    var text: String {
        "\(counts.reduce(0) { $0 + $1.count }) models: " + counts.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
    }

    /// The worst of the outcomes; what cannot be read outweighs what is merely left out.
    var verdict: String { ["mismatch", "error", "incomplete"].first { count($0) > 0 } ?? "passed" }

    var json: JSON { .object(counts.map { JSON.Member($0.name, .integer($0.count)) }) }
}
