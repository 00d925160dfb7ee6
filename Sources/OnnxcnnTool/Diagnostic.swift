import ArgumentParser
import CNNModels
import CNNOperators
import CNNTensors
import CNNVerification
import ONNXFormat

/// An error as the tool prints it: cause, places, hint.
struct Diagnostic: Sendable {
    var cause: String
    /// Where it happened; several when the same cause stands in several places.
    var places: [String] = []
    var hint: String?
}

/// A condition that the tool itself finds, as opposed to the libraries below it.
struct ToolError: Error {
    let diagnostic: Diagnostic

    init(_ cause: String, at place: String? = nil, hint: String? = nil) {
        diagnostic = Diagnostic(cause: cause, places: place.map { [$0] } ?? [], hint: hint)
    }
}

extension Diagnostic {
    /// What to print for an error that was met while working on `file`: one diagnostic for each kind of problem.
    static func diagnostics(for error: any Error, file: String?) -> [Diagnostic] {
        switch error {
        case let error as ToolError: [error.diagnostic]
        case let error as ModelError: diagnostics(for: error.problems, file: file)
        case let error as EvaluationError:
            [Diagnostic(cause: error.message, places: ["\(error.place)" + (file.map { " in \($0)" } ?? "")])]
        case let error as ModelFileError: [diagnostic(for: error)]
        case let error as SavedReportError:
            [
                Diagnostic(
                    cause: "this is no report that can be judged again: \(error.description)", places: file.map { [$0] } ?? [],
                    hint: "'onnxcnn verify … --json >report.json' writes one")
            ]
        case let error as MissingReference: [error.diagnostic]
        case let error as SelfCheckError: [Diagnostic(cause: error.description, places: file.map { [$0] } ?? [])]
        case let error as ArrayFileError: [Diagnostic(cause: error.description, hint: error.hint)]
        default: [Diagnostic(cause: "\(error)", places: isPlaced(error) ? [] : file.map { [$0] } ?? [])]
        }
    }

    private static func diagnostic(for error: ModelFileError) -> Diagnostic {
        var place = error.place.isEmpty ? error.file : "\(error.place) in \(error.file)"
        if let offset = error.offset { place += ", byte \(offset)" }
        return Diagnostic(cause: error.cause, places: [place], hint: error.hint)
    }

    /// Whether the error's own text names its file.
    private static func isPlaced(_ error: any Error) -> Bool {
        error is FileError
    }

    /// Problems that differ in nothing but their place share a diagnostic.
    private static func diagnostics(for problems: [ModelProblem], file: String?) -> [Diagnostic] {
        var order: [ModelProblem] = []
        var places: [ModelProblem: [String]] = [:]
        for problem in problems {
            let kind = ModelProblem(problem.rule, problem.message, at: .model, hint: problem.hint)
            if places[kind] == nil { order.append(kind) }
            let place = problem.place == .model ? file ?? "the model" : "\(problem.place)" + (file.map { " in \($0)" } ?? "")
            places[kind, default: []].append(place)
        }
        return order.map { Diagnostic(cause: $0.message, places: places[$0] ?? [], hint: $0.hint) }
    }
}

// MARK: - As JSON

extension [Diagnostic] {
    /// The errors, for an object that stands in the place of a result.
    var jsonMember: JSON.Member {
        JSON.Member(
            "errors",
            .array(
                map { diagnostic in
                    .object([
                        JSON.Member("cause", .string(diagnostic.cause)),
                        JSON.Member("places", .array(diagnostic.places.map { .string($0) })),
                        JSON.Member("hint", diagnostic.hint.map { .string($0) } ?? .null),
                    ])
                }))
    }

    /// What a verb that goes through several models says of one that failed.
    func json(ofModel path: String?) -> JSON {
        .object([JSON.Member("path", .string(path ?? "")), JSON.Member("ok", .boolean(false)), jsonMember])
    }
}

// MARK: - Reporting

extension Console {
    /// Runs `body` and prints the error that it ends with, which was met while working on `file`.
    /// - Returns: what was printed; nothing if all went well.
    /// - Throws: what already stands for an exit code.
    func diagnosing(_ file: String?, _ body: () throws -> Void) throws -> [Diagnostic] {
        do {
            try body()
            return []
        } catch let code as ExitCode {
            throw code
        } catch let error as ValidationError {
            throw error
        } catch {
            let diagnostics = Diagnostic.diagnostics(for: error, file: file)
            for diagnostic in diagnostics { self.error(diagnostic) }
            return diagnostics
        }
    }
}

extension ParsableCommand {
    /// Runs the body of a verb; an error is printed, in place of the result under `--json` too, and leaves as exit code 2.
    /// Printing its JSON object is the last thing that a body does, so that there is one in any case.
    func reporting(to console: Console, file: String? = nil, _ body: () throws -> Void) throws {
        let errors = try console.diagnosing(file, body)
        guard !errors.isEmpty else { return }
        // Where stdout itself is at fault, stderr has told.
        try? console.result(json: [JSON.Member("command", .string(Self.configuration.commandName ?? "")), errors.jsonMember])
        throw ExitCode.invalidInput
    }
}

extension ExitCode {
    /// Verification found a mismatch.
    static let mismatch = ExitCode(1)
    /// The model or data is invalid, unsupported or unreadable.
    static let invalidInput = ExitCode(2)
    /// Something was left uncompared.
    static let incomplete = ExitCode(3)
}
