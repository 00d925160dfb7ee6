import ArgumentParser
import CNNTensors
import CNNTextTables
import CNNVerification

/// What verifying one model came to, or why there is no result.
struct ModelResult: Sendable {
    /// As the user gave it; nil for the archive in the working directory.
    let path: String?
    let outcome: Result<VerifiedModel, any Error>

    init(_ path: String?, _ verify: () throws -> VerifiedModel) {
        self.path = path
        outcome = Result(catching: verify)
    }

    var verified: VerifiedModel? { try? outcome.get() }

    /// Why there is no result; empty if there is one.
    var diagnostics: [Diagnostic] {
        guard case .failure(let error) = outcome else { return [] }
        return Diagnostic.diagnostics(for: error, file: path)
    }

    /// The code that stands for the result; nil for success.
    var exitCode: ExitCode? { verified.map(\.verdict.exitCode) ?? .invalidInput }

    private var causes: [String] { diagnostics.map(\.cause) }

    /// The result in one line.
    var text: String {
        let verdict = verified?.verdict.rawValue ?? "error"
        let detail = verified.map { "\($0.verdictText) (\($0.referenceText))" } ?? causes.joined(separator: "; ")
        return DisplayText.printable("\(verdict): \(path ?? ""): \(detail)")
    }

    var jsonMembers: [JSON.Member] {
        [JSON.Member("path", (verified?.path ?? path).map(JSON.string) ?? .null)]
            + (verified.map { [JSON.Member("reference", .string($0.referenceText))] + $0.jsonMembers } ?? [
                JSON.Member("verdict", "error"), JSON.Member("error", .string(causes.joined(separator: "; "))),
            ])
    }

    var junitSuite: JUnitReport.Suite {
        verified?.junitSuite()
            ?? JUnitReport.Suite(
                name: path ?? "model", cases: [.init(name: "model", outcome: .error(causes.joined(separator: "\n")))])
    }
}
