/// Names that stand once: each wish is met with the wanted name, or with that and a number where it is taken.
package struct NameSupply: Sendable {
    private var taken: Set<String>
    private let separator: String
    /// By wanted name: the last number tried, so that many wishes for one name do not try all numbers again.
    private var numbers: [String: Int] = [:]
    /// How many bytes of names were given out: what a hostile model would blow up, since copies of one long name add up.
    package private(set) var byteCount = 0

    /// A supply that avoids these names.
    /// - Parameter separator: what stands between a taken name and its number.
    package init(avoiding taken: Set<String> = [], separator: String = "_") {
        self.taken = taken
        self.separator = separator
    }

    /// A supply that avoids every name of values and nodes in this graph and the graphs within it, and the empty name, which
    /// stands for something left out.
    package init(avoiding graph: Graph) {
        var taken: Set<String> = [""]
        var pending = [graph]
        while let graph = pending.popLast() {
            taken.formUnion((graph.inputs + graph.outputs + graph.valueInfos).map(\.name))
            taken.formUnion(graph.initializers.map(\.name))
            for node in graph.nodes {
                taken.insert(node.name)
                taken.formUnion(node.inputs)
                taken.formUnion(node.outputs)
                for attribute in node.attributes { pending += attribute.value.graphs }
            }
        }
        self.init(avoiding: taken)
    }

    /// The wanted name, with a number behind it if it is taken.
    package mutating func name(like wanted: String) -> String {
        var candidate = wanted
        while !take(candidate) {
            numbers[wanted, default: 1] += 1
            candidate = "\(wanted)\(separator)\(numbers[wanted] ?? 1)"
        }
        byteCount += candidate.utf8.count
        return candidate
    }

    /// Takes this very name. Returns whether it was free.
    package mutating func take(_ name: String) -> Bool { taken.insert(name).inserted }

    /// Takes a name back that nobody uses any more.
    package mutating func release(_ name: String) { taken.remove(name) }
}

extension Attribute.Value {
    /// The graphs that the value holds.
    package var graphs: [Graph] {
        switch self {
        case .graph(let graph): [graph]
        case .graphs(let graphs): graphs
        default: []
        }
    }
}
