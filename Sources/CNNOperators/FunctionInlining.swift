import CNNModels

extension Model {
    /// The model with every call of one of its own functions replaced by the function's nodes: values and nodes in them are
    /// named after the call (`call/value`), references to the function's attributes become the caller's values or the
    /// defaults, and functions that call others are followed. A function hides an operator of the same name (ONNX IR,
    /// "Functions"). The result has no functions.
    /// - Throws: `ModelError` for functions that call themselves or nest too deep, calls that do not suit the function,
    ///   operators that mean something else in the function's operator set, and models that would grow out of bounds.
    package func inliningFunctions() throws(ModelError) -> Model {
        if functions.isEmpty { return self }
        var inliner = FunctionInliner(self)
        var model = self
        model.graph.nodes = inliner.expand(graph.nodes, nesting: [])
        model.functions = []
        model.opsetImports = inliner.opsetImports
        guard inliner.problems.isEmpty else { throw ModelError(inliner.problems) }
        return model
    }
}

/// The walk that replaces calls.
private struct FunctionInliner {
    private(set) var problems: [ModelProblem] = []
    private(set) var opsetImports: [OperatorSetID]
    private let functions: [Key: Function]
    private var supply: NameSupply
    private var nodeCount = 0

    /// What a call and a function have in common.
    struct Key: Hashable {
        let domain: String
        let name: String
        let overload: String
    }

    /// The most nodes that calls may grow into: functions that call others twice each double them.
    private static let nodeLimit = 250_000
    private static let nameByteLimit = 1 << 26
    /// The deepest nesting of calls; as deep as the reader lets graphs nest.
    private static let depthLimit = 64

    init(_ model: Model) {
        opsetImports = model.opsetImports
        supply = NameSupply(avoiding: model.graph)
        functions = Dictionary(
            model.functions.map { function in
                (
                    Key(
                        domain: OperatorSetID.canonicalDomain(function.domain), name: function.name,
                        overload: function.overload), function
                )
            }
        ) { first, _ in first }
    }

    /// - Parameter nesting: the functions whose bodies these nodes come from, outermost first.
    mutating func expand(_ nodes: [Node], nesting: [Key]) -> [Node] {
        var result: [Node] = []
        for (index, node) in nodes.enumerated() {
            guard problems.isEmpty else { return result }
            let key = Key(
                domain: OperatorSetID.canonicalDomain(node.domain), name: node.operatorType, overload: node.overload)
            if let function = functions[key] {
                let place = ModelProblem.Place.node(index: index, name: node.name, operatorType: node.operatorType)
                result += body(of: function, key, calledBy: node, at: place, nesting: nesting)
                continue
            }
            var copy = node
            for index in copy.attributes.indices {
                switch copy.attributes[index].value {
                case .graph(let graph): copy.attributes[index].value = .graph(expanded(graph, nesting))
                case .graphs(let graphs):
                    copy.attributes[index].value = .graphs(graphs.map { expanded($0, nesting) })
                default: break
                }
            }
            result.append(copy)
        }
        return result
    }

    private mutating func expanded(_ graph: Graph, _ nesting: [Key]) -> Graph {
        var graph = graph
        graph.nodes = expand(graph.nodes, nesting: nesting)
        return graph
    }

    private mutating func body(
        of function: Function, _ key: Key, calledBy call: Node, at place: ModelProblem.Place, nesting: [Key]
    ) -> [Node] {
        if let message = reasonAgainst(function, key, call, nesting) {
            problems.append(ModelProblem(.function, message, at: place))
            return []
        }
        guard importOperatorSets(of: function, at: place) else { return [] }

        var referents = Dictionary(function.attributeDefaults.map { ($0.name, $0.value) }) { first, _ in first }
        for attribute in call.attributes { referents[attribute.name] = attribute.value }
        var names = Dictionary(
            function.inputs.enumerated().map { index, name in
                (name, index < call.inputs.count ? call.inputs[index] : "")
            }
        ) { first, _ in first }
        // An output takes the caller's name, unless it is an input passed on or stands for an earlier output as well.
        var passedOn: [(from: String, to: String)] = []
        for (formal, actual) in zip(function.outputs, call.outputs) where !actual.isEmpty {
            if names[formal] == nil { names[formal] = actual } else { passedOn.append((formal, actual)) }
        }
        let callName = call.name.isEmpty ? call.operatorType : call.name
        var copier = NodeCopier(names: names, owner: callName, referents: referents)
        var nodes: [Node] = []
        for node in function.nodes {
            nodeCount += 1
            guard nodeCount <= Self.nodeLimit, supply.byteCount <= Self.nameByteLimit else {
                problems.append(
                    ModelProblem(
                        .function,
                        "the functions' calls grow into more than \(Self.nodeLimit) nodes or \(Self.nameByteLimit) bytes of names",
                        at: .model))
                return []
            }
            nodes.append(copier.copy(node, &supply))
        }
        for (formal, actual) in passedOn {
            nodes.append(
                Node(
                    "Identity", name: supply.name(like: "\(callName)/\(formal)"), inputs: [copier.names[formal] ?? ""],
                    outputs: [actual]))
        }
        return expand(nodes, nesting: nesting + [key])
    }

    /// What forbids the call; nil if nothing does.
    private func reasonAgainst(_ function: Function, _ key: Key, _ call: Node, _ nesting: [Key]) -> String? {
        let name = function.domain.isEmpty ? function.name : "\(function.domain).\(function.name)"
        if nesting.contains(key) {
            let chain = (nesting.drop { $0 != key } + [key]).map(\.name).joined(separator: " → ")
            return "function '\(name)' calls itself: \(chain)"
        }
        if nesting.count >= Self.depthLimit { return "functions call functions more than \(Self.depthLimit) deep" }
        if call.inputs.count > function.inputs.count {
            return "function '\(name)' takes \(function.inputs.count) inputs, but is given \(call.inputs.count)"
        }
        if call.outputs.count > function.outputs.count {
            return "function '\(name)' has \(function.outputs.count) outputs, but \(call.outputs.count) are wanted"
        }
        let known = Set(function.attributeNames + function.attributeDefaults.map(\.name))
        if let unknown = call.attributes.first(where: { !known.contains($0.name) }) {
            return "function '\(name)' has no attribute '\(unknown.name)'"
        }
        return nil
    }

    /// Makes the function's operator sets the model's. A function may import another version than the model; that is the same
    /// as long as none of its operators changed between the two.
    private mutating func importOperatorSets(of function: Function, at place: ModelProblem.Place) -> Bool {
        for entry in function.opsetImports {
            let domain = OperatorSetID.canonicalDomain(entry.domain)
            guard let own = opsetImports.first(where: { OperatorSetID.canonicalDomain($0.domain) == domain }) else {
                opsetImports.append(entry)
                continue
            }
            guard own.version != entry.version else { continue }
            for node in function.nodes where OperatorSetID.canonicalDomain(node.domain) == domain {
                guard let definition = OperatorRegistry.definition(node.operatorType, domain: node.domain),
                    definition.version(inOpset: Int(clamping: own.version))
                        != definition.version(inOpset: Int(clamping: entry.version))
                else { continue }
                problems.append(
                    ModelProblem(
                        .function,
                        "function '\(function.name)' uses '\(node.operatorType)' of operator set \(entry.version), which "
                            + "differs from that of the model's, \(own.version)", at: place))
                return false
            }
        }
        return true
    }
}
