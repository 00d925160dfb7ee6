import CNNModels
import CNNOperators
import CNNTensors

/// A run that differs from its reference: the model, what went in, what came out here and there.
struct DiagnosisCase: Sendable {
    /// Calls of functions inlined.
    let model: Model
    private(set) var inputs: [String: Tensor]
    /// By output.
    let references: [String: Tensor]
    /// Every value of our run by name, inputs and initializers among them.
    private(set) var values: [String: Tensor]
    let flow: Dataflow
    private let bound: BoundModel

    /// - Parameters:
    ///   - values: what every node computes, as a run that keeps all gives it.
    ///   - references: of the graph's outputs; others are left out.
    /// - Throws: `ModelError`.
    init(
        model: Model, inputs: [String: Tensor], values: [String: Tensor], references: [String: Tensor]
    ) throws {
        bound = try BoundModel(model)
        self.model = bound.model
        flow = Dataflow(bound.model.graph)
        self.inputs = inputs
        let outputs = Set(bound.model.graph.outputs.map(\.name))
        self.references = references.filter { outputs.contains($0.key) }
        var all = Dictionary(bound.model.graph.initializers.map { ($0.name, $0.tensor) }) { first, _ in first }
        all.merge(values) { _, computed in computed }
        all.merge(inputs) { _, given in given }
        self.values = all
    }

    /// What a node reads at a position; nil where the optional input is left out.
    func input(_ position: Int, of node: Node) -> Tensor? {
        guard position < node.inputs.count, !node.inputs[position].isEmpty else { return nil }
        return values[node.inputs[position]]
    }

    /// Weights that a node reads at a position: nil where the value depends on an input of the graph.
    func weights(_ position: Int, of node: Node) -> Tensor? {
        guard position < node.inputs.count else { return nil }
        let name = node.inputs[position]
        if let producer = flow.producers[name] {
            return flow.constantNodes.contains(producer) ? values[name] : nil
        }
        return inputs[name] == nil ? values[name] : nil
    }

    /// The sliding window of a node; nil for operators without.
    func window(of index: Int) throws -> WindowGeometry? {
        let node = bound.nodes[index]
        return try node.operation.window(
            node.node.inputs.map { name in values[name].map { ValueFact(dataType: $0.dataType, shape: SymbolicShape($0.shape)) }
            })
    }

    /// The same run with another tensor as an input; what the nodes computed stays what it was.
    func replacingInput(_ name: String, with tensor: Tensor) -> DiagnosisCase {
        var copy = self
        copy.inputs[name] = tensor
        copy.values[name] = tensor
        return copy
    }

    /// The version of ONNX's operator set.
    var opset: Int { Int(clamping: model.opsetVersion(domain: "") ?? 1) }
}

/// A case in which something is done as a hypothesis says the reference did it.
struct Variation: Sendable {
    private(set) var model: Model
    private(set) var inputs: [String: Tensor]
    /// Positions of the nodes that are not as they were.
    private(set) var changedNodes: Set<Int> = []
    private(set) var changesInputs = false
    private var names: NameSupply

    init(_ subject: DiagnosisCase) {
        model = subject.model
        inputs = subject.inputs
        names = NameSupply(avoiding: model.graph)
        // What the file declares of shapes need not hold any more.
        model.graph.valueInfos = []
        for index in model.graph.outputs.indices {
            guard let type = model.graph.outputs[index].type?.tensorDataType else { continue }
            model.graph.outputs[index].type = ValueType(.tensor(elementType: type.rawValue, shape: nil))
        }
    }

    mutating func setInput(_ name: String, to tensor: Tensor) {
        inputs[name] = tensor
        changesInputs = true
    }

    /// Changes the node at this position.
    mutating func edit(_ position: Int, _ body: (inout Node) -> Void) {
        body(&model.graph.nodes[position])
        changedNodes.insert(position)
    }

    mutating func setAttribute(_ name: String, _ value: Attribute.Value, at position: Int) {
        edit(position) { node in
            node.attributes.removeAll { $0.name == name }
            node.attributes.append(Attribute(name, value))
        }
    }

    mutating func removeAttribute(_ name: String, at position: Int) {
        edit(position) { node in node.attributes.removeAll { $0.name == name } }
    }

    /// Gives a node a constant of its own for one of its inputs.
    mutating func setWeights(_ tensor: Tensor, input: Int, at position: Int) {
        let name = constant(tensor, like: model.graph.nodes[position].inputs[input])
        edit(position) { $0.inputs[input] = name }
    }

    /// A new initializer.
    mutating func constant(_ tensor: Tensor, like name: String) -> String {
        let name = names.name(like: name)
        model.graph.initializers.append(NamedTensor(name: name, tensor: tensor))
        return name
    }

    /// Sends what a node reads as its first input through these nodes, which have one input and one output each.
    mutating func insert(_ nodes: [Node], before position: Int) {
        guard let source = model.graph.nodes[position].inputs.first else { return }
        var last = source
        for (offset, node) in nodes.enumerated() {
            var node = node
            let output = names.name(like: source)
            node.inputs = [last] + node.inputs
            node.outputs = [output]
            last = output
            insert(node, at: position + offset)
        }
        edit(position + nodes.count) { $0.inputs[0] = last }
    }

    /// Sends a value that a node computes through these nodes before anyone reads it. Other inputs that they have stand
    /// behind the value.
    mutating func append(_ nodes: [Node], to value: String) {
        guard let producer = model.graph.nodes.firstIndex(where: { $0.outputs.contains(value) }) else { return }
        var last = names.name(like: value)
        edit(producer) { node in node.outputs = node.outputs.map { $0 == value ? last : $0 } }
        for (offset, node) in nodes.enumerated() {
            var node = node
            let output = offset == nodes.count - 1 ? value : names.name(like: value)
            node.inputs = [last] + node.inputs
            node.outputs = [output]
            last = output
            insert(node, at: producer + 1 + offset)
        }
    }

    private mutating func insert(_ node: Node, at position: Int) {
        changedNodes = Set(changedNodes.map { $0 >= position ? $0 + 1 : $0 })
        model.graph.nodes.insert(node, at: position)
        changedNodes.insert(position)
    }
}
