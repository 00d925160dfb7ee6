import CNNTensors
import CNNTextTables

/// A report of `verify --json` or `compare --json`, read back to be judged under other tolerances. It needs no arrays: each
/// output carries the `ToleranceFrontier` of its differences.
public struct SavedReport: Sendable, Hashable {
    /// What the report says of one output.
    struct Output: Sendable, Hashable {
        let name: String
        /// Why the output could not be compared, or not be decided by limits of its own; nil if it was.
        let reason: String?
        /// Nil if the arrays could not be compared at all.
        let elementCount: Int?
        /// Whether its elements have to be the same, whatever the tolerance.
        let isExact: Bool
        let mismatchCount: Int
        let nonFiniteMismatchCount: Int
        let largestReference: Double
        let frontier: ToleranceFrontier
        /// The rule that it was held to; nil for limits from the model's arithmetic, which differ from element to element.
        let tolerance: ComparisonTolerance?
        let agreed: Bool
    }

    let outputs: [Output]
    /// What the report left out, a sentence each.
    let omissions: [String]
    /// Whether a check of layers failed, which no tolerance of an output cures.
    let hasFailedLayers: Bool

    /// Reads the JSON text of a report.
    /// - Throws: `SavedReportError` if it is no report of schema 1 with outputs, `JSONError` if it is no JSON.
    package init(_ json: JSON) throws {
        guard case .integer(1) = json["schema"] else {
            throw SavedReportError("its member 'schema' is not 1, as in a report of 'verify --json' or 'compare --json'")
        }
        guard case .array(let outputs) = json["outputs"] else {
            throw SavedReportError("it holds no 'outputs': only a report on one model or two files can be judged again")
        }
        self.outputs = try outputs.map(Output.init)
        guard case .array(let omissions) = json["omissions"] else { throw SavedReportError("it holds no 'omissions'") }
        if let layers = json["layers"], case .object = layers["first_failure"] {
            hasFailedLayers = true
        } else {
            hasFailedLayers = false
        }
        // What could not be compared stands at its output; this is what was missing.
        let reasons = Set(self.outputs.compactMap(\.omission) + [VerificationReport.nothingCompared])
        self.omissions = omissions.compactMap { omission in
            guard case .string(let text) = omission, !reasons.contains(text) else { return nil }
            return text
        }
    }

    static func omission(_ name: String, _ reason: String) -> String { "output '\(name)' was not compared: \(reason)" }

    /// The verdict under these tolerances.
    /// - Parameters:
    ///   - relative: nil keeps the report's own.
    ///   - absolute: nil keeps the report's own.
    public func judged(relative: Double?, absolute: ComparisonTolerance.Absolute?) -> JudgedReport {
        let judged = outputs.map { $0.judged(relative: relative, absolute: absolute) }
        let undecided = zip(outputs, judged).compactMap { $1.verdict == .incomplete ? $0.omission : nil }
        let comparedNothing = VerificationReport.comparedNothing(outputs.map(\.elementCount))
        return JudgedReport(
            outputs: judged,
            omissions: undecided + omissions + (comparedNothing ? [VerificationReport.nothingCompared] : []),
            hasFailedLayers: hasFailedLayers && relative == nil && absolute == nil)
    }
}

extension SavedReport.Output {
    fileprivate var omission: String? { reason.map { SavedReport.omission(name, $0) } }

    fileprivate func judged(relative: Double?, absolute: ComparisonTolerance.Absolute?) -> JudgedReport.Output {
        let isChanged = relative != nil || absolute != nil
        let standard = tolerance ?? .standard
        let rule = ComparisonTolerance(
            relative: relative ?? standard.relative, absolute: absolute ?? standard.absolute)
        let limit = rule.absolute(largestMagnitude: largestReference)
        let least = frontier.leastAbsoluteTolerance(relative: rule.relative)
        let agrees =
            if isExact {
                mismatchCount == 0
            } else if tolerance == nil, !isChanged {
                agreed
            } else {
                nonFiniteMismatchCount == 0 && least <= limit
            }
        // A tolerance that is given decides what the report's own limits left open.
        let isOpen = elementCount == nil || reason != nil && !isChanged
        return JudgedReport.Output(
            name: name, verdict: isOpen ? .incomplete : agrees ? .passed : .mismatch,
            tolerance: isExact || tolerance == nil && !isChanged ? nil : (rule.relative, limit), isExact: isExact,
            leastAbsoluteTolerance: isExact || nonFiniteMismatchCount > 0 ? nil : least)
    }
}

/// A file is no report that can be judged again.
public struct SavedReportError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

extension SavedReport.Output {
    fileprivate init(_ json: JSON) throws {
        guard case .string(let name) = json["name"] else { throw SavedReportError("an output has no 'name'") }
        func missing(_ key: String) -> SavedReportError { SavedReportError("output '\(name)' has no valid '\(key)'") }
        func number(_ key: String) throws -> Double {
            guard let value = json[key].flatMap(Self.number), value >= 0 else { throw missing(key) }
            return value
        }
        func count(_ key: String) throws -> Int {
            guard case .integer(let value) = json[key], value >= 0 else { throw missing(key) }
            return value
        }
        self.name = name
        agreed = json["verdict"] == .string("match")
        tolerance =
            json["tolerance"] == .string("auto")
            ? nil : ComparisonTolerance(relative: try number("rtol"), absolute: .fixed(try number("atol")))
        switch json["verdict"] {
        case .string("incomparable"), .string("undecided"):
            guard case .string(let reason) = json["reason"] else { throw missing("reason") }
            self.reason = reason
        default: reason = nil
        }
        if case .string("incomparable") = json["verdict"] {
            elementCount = nil
            (isExact, mismatchCount, nonFiniteMismatchCount, largestReference) = (false, 0, 0, 0)
            frontier = ToleranceFrontier()
            return
        }
        guard case .string(let type) = json["data_type"],
            let dataType = DataType.allCases.first(where: { $0.description == type })
        else { throw missing("data_type") }
        isExact = !dataType.isComparedByTolerance
        elementCount = try count("elements")
        mismatchCount = try count("mismatches")
        nonFiniteMismatchCount = try count("non_finite_mismatches")
        largestReference = try number("largest_reference")
        guard case .array(let points) = json["frontier"] else { throw missing("frontier") }
        frontier = ToleranceFrontier(
            try points.map { point in
                guard case .array(let pair) = point, pair.count == 2, let magnitude = Self.number(pair[0]),
                    let difference = Self.number(pair[1]), magnitude >= 0, difference >= 0
                else { throw missing("frontier") }
                return ToleranceFrontier.Point(magnitude: magnitude, difference: difference)
            })
    }

    private static func number(_ json: JSON) -> Double? {
        switch json {
        case .number(let value): value
        case .integer(let value): Double(value)
        case .string("Infinity"): .infinity
        default: nil
        }
    }
}

/// What a saved report comes to under given tolerances.
public struct JudgedReport: Sendable, Hashable {
    /// One output.
    public struct Output: Sendable, Hashable {
        public let name: String
        public let verdict: VerificationReport.Verdict
        /// The parts of the tolerance; nil where elements have to be the same, or limits of their own that the report was made
        /// with stay in force.
        public let relativeTolerance: Double?
        public let absoluteTolerance: Double?
        /// Whether elements have to be the same.
        public let isExact: Bool
        /// The smallest absolute tolerance that the output agrees under beside the relative one; nil if none makes it agree,
        /// or none is needed.
        public let leastAbsoluteTolerance: Double?

        fileprivate init(
            name: String, verdict: VerificationReport.Verdict, tolerance: (relative: Double, absolute: Double)?, isExact: Bool,
            leastAbsoluteTolerance: Double?
        ) {
            self.name = name
            self.verdict = verdict
            relativeTolerance = tolerance?.relative
            absoluteTolerance = tolerance?.absolute
            self.isExact = isExact
            self.leastAbsoluteTolerance = leastAbsoluteTolerance
        }
    }

    public let outputs: [Output]
    /// Why the report is incomplete, a sentence each; empty if it is complete.
    public let omissions: [String]
    /// Whether a check of layers failed, and no tolerance was given to replace it.
    let hasFailedLayers: Bool

    public var verdict: VerificationReport.Verdict {
        if hasFailedLayers || outputs.contains(where: { $0.verdict == .mismatch }) { return .mismatch }
        return omissions.isEmpty ? .passed : .incomplete
    }

    /// The report as text for a monospaced display.
    public func text(width: Int? = nil) -> String {
        var table = TextTable([
            .text("Output"), .number("Rtol"), .number("Atol"), .number("Needed atol"), .fixed("Verdict"),
        ])
        for output in outputs {
            table.append([
                output.name, output.relativeTolerance.map(NumberText.scientific) ?? (output.isExact ? "exact" : "auto"),
                output.absoluteTolerance.map(NumberText.scientific) ?? (output.isExact ? "exact" : "auto"),
                output.leastAbsoluteTolerance.map(NumberText.scientific) ?? "-",
                output.verdict == .passed ? "agrees" : output.verdict == .mismatch ? "DIFFERS" : "not compared",
            ])
        }
        let count = outputs.count { $0.verdict == .passed }
        return
            ((outputs.isEmpty ? [] : table.lines(width: width))
            + omissions.map { "incomplete: \(DisplayText.printable($0))" } + [
                "\(verdict == .passed ? "verified" : verdict.rawValue): \(count) of \(outputs.count) outputs agree"
            ])
            .joined(separator: "\n")
    }

    /// The report as members of a JSON object (schema 1).
    package var jsonMembers: [JSON.Member] {
        [
            JSON.Member("verdict", .string(verdict.rawValue)),
            JSON.Member(
                "judged",
                .array(
                    outputs.map { output in
                        [
                            "name": .string(output.name), "verdict": .string(output.verdict.rawValue),
                            "rtol": output.relativeTolerance.map(JSON.number) ?? .null,
                            "atol": output.absoluteTolerance.map(JSON.number) ?? .null,
                            "least_atol": output.leastAbsoluteTolerance.map(JSON.number) ?? .null,
                        ]
                    })),
            JSON.Member("omissions", .array(omissions.map(JSON.string))),
        ]
    }
}
