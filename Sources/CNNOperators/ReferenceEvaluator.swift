import CNNModels
import CNNTensors

/// Runs a model by the operators' formulas, node after node, in Double inside each node: slow and exact, the oracle that
/// fast evaluation is held against.
public struct ReferenceEvaluator: Sendable {
    package let bound: BoundModel
    private let threads: Int

    /// - Parameter threads: how many threads may work on one node; the results do not depend on it.
    /// - Throws: `ModelError` with everything that is wrong with the model.
    public init(_ model: Model, threads: Int = 1) throws(ModelError) {
        bound = try BoundModel(model)
        self.threads = threads
    }

    package init(_ bound: BoundModel, threads: Int = 1) {
        self.bound = bound
        self.threads = threads
    }

    /// Evaluates the graph.
    /// - Parameters:
    ///   - inputs: a tensor for every required input, by name.
    ///   - keepingAll: whether to return the outputs of every node, not only the graph's.
    /// - Returns: the values by name.
    /// - Throws: `InputError`, `ModelError` where the given shapes or values break an operator's rule, `EvaluationError`.
    public func run(_ inputs: [String: Tensor], keepingAll: Bool = false) throws -> [String: Tensor] {
        try EvaluationThreads.$count.withValue(threads) { try evaluateAll(inputs, keepingAll: keepingAll) }
    }

    private func evaluateAll(_ inputs: [String: Tensor], keepingAll: Bool) throws -> [String: Tensor] {
        let graph = bound.model.graph
        try graph.checkInputs(inputs)
        let inferred = try bound.infer(
            inputs: inputs.mapValues { ValueFact(dataType: $0.dataType, shape: SymbolicShape($0.shape)) })
        var values = Dictionary(uniqueKeysWithValues: graph.initializers.map { ($0.name, $0.tensor) })
        values.merge(inputs) { _, given in given }
        let outputs = Set(graph.outputs.map(\.name))
        let lastUses = bound.lastUses
        for node in bound.nodes {
            let results = try evaluate(node, values)
            for (name, result) in zip(node.node.outputs, results) where !name.isEmpty {
                if let fact = inferred.facts[name] { try node.check(result, named: name, against: fact) }
                values[name] = result
            }
            guard !keepingAll else { continue }
            for name in Set(node.node.inputs) where lastUses[name] == node.index && !outputs.contains(name) {
                values[name] = nil
            }
        }
        if !keepingAll { return values.filter { outputs.contains($0.key) } }
        let computed = Set(bound.nodes.flatMap(\.node.outputs)).union(outputs)
        return values.filter { computed.contains($0.key) }
    }

    private func evaluate(_ node: BoundNode, _ values: [String: Tensor]) throws -> [Tensor] {
        do {
            return try node.operation.evaluate(node.node.inputs.map { $0.isEmpty ? nil : values[$0] })
        } catch {
            throw EvaluationError(place: node.place, message: "\(error)")
        }
    }
}

extension BoundModel {
    /// By value: the index of the last node that reads it.
    package var lastUses: [String: Int] {
        nodes.reduce(into: [:]) { uses, node in
            for input in node.node.inputs { uses[input] = node.index }
        }
    }
}

extension BoundNode {
    /// Checks that a computed value has the type and shape that were inferred for it.
    /// - Throws: `EvaluationError` with both.
    package func check(_ result: Tensor, named name: String, against fact: ValueFact) throws(EvaluationError) {
        let sizes = fact.shape.dimensions
        let agrees =
            sizes.map { sizes in
                sizes.count == result.shape.rank
                    && zip(sizes, result.shape.dimensions).allSatisfy { $0?.value == nil || $0?.value == $1 }
            } ?? true
        guard agrees, fact.dataType == nil || fact.dataType == result.dataType else {
            throw EvaluationError(
                place: place,
                message:
                    "value '\(name)' is \(result), but \(fact.dataType.map(\.description) ?? "?")\(fact.shape) was inferred")
        }
    }
}

/// A node failed while it was evaluated.
public struct EvaluationError: Error, Sendable, Hashable {
    /// The node.
    public let place: ModelProblem.Place
    /// The rule that was broken, with its numbers.
    public let message: String

    /// An error at a node.
    public init(place: ModelProblem.Place, message: String) {
        self.place = place
        self.message = message
    }
}

extension EvaluationError: CustomStringConvertible {
    public var description: String { "\(message) (at \(place))" }
}
