import CNNModels
import CNNTensors

/// What is known of every value of a model before it runs.
package struct InferredModel: Sendable {
    package let bound: BoundModel
    /// A fact for every graph input, initializer and node output, by name.
    package let facts: [String: ValueFact]
    /// By node index: what a user should know though nothing is wrong.
    package let remarks: [Int: [String]]

    /// The facts of a node's inputs: nil where an optional one is left out.
    package func inputs(of node: BoundNode) -> [ValueFact?] {
        node.node.inputs.map { $0.isEmpty ? nil : facts[$0] }
    }

    /// The facts of a node's outputs; unknown where an optional one is left out.
    package func outputs(of node: BoundNode) -> [ValueFact] {
        node.node.outputs.map { facts[$0] ?? ValueFact(shape: .unknown) }
    }
}

extension BoundModel {
    /// The largest value that inference computes ahead of the run; larger constants are left to the runtime.
    package static let foldedByteLimit = 1 << 16

    /// Infers shape and type of every value, and its constant value where it follows from the model and is small.
    /// - Parameter inputs: facts that replace what the file declares, by graph input: concrete shapes for a run, or values.
    /// - Throws: `ModelError` with every contradiction: between an operator and its inputs, and between what the file
    ///   declares and what follows.
    package func infer(inputs: [String: ValueFact] = [:]) throws(ModelError) -> InferredModel {
        var inference = ShapeInference(model: model, inputs: inputs)
        for node in nodes { inference.infer(node) }
        guard inference.problems.isEmpty else { throw ModelError(inference.problems) }
        return InferredModel(bound: self, facts: inference.facts, remarks: inference.remarks)
    }
}

/// The walk over the nodes that fills in the facts.
private struct ShapeInference {
    var facts: [String: ValueFact] = [:]
    var remarks: [Int: [String]] = [:]
    var problems: [ModelProblem] = []
    private let declarations: [String: ValueInfo]

    init(model: Model, inputs: [String: ValueFact]) {
        let graph = model.graph
        declarations = Dictionary((graph.valueInfos + graph.outputs).map { ($0.name, $0) }) { _, output in output }
        for initializer in graph.initializers {
            facts[initializer.name] = ValueFact(constant: initializer.tensor)
        }
        for input in graph.inputs {
            if let replacement = inputs[input.name] {
                facts[input.name] = replacement
            } else if let initializer = facts[input.name] {
                check(initializer, against: input, at: .value(input.name))
            } else {
                facts[input.name] = Self.declaredFact(input)
                checkIsTensor(input)
            }
        }
    }

    private static func declaredFact(_ info: ValueInfo) -> ValueFact {
        ValueFact(dataType: info.type?.tensorDataType, shape: SymbolicShape(declared: info.type?.tensorShape))
    }

    private mutating func checkIsTensor(_ info: ValueInfo) {
        if let type = info.type, type.tensorDataType == nil {
            problems.append(
                ModelProblem(.unsupportedType, "input '\(info.name)' is not a tensor of a known type", at: .value(info.name)))
        }
    }

    // MARK: - One node

    mutating func infer(_ node: BoundNode) {
        let inputs = node.node.inputs.map { $0.isEmpty ? nil : facts[$0] }
        var types = checkTypes(of: node, inputs: inputs)
        var outputs = inferredFacts(node, inputs)
        for (index, name) in node.node.outputs.enumerated() where !name.isEmpty {
            if index >= outputs.count { outputs.append(ValueFact(shape: .unknown)) }
            if outputs[index].dataType == nil {
                outputs[index].dataType = outputType(node.signature, at: index, types: types)
            } else if let type = outputs[index].dataType, !node.isConstantOfAnyType {
                check(type, of: "output", at: index, among: node.signature.outputs, node, types: &types)
            }
        }
        for index in outputs.indices { Self.settle(&outputs[index]) }
        fold(node, inputs: inputs, into: &outputs)
        for (name, fact) in zip(node.node.outputs, outputs) where !name.isEmpty {
            remarks[node.index, default: []] += fact.remarks
            facts[name] = merged(fact, with: declarations[name], at: node.place)
        }
    }

    private mutating func inferredFacts(_ node: BoundNode, _ inputs: [ValueFact?]) -> [ValueFact] {
        do {
            return try node.operation.infer(inputs)
        } catch DimensionError.tooComplex {
            return []
        } catch let error as OperatorError {
            problems.append(ModelProblem(.shape, error.description, at: node.place, hint: error.hint))
        } catch {
            problems.append(ModelProblem(.shape, "\(error)", at: node.place))
        }
        return []
    }

    /// Elements that are all plain numbers make a constant, from which operators that compute with other types than whole
    /// numbers (a Cast to float, for Resize's scales) can go on.
    private static func settle(_ fact: inout ValueFact) {
        guard fact.constant == nil, let elements = fact.elements, let dataType = fact.dataType,
            let shape = fact.shape.concrete
        else { return }
        let values = elements.compactMap { $0.value.map { Int64($0) } }
        guard values.count == elements.count else { return }
        fact.constant = try? Tensor(exactly: values, as: dataType, shape: shape)
    }

    /// Computes the outputs now if everything they follow from is known and they are small.
    private mutating func fold(_ node: BoundNode, inputs: [ValueFact?], into outputs: inout [ValueFact]) {
        let values = inputs.map { $0?.constant }
        guard zip(inputs, values).allSatisfy({ $0 == nil || $1 != nil }),
            outputs.contains(where: { $0.constant == nil }), outputs.allSatisfy(isSmall), node.operation.isDeterministic
        else { return }
        do {
            let results = try node.operation.evaluate(values)
            for (index, result) in results.enumerated() where index < outputs.count {
                outputs[index].constant = result
                outputs[index].shape = SymbolicShape(result.shape)
                outputs[index].dataType = result.dataType
            }
        } catch {
            problems.append(ModelProblem(.shape, "the value cannot be computed: \(error)", at: node.place))
        }
    }

    private func isSmall(_ fact: ValueFact) -> Bool {
        guard let shape = fact.shape.concrete else { return false }
        return shape.elementCount <= BoundModel.foldedByteLimit / 8
    }

    // MARK: - Types

    /// Checks the inputs' types against the signature.
    /// - Returns: what each type variable stands for.
    private mutating func checkTypes(of node: BoundNode, inputs: [ValueFact?]) -> [String: DataType] {
        var types: [String: DataType] = [:]
        for (index, input) in inputs.enumerated() {
            guard let type = input?.dataType else { continue }
            check(type, of: "input", at: index, among: node.signature.inputs, node, types: &types)
        }
        return types
    }

    /// Checks one type against the signature and what its type variable stands for so far.
    private mutating func check(
        _ type: DataType, of what: String, at index: Int, among parameters: [Signature.Parameter], _ node: BoundNode,
        types: inout [String: DataType]
    ) {
        guard let parameter = Signature.parameter(at: index, of: parameters) else { return }
        if let allowed = node.signature.types[parameter.typeVariable], !allowed.contains(type) {
            problems.append(
                ModelProblem(
                    .elementType, "\(what) '\(parameter.name)' is \(type), but may be one of: \(allowed)", at: node.place))
        } else if let other = types[parameter.typeVariable], other != type {
            problems.append(
                ModelProblem(
                    .elementType, "\(what) '\(parameter.name)' is \(type), but another input of the same type is \(other)",
                    at: node.place))
        }
        types[parameter.typeVariable] = types[parameter.typeVariable] ?? type
    }

    private func outputType(_ signature: Signature, at index: Int, types: [String: DataType]) -> DataType? {
        guard let parameter = Signature.parameter(at: index, of: signature.outputs) else { return nil }
        if let type = types[parameter.typeVariable] { return type }
        let allowed = signature.types[parameter.typeVariable]?.members ?? []
        return allowed.count == 1 ? allowed[0] : nil
    }

    // MARK: - What the file declares

    private mutating func check(_ fact: ValueFact, against info: ValueInfo, at place: ModelProblem.Place) {
        _ = merged(fact, with: info, at: place)
    }

    /// The inferred fact, with what only the file knows filled in; contradictions are reported.
    private mutating func merged(_ fact: ValueFact, with info: ValueInfo?, at place: ModelProblem.Place) -> ValueFact {
        guard let info else { return fact }
        var result = fact
        if let declared = info.type?.tensorDataType {
            if let inferred = fact.dataType, inferred != declared {
                problems.append(
                    ModelProblem(
                        .declaredType, "value '\(info.name)' is declared \(declared), but \(inferred) follows", at: place))
            }
            result.dataType = fact.dataType ?? declared
        }
        guard info.type?.tensorShape != nil else { return result }
        let declared = SymbolicShape(declared: info.type?.tensorShape)
        guard let declaredSizes = declared.dimensions else { return result }
        guard let inferredSizes = fact.shape.dimensions else {
            result.shape = declared
            return result
        }
        guard declaredSizes.count == inferredSizes.count else {
            report(fact, declared, of: info.name, axis: nil, at: place)
            return result
        }
        for axis in declaredSizes.indices {
            if let inferred = inferredSizes[axis] {
                if let inferred = inferred.value, let declared = declaredSizes[axis]?.value, inferred != declared {
                    report(fact, SymbolicShape(declaredSizes), of: info.name, axis: axis, at: place)
                }
            } else {
                result.shape.dimensions?[axis] = declaredSizes[axis]
            }
        }
        return result
    }

    private mutating func report(
        _ fact: ValueFact, _ declared: SymbolicShape, of name: String, axis: Int?, at place: ModelProblem.Place
    ) {
        var message = "value '\(name)' is declared with shape \(declared), but \(fact.shape) follows"
        if let axis {
            message += ": axis \(axis) is "
            message += fact.formulas[axis].map { "\($0) = " } ?? ""
            message += fact.shape.dimensions?[axis].map(\.description) ?? "?"
        }
        problems.append(ModelProblem(.declaredShape, message, at: place))
    }
}
