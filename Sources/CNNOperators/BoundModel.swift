import CNNModels
import CNNTensors

/// A node with the operator that it applies, its attributes parsed. A class, since passes over long graphs hand nodes on all the time and
/// would count references to each of their parts.
package final class BoundNode: Sendable {
    /// The position in the graph, counted from 0.
    package let index: Int
    package let node: Node
    package let definition: OperatorDefinition
    /// The version of the operator's definition that holds.
    package let version: Int
    package let signature: Signature
    package let operation: any Operator

    package init(
        index: Int, node: Node, definition: OperatorDefinition, version: Int, signature: Signature, operation: any Operator
    ) {
        self.index = index
        self.node = node
        self.definition = definition
        self.version = version
        self.signature = signature
        self.operation = operation
    }

    package var place: ModelProblem.Place {
        .node(index: index, name: node.name, operatorType: node.operatorType)
    }
}

/// A model whose structure is sound and whose nodes are all known operators with valid attributes, ready for shape
/// inference and evaluation.
package struct BoundModel: Sendable {
    /// The model, with calls of its functions and conditions that follow from it replaced by what they stand for.
    package let model: Model
    package let nodes: [BoundNode]

    /// Checks and binds every node.
    /// - Throws: `ModelError` with every problem of structure, operators, attributes and arity in the model.
    package init(_ model: Model) throws(ModelError) {
        var problems = StructureChecker.problems(in: model)
        // Calls and branches are followed in sound models only.
        let model = problems.isEmpty ? try model.inliningFunctions().resolvingConditions() : model
        let opset = model.opsetVersion(domain: "") ?? 1
        var nodes: [BoundNode] = []
        for (index, node) in model.graph.nodes.enumerated() {
            switch Self.bind(node, index: index, opset: Int(clamping: opset)) {
            case .success(let bound): nodes.append(bound)
            case .failure(let error): problems += error.problems
            }
        }
        guard problems.isEmpty else { throw ModelError(problems) }
        self.model = model
        self.nodes = nodes
    }

    private static func bind(_ node: Node, index: Int, opset: Int) -> Result<BoundNode, ModelError> {
        let place = ModelProblem.Place.node(index: index, name: node.name, operatorType: node.operatorType)
        guard let definition = OperatorRegistry.definition(node.operatorType, domain: node.domain) else {
            let name = node.domain.isEmpty ? node.operatorType : "\(node.domain).\(node.operatorType)"
            return .failure(
                ModelError([
                    ModelProblem(
                        .unsupportedOperator, "unsupported operator '\(name)' (opset \(opset))", at: place,
                        hint: "'onnxcnn operators' lists what is supported")
                ]))
        }
        guard let version = definition.version(inOpset: opset) else {
            return .failure(
                ModelError([
                    ModelProblem(
                        .unsupportedOperator,
                        "operator '\(node.operatorType)' does not exist in opset \(opset); opset "
                            + "\(definition.versions.first ?? 1) introduced it", at: place)
                ]))
        }
        let signature = definition.signature(version)
        var problems = arityProblems(node, signature, at: place)
        let reader = AttributeReader(node, version: version)
        do {
            let operation = try definition.make(reader)
            problems += reader.unread.map { name in
                ModelProblem(
                    .attribute, "operator '\(node.operatorType)' (version \(version)) has no attribute '\(name)'", at: place)
            }
            if problems.isEmpty {
                return .success(
                    BoundNode(
                        index: index, node: node, definition: definition, version: version, signature: signature,
                        operation: operation))
            }
        } catch let error as OperatorError {
            problems.append(ModelProblem(.attribute, "attribute \(error)", at: place, hint: error.hint))
        } catch {
            problems.append(ModelProblem(.attribute, "\(error)", at: place))
        }
        return .failure(ModelError(problems))
    }

    private static func arityProblems(
        _ node: Node, _ signature: Signature, at place: ModelProblem.Place
    ) -> [ModelProblem] {
        arityProblems("input", node.inputs, signature.inputs, at: place)
            + arityProblems("output", node.outputs, signature.outputs, at: place)
    }

    private static func arityProblems(
        _ what: String, _ names: [String], _ parameters: [Signature.Parameter], at place: ModelProblem.Place
    ) -> [ModelProblem] {
        var problems: [ModelProblem] = []
        let given = (names.lastIndex { !$0.isEmpty } ?? -1) + 1
        if given > 0, Signature.parameter(at: given - 1, of: parameters) == nil {
            problems.append(
                ModelProblem(.arity, "has \(given) \(what)s, but the operator has at most \(parameters.count)", at: place))
        }
        for (index, parameter) in parameters.enumerated() {
            let isGiven = index < names.count && !names[index].isEmpty
            switch parameter.multiplicity {
            case .one where !isGiven:
                problems.append(ModelProblem(.arity, "\(what) '\(parameter.name)' is required", at: place))
            case .variadic(let minimum) where names.count - index < minimum:
                problems.append(ModelProblem(.arity, "needs at least \(minimum) of \(what) '\(parameter.name)'", at: place))
            default: break
            }
        }
        return problems
    }
}
