import CNNTensors
import CNNTextTables

extension Diagnosis {
    /// What was found, as lines for a person.
    public var text: String {
        let explaining = findings.filter(\.explains)
        var lines: [String] = []
        if let first = explaining.first {
            lines.append("diagnosis: the reference was computed with \(DisplayText.printable(first.sentence))")
            lines.append("  explains the difference: after this change the outputs agree within rounding")
            for other in explaining.dropFirst() {
                lines.append("  so does: \(DisplayText.printable(other.sentence))")
            }
        } else {
            lines.append(
                isExhaustive
                    ? "diagnosis: no known mistake explains this (\(trialCount) tried in \(seconds) s)"
                    : "diagnosis: none of the \(trialCount) mistakes tried in \(seconds) s explains this; '--diagnose' tries the rest"
            )
            for finding in findings {
                let share = NumberText.fixed(100 * finding.remainder, digits: 2)
                lines.append("  leaves \(share) % of the difference: \(DisplayText.printable(finding.sentence))")
            }
        }
        return lines.joined(separator: "\n")
    }

    private var seconds: String {
        NumberText.fixed(Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18, digits: 2)
    }

    /// The value of the member `diagnosis` in a verification's JSON object.
    package var json: JSON {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
        return .object([
            JSON.Member("explained", .boolean(isExplained)), JSON.Member("tried", .integer(trialCount)),
            JSON.Member("exhaustive", .boolean(isExhaustive)), JSON.Member("seconds", .number(seconds)),
            JSON.Member("findings", .array(findings.map(\.json))),
        ])
    }
}

extension Diagnosis.Finding {
    /// For example `epsilon 0.001 instead of 1e-05 at node 'bn3' (#7, BatchNormalization)`.
    public var sentence: String { "\(statement)\(place)" }

    var json: JSON {
        var members = [
            JSON.Member("mistake", .string(mistake.rawValue)), JSON.Member("statement", .string(statement)),
            JSON.Member("explains", .boolean(explains)),
            JSON.Member("remainder", remainder.isFinite ? .number(remainder) : .null),
        ]
        switch place {
        case .input(let name): members.append(JSON.Member("input", .string(name)))
        case .output(let name): members.append(JSON.Member("output", .string(name)))
        case .nodes(let places):
            let nodes = places.compactMap { place -> JSON? in
                guard case .node(let index, let name, let type) = place else { return nil }
                return .object([
                    JSON.Member("index", .integer(index)), JSON.Member("name", .string(name)),
                    JSON.Member("operator", .string(type)),
                ])
            }
            members.append(JSON.Member("nodes", .array(nodes)))
        }
        return .object(members)
    }
}
