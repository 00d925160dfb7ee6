import CNNModels
import CNNOperators
import CNNTensors

/// What a plan is made for: two runs with equal keys can share one.
struct PlanKey: Hashable, Sendable {
    /// By the names of the inputs that were given.
    var inputs: [String: Input]
    /// Whether every value is kept, not only the graph's outputs.
    var keepsAll: Bool

    struct Input: Hashable, Sendable {
        var dataType: DataType
        var shape: Shape
        /// The value too, where a shape follows from it.
        var value: Tensor?
    }

    init(_ tensors: [String: Tensor], keepsAll: Bool) {
        inputs = tensors.mapValues { Input(dataType: $0.dataType, shape: $0.shape) }
        self.keepsAll = keepsAll
    }

    /// The key with the values of these inputs in it.
    func including(_ names: Set<String>, of tensors: [String: Tensor]) -> PlanKey {
        var key = self
        for name in names { key.inputs[name]?.value = tensors[name] }
        return key
    }

    /// The facts that shape inference starts from.
    var facts: [String: ValueFact] {
        inputs.mapValues { input in
            input.value.map(ValueFact.init(constant:))
                ?? ValueFact(dataType: input.dataType, shape: SymbolicShape(input.shape))
        }
    }
}
