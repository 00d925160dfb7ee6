import ArgumentParser
import CNNVerification

extension VerificationReport.Verdict {
    /// The code that stands for the verdict; nil for success.
    var exitCode: ExitCode? {
        switch self {
        case .passed: nil
        case .mismatch: .mismatch
        case .incomplete: .incomplete
        }
    }
}

extension ExitCode {
    /// Leaves the verb with the worst of these codes. A mismatch is certain, and so outweighs what could not be read or written,
    /// which outweighs what was merely left out.
    static func leave(with codes: [ExitCode?]) throws {
        for code in [ExitCode.mismatch, .invalidInput, .incomplete] where codes.contains(code) { throw code }
    }
}

extension Console {
    /// Says why a verification is incomplete where the text that says so is not printed: an exit code alone would leave the
    /// user without a reason.
    func explain(incomplete omissions: [String]) {
        if isQuiet || printsJSON { error(Diagnostic(cause: "incomplete: " + omissions.joined(separator: "; "))) }
    }

    /// Does what follows a verdict, which stands whatever becomes of it.
    /// - Returns: the code for a failure, which was printed; nil for success.
    func attempt(file: String? = nil, _ body: () throws -> Void) -> ExitCode? {
        do {
            try body()
            return nil
        } catch {
            report([error], file: file)
            return .invalidInput
        }
    }

    /// Prints what went wrong.
    func report(_ failures: [any Error], file: String?) {
        for failure in failures {
            for diagnostic in Diagnostic.diagnostics(for: failure, file: file) { error(diagnostic) }
        }
    }
}
