import CNNModels
import CNNTensors

extension Model {
    /// The model with each If whose condition follows from the model replaced by the nodes of the branch taken, the first
    /// first, so that conditions which hang on earlier ones are found. The condition may be computed: whatever inference
    /// knows, such as a comparison of sizes, counts. An If with an open condition stays.
    package func resolvingConditions() -> Model {
        guard graph.nodes.contains(where: \.isIf) else { return self }
        var resolver = ConditionResolver(self)
        return resolver.resolved()
    }
}

extension Node {
    fileprivate var isIf: Bool {
        operatorType == "If" && OperatorSetID.canonicalDomain(domain).isEmpty
    }
}

/// The walk that replaces If nodes.
private struct ConditionResolver {
    private var model: Model
    private var supply: NameSupply
    /// Nodes that are settled, in order, and the position of the one that computes a value.
    private var nodes: [Node] = []
    private var producers: [String: Int] = [:]
    private var inferredNodeCount = 0

    /// How many nodes may be inferred for the sake of conditions altogether. Each condition is inferred with all that it
    /// follows from, so the work could grow with the square of a hostile model.
    private static let inferenceLimit = 200_000

    init(_ model: Model) {
        self.model = model
        supply = NameSupply(avoiding: model.graph)
    }

    mutating func resolved() -> Model {
        // A stack: the nodes of a branch are next in line, and may be If nodes themselves.
        var pending = Array(model.graph.nodes.reversed())
        while let node = pending.popLast() {
            if node.isIf, let condition = node.inputs.first.flatMap({ value(of: $0) }),
                let branch = node.attribute(condition ? "then_branch" : "else_branch")?.value.graphs.first,
                branch.inputs.isEmpty, branch.outputs.count >= node.outputs.count
            {
                pending += body(of: branch, replacing: node).reversed()
                continue
            }
            for output in node.outputs { producers[output] = nodes.count }
            nodes.append(node)
        }
        model.graph.nodes = nodes
        return model
    }

    private mutating func body(of branch: Graph, replacing node: Node) -> [Node] {
        let prefix = node.name.isEmpty ? node.operatorType : node.name
        var copier = NodeCopier(names: [:], owner: prefix, referents: nil)
        let computed = Set(branch.nodes.flatMap(\.outputs))
        var passedOn: [(from: String, to: String)] = []
        for (output, actual) in zip(branch.outputs, node.outputs) where !actual.isEmpty {
            if computed.contains(output.name), copier.names[output.name] == nil {
                copier.names[output.name] = actual
            } else {
                passedOn.append((output.name, actual))
            }
        }
        for initializer in branch.initializers {
            var copy = initializer
            copy.name = copier.define(initializer.name, &supply)
            model.graph.initializers.append(copy)
        }
        var nodes = branch.nodes.map { copier.copy($0, &supply) }
        for (inner, actual) in passedOn {
            nodes.append(
                Node(
                    "Identity", name: supply.name(like: "\(prefix)/\(inner)"), inputs: [copier.names[inner] ?? inner],
                    outputs: [actual]))
        }
        return nodes
    }

    // MARK: - The condition's value

    /// The truth value of this name, if it follows from the model alone.
    private mutating func value(of name: String) -> Bool? {
        let tensor = initializer(name) ?? constant(name) ?? inferred(name)
        guard let tensor, tensor.dataType == .bool, tensor.shape.elementCount == 1 else { return nil }
        return try? tensor.integers()[0] != 0
    }

    /// An initializer that no caller can replace.
    private func initializer(_ name: String) -> Tensor? {
        guard !model.graph.inputs.contains(where: { $0.name == name }) else { return nil }
        return model.graph.initializers.first { $0.name == name }?.tensor
    }

    private func constant(_ name: String) -> Tensor? {
        guard let producer = producers[name], nodes[producer].operatorType == "Constant",
            case .tensor(let value) = nodes[producer].attribute("value")?.value
        else { return nil }
        return value.tensor
    }

    /// The value as inferred from the part of the graph that it follows from.
    private mutating func inferred(_ name: String) -> Tensor? {
        guard let last = producers[name] else { return nil }
        var needed: Set<Int> = []
        var used: Set<String> = [name]
        var pending = [last]
        while let index = pending.popLast() {
            guard needed.insert(index).inserted else { continue }
            // What an unresolved If or a loop computes is not known.
            guard nodes[index].attributes.allSatisfy({ $0.value.graphs.isEmpty }) else { return nil }
            for input in nodes[index].inputs where used.insert(input).inserted {
                if let producer = producers[input] { pending.append(producer) }
            }
        }
        inferredNodeCount += needed.count
        guard inferredNodeCount <= Self.inferenceLimit else { return nil }
        var part = model
        part.graph.nodes = needed.sorted().map { nodes[$0] }
        part.graph.initializers = model.graph.initializers.filter { used.contains($0.name) }
        part.graph.outputs = [ValueInfo(name: name, type: nil)]
        part.graph.valueInfos = []
        // Problems are reported where the whole model is bound.
        guard let facts = try? BoundModel(part).infer().facts else { return nil }
        return facts[name]?.constant
    }
}
