import CNNModels
import CNNOperators
import CNNTensors

/// The graph between inference and steps, for one set of concrete input shapes: what the passes rewrite. Values are numbered;
/// constants are known, nodes that only made constants are gone, and so are nodes that nobody needs.
struct LayerGraph {
    /// Everything that inference knows of a value.
    struct Value {
        let name: String
        var fact: ValueFact
        /// The value itself, if it is the same in every run.
        var constant: Tensor?

        /// The size in numbers; nil for the few whose size depends on what is computed.
        var shape: Shape? { fact.shape.concrete }
    }

    /// A node that remains, or what several became.
    struct Layer {
        /// The node it was made from; of several, the one that computes most.
        var node: BoundNode
        var kind: LayerKind
        /// Values by number, nil where an optional input is left out.
        var inputs: [Int?]
        /// Values by number, nil where an output has no name.
        var outputs: [Int?]
    }

    var values: [Value] = []
    /// In an order in which they can be computed.
    var layers: [Layer] = []
    /// Values that the caller gives.
    var inputs: [(name: String, value: Int)] = []
    /// Values that the caller gets.
    var outputs: [(name: String, value: Int)] = []
}

/// How a layer is computed.
enum LayerKind: Sendable {
    /// By the operator's own formula.
    case reference
}
