import CNNTensors

/// A graph: nodes in an order in which they can be computed, and the values that they exchange, by name.
public struct Graph: Sendable, Hashable {
    public var name: String
    public var nodes: [Node]
    /// Constant tensors by name, in file order. One with the name of a graph input is that input's default.
    public var initializers: [NamedTensor]
    public var inputs: [ValueInfo]
    public var outputs: [ValueInfo]
    /// Types that the file declares for values between nodes.
    public var valueInfos: [ValueInfo]
    public var documentation: String
    public var metadata: [MetadataEntry]
    public var details: FormatDetails

    /// A graph of these parts; nodes in an order in which they can be computed, as ONNX demands.
    public init(
        name: String, nodes: [Node] = [], initializers: [NamedTensor] = [], inputs: [ValueInfo] = [],
        outputs: [ValueInfo] = [], valueInfos: [ValueInfo] = [], documentation: String = "",
        metadata: [MetadataEntry] = [], details: FormatDetails = FormatDetails()
    ) {
        self.name = name
        self.nodes = nodes
        self.initializers = initializers
        self.inputs = inputs
        self.outputs = outputs
        self.valueInfos = valueInfos
        self.documentation = documentation
        self.metadata = metadata
        self.details = details
    }

    /// The inputs that a caller must give: those without an initializer of the same name (files of IR version 3 list every
    /// initializer as an input).
    public var requiredInputs: [ValueInfo] {
        let defaults = Set(initializers.map(\.name))
        return inputs.filter { !defaults.contains($0.name) }
    }
}

/// A tensor with a name and how the file stored it: an initializer of a graph, or the value of an attribute.
public struct NamedTensor: Sendable, Hashable {
    public var name: String
    public var tensor: Tensor
    public var storage: Storage
    public var documentation: String
    public var metadata: [MetadataEntry]
    public var details: FormatDetails

    /// Where a `TensorProto` holds its elements.
    public enum Storage: String, Sendable, Hashable {
        /// Bytes in `raw_data`.
        case raw
        /// Numbers in a field of their type, such as `float_data`.
        case typed
        /// Bytes in a file beside the model.
        case external
    }

    /// A constant of this name.
    public init(
        name: String, tensor: Tensor, storage: Storage = .raw, documentation: String = "",
        metadata: [MetadataEntry] = [], details: FormatDetails = FormatDetails()
    ) {
        self.name = name
        self.tensor = tensor
        self.storage = storage
        self.documentation = documentation
        self.metadata = metadata
        self.details = details
    }
}
