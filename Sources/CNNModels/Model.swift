import CNNTensors

/// A whole ONNX model: the one graph type of this package. An immutable value in ONNX's own vocabulary; reading, checking,
/// optimising, training and writing are functions from it.
public struct Model: Sendable, Hashable {
    /// Version of the ONNX file format (`ModelProto.ir_version`).
    public var irVersion: Int64
    /// The operator sets that the nodes refer to, in file order.
    public var opsetImports: [OperatorSetID]
    public var producerName: String
    public var producerVersion: String
    /// Reverse-DNS name space of the model itself.
    public var domain: String
    public var modelVersion: Int64
    public var documentation: String
    public var graph: Graph
    public var metadata: [MetadataEntry]
    /// Functions that nodes may call like operators.
    public var functions: [Function]
    public var details: FormatDetails

    /// A model of these parts.
    public init(
        irVersion: Int64, opsetImports: [OperatorSetID], producerName: String = "", producerVersion: String = "",
        domain: String = "", modelVersion: Int64 = 0, documentation: String = "", graph: Graph,
        metadata: [MetadataEntry] = [], functions: [Function] = [], details: FormatDetails = FormatDetails()
    ) {
        self.irVersion = irVersion
        self.opsetImports = opsetImports
        self.producerName = producerName
        self.producerVersion = producerVersion
        self.domain = domain
        self.modelVersion = modelVersion
        self.documentation = documentation
        self.graph = graph
        self.metadata = metadata
        self.functions = functions
        self.details = details
    }

    /// The version of the operator set of `domain` that the model imports; nil if it imports none. The default domain has
    /// two names, the empty one and `ai.onnx`.
    public func opsetVersion(domain: String) -> Int64? {
        let name = OperatorSetID.canonicalDomain(domain)
        return opsetImports.first { OperatorSetID.canonicalDomain($0.domain) == name }?.version
    }
}

/// An operator set that a model or function imports: a domain and a version of it.
public struct OperatorSetID: Sendable, Hashable {
    /// Empty for ONNX's own operators.
    public var domain: String
    public var version: Int64
    public var details: FormatDetails

    /// The operator set of a domain (empty for ONNX's own) at a version.
    public init(domain: String = "", version: Int64, details: FormatDetails = FormatDetails()) {
        self.domain = domain
        self.version = version
        self.details = details
    }

    /// The domain with ONNX's long name for its default domain, `ai.onnx`, replaced by the empty one.
    public static func canonicalDomain(_ domain: String) -> String {
        domain == "ai.onnx" ? "" : domain
    }
}

/// A key with a text, as ONNX attaches to models, graphs, nodes, values and tensors.
public struct MetadataEntry: Sendable, Hashable {
    public var key: String
    public var value: String
    public var details: FormatDetails

    /// An entry of this key and text.
    public init(key: String, value: String, details: FormatDetails = FormatDetails()) {
        self.key = key
        self.value = value
        self.details = details
    }
}

/// A function: a named subgraph that nodes call like an operator (`FunctionProto`).
public struct Function: Sendable, Hashable {
    public var name: String
    public var domain: String
    public var overload: String
    public var inputs: [String]
    public var outputs: [String]
    /// Attributes that a caller must give.
    public var attributeNames: [String]
    /// Attributes that a caller may give, with their defaults.
    public var attributeDefaults: [Attribute]
    public var nodes: [Node]
    public var opsetImports: [OperatorSetID]
    public var documentation: String
    public var valueInfos: [ValueInfo]
    public var metadata: [MetadataEntry]
    public var details: FormatDetails

    /// A function of these parts.
    public init(
        name: String, domain: String, overload: String = "", inputs: [String], outputs: [String],
        attributeNames: [String] = [], attributeDefaults: [Attribute] = [], nodes: [Node],
        opsetImports: [OperatorSetID], documentation: String = "", valueInfos: [ValueInfo] = [],
        metadata: [MetadataEntry] = [], details: FormatDetails = FormatDetails()
    ) {
        self.name = name
        self.domain = domain
        self.overload = overload
        self.inputs = inputs
        self.outputs = outputs
        self.attributeNames = attributeNames
        self.attributeDefaults = attributeDefaults
        self.nodes = nodes
        self.opsetImports = opsetImports
        self.documentation = documentation
        self.valueInfos = valueInfos
        self.metadata = metadata
        self.details = details
    }
}
