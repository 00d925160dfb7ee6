import CNNTensors
import CNNTextTables

/// What one test case came to.
public struct TestCaseResult: Sendable, Hashable {
    /// The outcome.
    public enum Status: String, Sendable, Hashable, CaseIterable {
        /// Every output agrees.
        case passed
        /// An output differs.
        case failed
        /// The model uses what is not implemented.
        case unsupported
        /// The case could not be run.
        case error
    }

    /// The case's folder, relative to the one that was run.
    public let name: String
    public let status: Status
    /// What differs or went wrong; empty for a case that passed.
    public let message: String

    /// What became of one case.
    public init(name: String, status: Status, message: String = "") {
        self.name = name
        self.status = status
        self.message = message
    }
}

/// What the test cases of a folder came to.
public struct TestCaseReport: Sendable, Hashable {
    public let folder: String
    /// In the order of the names.
    public let results: [TestCaseResult]

    /// The results of a folder, in the order of the names.
    public init(folder: String, results: [TestCaseResult]) {
        self.folder = folder
        self.results = results
    }

    /// How many cases came to this.
    public func count(_ status: TestCaseResult.Status) -> Int { results.count { $0.status == status } }

    /// Whether there are cases and all of them passed.
    public var isPassed: Bool { !results.isEmpty && count(.passed) == results.count }

    /// The outcome of the whole: a failed case is a mismatch; cases that were not run to their end, or no case at all, leave
    /// it incomplete.
    public var verdict: VerificationReport.Verdict {
        count(.failed) > 0 ? .mismatch : isPassed ? .passed : .incomplete
    }

    /// A line for each case that did not pass, and the totals.
    public var text: String {
        var lines = results.filter { $0.status != .passed }.map { result in
            "\(result.status.rawValue): \(DisplayText.printable(result.name)): "
                + DisplayText.printable(result.message.replacing("\n", with: " "))
        }
        lines.append(totalsText)
        return lines.joined(separator: "\n")
    }

    /// The totals in one line.
    public var totalsText: String {
        if results.isEmpty { return "no test case (a folder with a model.onnx) in '\(DisplayText.printable(folder))'" }
        return TestCaseResult.Status.allCases.map { "\(count($0)) \($0 == .error ? "errors" : $0.rawValue)" }
            .joined(separator: ", ")
    }

    /// The report as members of a JSON object (schema 1).
    package var jsonMembers: [JSON.Member] {
        let totals = TestCaseResult.Status.allCases.map { JSON.Member($0.rawValue, .integer(count($0))) }
        return [
            JSON.Member("verdict", .string(verdict.rawValue)),
            JSON.Member("totals", .object(totals)),
            JSON.Member("cases", .array(results.map(\.json))),
        ]
    }

    /// The report as one JSON object.
    public func json() -> String {
        JSON.object([JSON.Member("schema", 1)] + jsonMembers).text(indented: true)
    }
}

extension TestCaseResult {
    fileprivate var json: JSON {
        ["name": .string(name), "status": .string(status.rawValue), "message": message.isEmpty ? .null : .string(message)]
    }
}
