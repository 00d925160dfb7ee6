/// Checks what must hold in every ONNX graph whatever its operators mean: versions, names that are defined once and
/// before they are used, unique attributes (ONNX, "Open Neural Network Exchange Intermediate Representation").
public struct StructureChecker {
    /// Versions of the file format that are read.
    public static let irVersions: ClosedRange<Int64> = 3...14
    /// Versions of ONNX's own operator set that are known.
    public static let opsetVersions: ClosedRange<Int64> = 1...28

    private var problems: [ModelProblem] = []

    /// Every structural problem of `model`, in file order; none if it is sound.
    public static func problems(in model: Model) -> [ModelProblem] {
        var checker = StructureChecker()
        checker.checkVersions(of: model)
        checker.check(model.graph, within: [])
        for function in model.functions { checker.check(function) }
        return checker.problems
    }

    private mutating func report(
        _ rule: ModelProblem.Rule, _ message: String, at place: ModelProblem.Place, hint: String? = nil
    ) {
        problems.append(ModelProblem(rule, message, at: place, hint: hint))
    }

    // MARK: - Versions

    private mutating func checkVersions(of model: Model) {
        if !Self.irVersions.contains(model.irVersion) {
            report(
                .formatVersion,
                "IR version \(model.irVersion) is not supported; \(Self.irVersions.lowerBound) to "
                    + "\(Self.irVersions.upperBound) are", at: .model)
        }
        var versions: [String: Int64] = [:]
        for entry in model.opsetImports {
            let domain = OperatorSetID.canonicalDomain(entry.domain)
            let name = domain.isEmpty ? "ai.onnx" : domain
            if let earlier = versions.updateValue(entry.version, forKey: domain), earlier != entry.version {
                report(.opsetImport, "domain '\(name)' is imported in versions \(earlier) and \(entry.version)", at: .model)
            }
            if domain.isEmpty, !Self.opsetVersions.contains(entry.version) {
                report(
                    .opsetImport,
                    "operator set \(entry.version) is not supported; \(Self.opsetVersions.lowerBound) to "
                        + "\(Self.opsetVersions.upperBound) are", at: .model)
            }
        }
        for (index, node) in model.graph.nodes.enumerated() {
            checkOpsetImport(of: node, index: index, in: versions)
        }
    }

    private mutating func checkOpsetImport(of node: Node, index: Int, in versions: [String: Int64]) {
        let domain = OperatorSetID.canonicalDomain(node.domain)
        if versions[domain] == nil {
            report(
                .opsetImport, "no operator set is imported for domain '\(domain.isEmpty ? "ai.onnx" : domain)'",
                at: .node(index: index, name: node.name, operatorType: node.operatorType))
        }
    }

    // MARK: - Names

    /// - Parameter scopes: the names that each graph around this one has defined so far, outermost first.
    private mutating func check(_ graph: Graph, within scopes: [Set<String>]) {
        checkUnique(graph.inputs.map(\.name), "graph input")
        checkUnique(graph.initializers.map(\.name), "initializer")
        checkUnique(graph.outputs.map(\.name), "graph output")
        let given = Set(graph.inputs.map(\.name)).union(graph.initializers.map(\.name))
        let defined = checkNodes(graph.nodes, given: given, within: scopes)
        for output in graph.outputs where !defined.contains(output.name) && !scopes.define(output.name) {
            report(.definedNames, "graph output '\(output.name)' is computed by no node", at: .value(output.name))
        }
    }

    private mutating func check(_ function: Function) {
        checkUnique(function.inputs, "function input")
        let defined = checkNodes(function.nodes, given: Set(function.inputs), within: [])
        for output in function.outputs where !defined.contains(output) {
            report(
                .definedNames, "output '\(output)' of function '\(function.name)' is computed by no node", at: .value(output))
        }
    }

    private mutating func checkUnique(_ names: [String], _ what: String) {
        var seen: Set<String> = []
        for name in names {
            if name.isEmpty {
                report(.uniqueNames, "a \(what) has no name", at: .model)
            } else if !seen.insert(name).inserted {
                report(.uniqueNames, "\(what) '\(name)' stands twice", at: .value(name))
            }
        }
    }

    /// - Returns: every name defined at the end.
    private mutating func checkNodes(_ nodes: [Node], given: Set<String>, within scopes: [Set<String>]) -> Set<String> {
        let later = Set(nodes.flatMap(\.outputs))
        var defined = given
        for (index, node) in nodes.enumerated() {
            let place = ModelProblem.Place.node(index: index, name: node.name, operatorType: node.operatorType)
            for input in node.inputs where !input.isEmpty && !defined.contains(input) && !scopes.define(input) {
                if later.contains(input) {
                    report(.topologicalOrder, "input '\(input)' is computed by this node or a later one", at: place)
                } else {
                    report(.definedNames, "input '\(input)' is not defined anywhere", at: place)
                }
            }
            for output in node.outputs where !output.isEmpty {
                if scopes.define(output) || !defined.insert(output).inserted {
                    report(.singleAssignment, "output '\(output)' is already defined", at: place)
                }
            }
            checkAttributes(of: node, at: place, within: scopes + [defined])
        }
        return defined
    }

    private mutating func checkAttributes(
        of node: Node, at place: ModelProblem.Place, within scopes: @autoclosure () -> [Set<String>]
    ) {
        var seen: Set<String> = []
        for attribute in node.attributes {
            if !seen.insert(attribute.name).inserted {
                report(.attribute, "attribute '\(attribute.name)' stands twice", at: place)
            }
            switch attribute.value {
            case .graph(let graph): check(graph, within: scopes())
            case .graphs(let graphs): for graph in graphs { check(graph, within: scopes()) }
            default: break
            }
        }
    }
}

extension [Set<String>] {
    /// Whether one of these scopes has the name.
    fileprivate func define(_ name: String) -> Bool { contains { $0.contains(name) } }
}
