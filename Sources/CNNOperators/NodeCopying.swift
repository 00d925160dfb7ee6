import CNNModels

/// Copies nodes from the body of a function or branch into a graph: values get names that are free there, and references
/// to attributes of a function become the caller's values.
struct NodeCopier {
    /// New names by old ones. Inputs that are not in it keep their names: they are values around the body.
    var names: [String: String]
    /// What the new names begin with.
    private let prefix: String
    /// Values for references by attribute name; a reference without one takes its attribute away. Nil where there is no
    /// function to refer to, so that references stay.
    private let referents: [String: Attribute.Value]?

    /// - Parameter owner: what the body belongs to. Of a very long name the end is enough, since every new name repeats it.
    init(names: [String: String], owner: String, referents: [String: Attribute.Value]?) {
        self.names = names
        prefix = String(owner.suffix(128))
        self.referents = referents
    }

    /// The node under new names. Outputs are named now, unless their names are settled in `names`.
    mutating func copy(_ node: Node, _ supply: inout NameSupply) -> Node {
        var copy = node
        copy.inputs = node.inputs.map { names[$0] ?? $0 }
        copy.name = supply.name(like: node.name.isEmpty ? prefix : "\(prefix)/\(node.name)")
        copy.outputs = node.outputs.map { define($0, &supply) }
        copy.attributes = node.attributes.compactMap { attribute in
            var attribute = attribute
            switch attribute.value {
            case .reference(let name, _):
                guard let referents else { return attribute }
                guard let value = referents[name] else { return nil }
                attribute.value = value
            case .graph(let graph):
                attribute.value = .graph(self.copy(graph, &supply))
            case .graphs(let graphs):
                attribute.value = .graphs(graphs.map { self.copy($0, &supply) })
            default: break
            }
            return attribute
        }
        return copy
    }

    /// A graph within a node: what it defines gets new names, too.
    private func copy(_ graph: Graph, _ supply: inout NameSupply) -> Graph {
        var scope = self
        var copy = graph
        for index in copy.inputs.indices { copy.inputs[index].name = scope.define(graph.inputs[index].name, &supply) }
        for index in copy.initializers.indices {
            copy.initializers[index].name = scope.define(graph.initializers[index].name, &supply)
        }
        copy.nodes = graph.nodes.map { scope.copy($0, &supply) }
        for index in copy.outputs.indices {
            copy.outputs[index].name = scope.names[graph.outputs[index].name] ?? graph.outputs[index].name
        }
        copy.valueInfos = graph.valueInfos.compactMap { info in
            var info = info
            guard let name = scope.names[info.name] else { return nil }
            info.name = name
            return info
        }
        return copy
    }

    /// The new name of a value that the body defines.
    mutating func define(_ name: String, _ supply: inout NameSupply) -> String {
        if name.isEmpty { return "" }
        if let settled = names[name] { return settled }
        let new = supply.name(like: "\(prefix)/\(name)")
        names[name] = new
        return new
    }
}
