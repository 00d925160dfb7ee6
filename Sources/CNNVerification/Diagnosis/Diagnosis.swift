import CNNModels

/// Which known mistake explains why a run differs from its reference.
public struct Diagnosis: Sendable, Hashable {
    /// A mistake that was tried and left less of the difference.
    public struct Finding: Sendable, Hashable {
        public let mistake: Mistake
        /// What the reference did, to stand behind "the reference was computed with".
        public let statement: String
        let setting: String
        public let place: Place
        /// Whether after this change the outputs agree within rounding.
        public let explains: Bool
        /// How much of the difference is left after the change: 0 nothing, 1 all of it.
        public let remainder: Double
        let identity: String

        /// The same finding at another place.
        func moved(to place: Place) -> Finding {
            Finding(
                mistake: mistake, statement: statement, setting: setting, place: place, explains: explains,
                remainder: remainder, identity: identity)
        }
    }

    /// Where a mistake lies.
    public enum Place: Sendable, Hashable {
        case input(String)
        case output(String)
        case nodes([ModelProblem.Place])
    }

    /// Those that explain the difference, the likeliest first; if none does, the three that leave least of it, if less than 30 %.
    public let findings: [Finding]
    public let trialCount: Int
    /// Whether everything that applies was tried, rather than time running out.
    public let isExhaustive: Bool
    public let duration: Duration

    /// Whether a known mistake explains the difference.
    public var isExplained: Bool { findings.contains(where: \.explains) }
}

extension Diagnosis.Place {
    init(_ place: Alternative.Place, in graph: Graph) {
        switch place {
        case .input(let name): self = .input(name)
        case .output(let name): self = .output(name)
        case .nodes(let indices):
            self = .nodes(
                indices.map { index in
                    let node = graph.nodes[index]
                    return .node(index: index, name: node.name, operatorType: node.operatorType)
                })
        }
    }
}

extension Diagnosis.Place: CustomStringConvertible {
    /// For example `at node 'bn3' (#7, BatchNormalization)`; empty where the statement says it.
    public var description: String {
        guard case .nodes(let places) = self, let first = places.first else { return "" }
        if places.count == 1 { return " at \(first)" }
        var types: [String] = []
        for place in places {
            if case .node(_, _, let type) = place, !types.contains(type) { types.append(type) }
        }
        return " at all \(places.count) nodes of \(types.joined(separator: " and ")) that it applies to"
    }
}
