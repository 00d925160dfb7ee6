import ArgumentParser
import CNNTensors
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
}

/// What goes wrong beside a verdict, which stands whatever becomes of the rest: printed at once, and said in the JSON object as well.
struct ErrorLog {
    let console: Console
    private var diagnostics: [Diagnostic] = []

    init(_ console: Console) { self.console = console }

    /// Does something that may fail by itself.
    mutating func attempt(_ body: () throws -> Void) {
        do { try body() } catch { add(Diagnostic.diagnostics(for: error, file: nil)) }
    }

    mutating func add(_ diagnostics: [Diagnostic]) {
        for diagnostic in diagnostics { console.error(diagnostic) }
        self.diagnostics += diagnostics
    }

    /// Prints the JSON object of a `--json` run, in which the errors stand last.
    mutating func result(json members: [JSON.Member]) {
        let errors = diagnostics.isEmpty ? [] : [diagnostics.jsonMember]
        attempt { [console] in try console.result(json: members + errors) }
    }

    /// The code that stands for them; nil if there are none.
    var exitCode: ExitCode? { diagnostics.isEmpty ? nil : .invalidInput }
}
