/// Test results as the XML that systems of continuous integration read: the common subset of JUnit's format (`testsuites`,
/// `testsuite`, `testcase`, `failure`, `error`, `skipped`).
public struct JUnitReport: Sendable, Hashable {
    /// How a case ended.
    public enum Outcome: Sendable, Hashable {
        case passed
        /// The result is wrong.
        case failed(String)
        /// There is no result.
        case error(String)
        case skipped(String)
    }

    /// One thing that was tested.
    public struct Case: Sendable, Hashable {
        public let name: String
        public let outcome: Outcome

        /// A case of this name and outcome.
        public init(name: String, outcome: Outcome) {
            self.name = name
            self.outcome = outcome
        }
    }

    /// Cases that belong together.
    public struct Suite: Sendable, Hashable {
        public let name: String
        public let cases: [Case]

        /// A suite of these cases, in order.
        public init(name: String, cases: [Case]) {
            self.name = name
            self.cases = cases
        }
    }

    public let suites: [Suite]

    /// A report of these suites, in order.
    public init(_ suites: [Suite]) { self.suites = suites }

    /// The XML document.
    public var xml: String {
        var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#]
        lines.append("<testsuites name=\"onnxcnn verify\"\(Self.totals(suites.flatMap(\.cases)))>")
        for suite in suites {
            lines.append("  <testsuite name=\"\(Self.escaped(suite.name))\"\(Self.totals(suite.cases))>")
            for testCase in suite.cases {
                let start =
                    "    <testcase classname=\"\(Self.escaped(suite.name))\" name=\"\(Self.escaped(testCase.name))\""
                let (element, message): (String?, String) =
                    switch testCase.outcome {
                    case .passed: (nil, "")
                    case .failed(let message): ("failure", message)
                    case .error(let message): ("error", message)
                    case .skipped(let message): ("skipped", message)
                    }
                guard let element else {
                    lines.append(start + "/>")
                    continue
                }
                let summary = message.split(separator: "\n").first.map(String.init) ?? ""
                lines.append(start + ">")
                lines.append(
                    "      <\(element) message=\"\(Self.escaped(summary))\">\(Self.escaped(message))</\(element)>")
                lines.append("    </testcase>")
            }
            lines.append("  </testsuite>")
        }
        lines.append("</testsuites>")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func totals(_ cases: [Case]) -> String {
        var (failures, errors, skipped) = (0, 0, 0)
        for testCase in cases {
            switch testCase.outcome {
            case .passed: break
            case .failed: failures += 1
            case .error: errors += 1
            case .skipped: skipped += 1
            }
        }
        return " tests=\"\(cases.count)\" failures=\"\(failures)\" errors=\"\(errors)\" skipped=\"\(skipped)\""
    }

    private static func escaped(_ text: String) -> String { MarkupText.escaped(text) }
}

extension VerificationReport {
    /// A case for each output, for the check of layers, and for each thing that was left out.
    public func junitSuite(named name: String) -> JUnitReport.Suite {
        var cases = outputs.map { output in
            let outcome: JUnitReport.Outcome =
                switch output.comparison.verdict {
                case .match: output.undecidedReason.map(JUnitReport.Outcome.error) ?? .passed
                case .mismatch:
                    .failed(
                        "\(output.comparison.metrics?.mismatchCount ?? 0) of \(output.comparison.metrics?.elementCount ?? 0) elements differ"
                            + (output.rounding.map { "\n\($0.difference)\n\($0.culpritText)" } ?? ""))
                case .incomparable(let reason): .error("\(reason)")
                }
            return JUnitReport.Case(name: "output \(output.name)", outcome: outcome)
        }
        if let layers {
            let omissions = layers.omissions
            let outcome: JUnitReport.Outcome =
                !layers.agrees
                ? .failed(layers.text()) : omissions.isEmpty ? .passed : .error(omissions.joined(separator: "\n"))
            cases.append(JUnitReport.Case(name: "layers", outcome: outcome))
        }
        if !allowsPartial {
            cases += outputsWithoutReference.map {
                JUnitReport.Case(name: "output \($0)", outcome: .error("it has no reference"))
            }
            cases += unusedReferences.map {
                JUnitReport.Case(name: "reference \($0)", outcome: .error("it belongs to no output"))
            }
        }
        if omissions.contains(Self.nothingCompared) {
            cases.append(JUnitReport.Case(name: "outputs", outcome: .error(Self.nothingCompared)))
        }
        return JUnitReport.Suite(name: name, cases: cases)
    }
}

extension SelfCheckReport {
    /// A case for each output, and one for what the check leaves out.
    public func junitSuite(named name: String) -> JUnitReport.Suite {
        var cases = outputs.map { output in
            let outcome: JUnitReport.Outcome =
                switch output.verdict {
                case .passed: .passed
                case .incomplete: .error(output.omission ?? "")
                case .mismatch:
                    .failed(output.fault ?? "\(output.largest) standard deviations, allowed \(output.threshold)")
                }
            return JUnitReport.Case(name: "output \(output.name)", outcome: outcome)
        }
        cases += uncheckedOutputs.map {
            JUnitReport.Case(name: "output \($0)", outcome: .error("the check says nothing of it"))
        }
        if omissions.contains(VerificationReport.nothingCompared) {
            cases.append(JUnitReport.Case(name: "outputs", outcome: .error(VerificationReport.nothingCompared)))
        }
        return JUnitReport.Suite(name: name, cases: cases)
    }
}

extension TestCaseReport {
    /// A case for each test case.
    public var junitSuite: JUnitReport.Suite {
        JUnitReport.Suite(
            name: folder,
            cases: results.map { result in
                let outcome: JUnitReport.Outcome =
                    switch result.status {
                    case .passed: .passed
                    case .failed: .failed(result.message)
                    case .error: .error(result.message)
                    case .unsupported: .skipped(result.message)
                    }
                return JUnitReport.Case(name: result.name, outcome: outcome)
            })
    }
}
