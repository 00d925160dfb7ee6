import CNNTensors

/// Why a part cannot be cut out of a model.
public enum SubgraphError: Error, Sendable, Hashable {
    /// No node of the graph computes the value: it is an input, an initializer, or nothing at all.
    case notComputed(String)
    /// The graph has no node of this index.
    case noSuchNode(Int)
    /// The value would be an input or output of the part, but the file does not say what type it has.
    case unknownType(value: String)
}

extension SubgraphError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notComputed(let name): "no node computes a value '\(name)'"
        case .noSuchNode(let index): "the graph has no node #\(index)"
        case .unknownType(let name): "the type of '\(name)' is not known, so no model can have it as an input or output"
        }
    }
}

extension Model {
    /// The part of the model that computes these values from the model's own inputs, as a model of its own.
    /// - Parameters:
    ///   - values: outputs of nodes; they become the outputs, in this order.
    ///   - types: types of values by name, where they are known better than the graph declares them.
    /// - Throws: `SubgraphError`.
    public func prefix(
        endingAt values: [String], types: [String: ValueType] = [:]
    ) throws(SubgraphError) -> Model {
        let flow = Dataflow(graph)
        for value in values where flow.producers[value] == nil { throw .notComputed(value) }
        return try part(flow, nodes: flow.nodesNeeded(for: values), outputs: values, types)
    }

    /// These nodes as a model of their own. Its inputs are the values that they take from other nodes and from the model's
    /// inputs; initializers, and nodes that compute constants for them, come along. Its outputs are the values that the
    /// rest of the model reads or gives out, and those that nothing reads.
    /// - Parameters:
    ///   - indices: positions in the graph.
    ///   - outputs: the values to give out instead of these, in this order.
    ///   - types: types of values by name, where they are known better than the graph declares them.
    /// - Throws: `SubgraphError`.
    public func subgraph(
        nodes indices: some Sequence<Int>, outputs: [String]? = nil, types: [String: ValueType] = [:]
    ) throws(SubgraphError) -> Model {
        let flow = Dataflow(graph)
        let chosen = Set(indices)
        for index in chosen where !graph.nodes.indices.contains(index) { throw .noSuchNode(index) }
        let constants = flow.nodesNeeded(for: chosen.flatMap { flow.reads[$0] }).intersection(flow.constantNodes)
        let given = Set(graph.outputs.map(\.name))
        let leaving = chosen.sorted().flatMap { graph.nodes[$0].outputs }.filter { name in
            guard !name.isEmpty else { return false }
            let readers = flow.readers[name] ?? []
            return given.contains(name) || readers.isEmpty || readers.contains { !chosen.contains($0) }
        }
        for value in outputs ?? [] where flow.producers[value].map(chosen.contains) != true { throw .notComputed(value) }
        return try part(flow, nodes: chosen.union(constants), outputs: outputs ?? leaving, types)
    }

    private func part(
        _ flow: Dataflow, nodes indices: Set<Int>, outputs: [String], _ types: [String: ValueType]
    ) throws(SubgraphError) -> Model {
        let nodes = indices.sorted().map { graph.nodes[$0] }
        let made = Set(nodes.flatMap(\.outputs))
        var seen: Set<String> = []
        let read = indices.sorted().flatMap { flow.reads[$0] }.filter { !made.contains($0) && seen.insert($0).inserted }
        let needed = Set(read)
        let initializers = graph.initializers.filter { needed.contains($0.name) }
        let stored = Set(initializers.map(\.name))
        let declarations = Dictionary(
            (graph.inputs + graph.outputs + graph.valueInfos).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        // An initializer that is an input too stays both: files of IR version 3 list them all.
        let ownInputs = graph.inputs.filter { needed.contains($0.name) }
        let ownNames = Set(ownInputs.map(\.name))
        func declaration(_ name: String) throws(SubgraphError) -> ValueInfo {
            if let type = types[name] { return ValueInfo(name: name, type: type) }
            guard let known = declarations[name], known.type != nil else { throw .unknownType(value: name) }
            return known
        }
        var part = Graph(name: "part of \(graph.name)", nodes: nodes, initializers: initializers)
        for input in ownInputs { part.inputs.append(stored.contains(input.name) ? input : try declaration(input.name)) }
        for name in read where !stored.contains(name) && !ownNames.contains(name) {
            part.inputs.append(try declaration(name))
        }
        for name in outputs { part.outputs.append(try declaration(name)) }
        let results = Set(outputs)
        part.valueInfos = graph.valueInfos.filter { made.contains($0.name) && !results.contains($0.name) }
        var model = self
        model.graph = part
        model.producerName = Producer.name
        model.producerVersion = Producer.version
        // What is said of the whole need not hold for a part.
        model.metadata = []
        model.documentation = ""
        model.details = FormatDetails()
        model.functions = functionsCalled(by: nodes)
        return model
    }

    /// The functions that the nodes call, directly or through each other.
    private func functionsCalled(by nodes: [Node]) -> [Function] {
        struct Key: Hashable {
            let domain: String
            let name: String
            let overload: String
        }
        let byKey = Dictionary(grouping: functions.indices) { index in
            let function = functions[index]
            return Key(
                domain: OperatorSetID.canonicalDomain(function.domain), name: function.name, overload: function.overload)
        }
        var called: Set<Int> = []
        var open = nodes
        while let node = open.popLast() {
            open += node.attributes.flatMap(\.value.graphs).flatMap(\.nodes)
            let key = Key(
                domain: OperatorSetID.canonicalDomain(node.domain), name: node.operatorType, overload: node.overload)
            for index in byKey[key] ?? [] where called.insert(index).inserted { open += functions[index].nodes }
        }
        return called.sorted().map { functions[$0] }
    }
}

extension ValueType {
    /// The type of this tensor: its element type and its sizes.
    public init(of tensor: Tensor) {
        self.init(
            .tensor(
                elementType: tensor.dataType.rawValue,
                shape: DeclaredShape(
                    dimensions: tensor.shape.dimensions.map { DeclaredDimension(.known(Int64($0))) })))
    }
}
