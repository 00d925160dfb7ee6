import CNNModels
import CNNOperators
import CNNTensors

extension LayerGraph {
    /// The graph of a model whose shapes are inferred.
    /// - Parameters:
    ///   - givenInputs: the graph inputs that the caller gives; initializers of the same names are not constants then.
    ///   - keepsAll: whether every value is an output.
    ///   - library: keeps computed constants for the next plan.
    ///   - memoryLimit: the most bytes that computed constants may take together.
    /// - Throws: `EvaluationError` if a constant cannot be computed, `SessionError.memoryLimitExceeded`.
    init(
        _ inferred: InferredModel, givenInputs: Set<String>, keepsAll: Bool, library: WeightLibrary, memoryLimit: Int
    ) throws {
        let graph = inferred.bound.model.graph
        var builder = Builder(inferred: inferred, library: library, memoryLimit: memoryLimit)
        for initializer in graph.initializers where !givenInputs.contains(initializer.name) {
            builder.constants[initializer.name] = initializer.tensor
        }
        var outputNames = graph.outputs.map(\.name)
        if keepsAll {
            let known = Set(outputNames)
            outputNames += inferred.bound.nodes.flatMap(\.node.outputs).filter { !$0.isEmpty && !known.contains($0) }
        }
        for input in graph.inputs where givenInputs.contains(input.name) {
            builder.graph.inputs.append((input.name, builder.number(input.name)))
        }
        let needed = inferred.bound.nodesNeeded(for: outputNames)
        for node in inferred.bound.nodes where needed.contains(node.index) { try builder.add(node) }
        self = builder.graph
        outputs = outputNames.map { ($0, builder.number($0)) }
        values = builder.graph.values
    }

    private struct Builder {
        let inferred: InferredModel
        let library: WeightLibrary
        let memoryLimit: Int
        var graph = LayerGraph()
        var constants: [String: Tensor] = [:]
        var constantBytes = 0
        var numbers: [String: Int] = [:]

        init(inferred: InferredModel, library: WeightLibrary, memoryLimit: Int) {
            self.inferred = inferred
            self.library = library
            self.memoryLimit = memoryLimit
        }

        mutating func number(_ name: String) -> Int {
            if let number = numbers[name] { return number }
            let number = graph.values.count
            graph.values.append(
                Value(
                    name: name, fact: inferred.facts[name] ?? ValueFact(shape: .unknown), constant: constants[name]))
            numbers[name] = number
            return number
        }

        mutating func add(_ node: BoundNode) throws {
            let outputNames = node.node.outputs.filter { !$0.isEmpty }
            let inferredConstants = outputNames.map { inferred.facts[$0]?.constant }
            if inferredConstants.allSatisfy({ $0 != nil }) {
                for (name, constant) in zip(outputNames, inferredConstants) { constants[name] = constant }
                return
            }
            let inputs = node.node.inputs.map { $0.isEmpty ? nil : constants[$0] }
            if node.operation.isDeterministic, zip(node.node.inputs, inputs).allSatisfy({ $0.isEmpty || $1 != nil }) {
                return try fold(node, inputs)
            }
            graph.layers.append(
                Layer(
                    node: node, computation: ReferenceComputation(node: node, facts: inferred.facts),
                    multiplyAdds: inferred.multiplyAdds(of: node),
                    inputs: node.node.inputs.map { $0.isEmpty ? nil : number($0) },
                    outputs: node.node.outputs.map { $0.isEmpty ? nil : number($0) }))
        }

        private mutating func fold(_ node: BoundNode, _ inputs: [Tensor?]) throws {
            let results = try library.folded(node: node.index, inputs: inputs) {
                try node.evaluateChecked(inputs, facts: inferred.facts)
            }
            for (name, result) in zip(node.node.outputs, results) where !name.isEmpty {
                constants[name] = result
                constantBytes += result.byteCount
            }
            guard constantBytes <= memoryLimit else {
                throw SessionError.memoryLimitExceeded(needed: constantBytes, limit: memoryLimit)
            }
        }
    }
}

extension InferredModel {
    /// The multiplications of a node, if their number is known.
    fileprivate func multiplyAdds(of node: BoundNode) -> Int? {
        // Only for the profile: a number that cannot be told is not an error.
        (try? node.operation.multiplyAdds(inputs(of: node), outputs(of: node)))?.value
    }
}

extension BoundModel {
    /// Indices of the nodes that these values follow from.
    func nodesNeeded(for names: some Sequence<String>) -> Set<Int> {
        var wanted = Set(names)
        var needed: Set<Int> = []
        for node in nodes.reversed() where node.node.outputs.contains(where: wanted.contains) {
            needed.insert(node.index)
            wanted.formUnion(node.node.inputs)
        }
        return needed
    }
}

extension BoundNode {
    /// The outputs by the operator's formula, each checked against what was inferred for it.
    /// - Throws: `EvaluationError`, with the place of the node.
    func evaluateChecked(_ inputs: [Tensor?], facts: [String: ValueFact]) throws -> [Tensor] {
        let results: [Tensor]
        do {
            results = try operation.evaluate(inputs)
        } catch {
            throw EvaluationError(place: place, message: "\(error)")
        }
        for (name, result) in zip(node.outputs, results) where !name.isEmpty {
            if let fact = facts[name] { try check(result, named: name, against: fact) }
        }
        return results
    }
}
