import CNNTensors

/// One application of an operator. An empty input name stands for an optional input left out, an empty output name for
/// an optional output nobody wants.
public struct Node: Sendable, Hashable {
    public var name: String
    /// The operator's name, for example `Conv` (`op_type`).
    public var operatorType: String
    /// The operator's domain; empty for ONNX's own.
    public var domain: String
    /// Which of several functions of the same name is meant.
    public var overload: String
    public var inputs: [String]
    public var outputs: [String]
    public var attributes: [Attribute]
    public var documentation: String
    public var metadata: [MetadataEntry]
    public var details: FormatDetails

    /// A call of an operator. Empty names among inputs and outputs stand for optional ones that are left out.
    public init(
        _ operatorType: String, name: String = "", domain: String = "", overload: String = "", inputs: [String],
        outputs: [String], attributes: [Attribute] = [], documentation: String = "", metadata: [MetadataEntry] = [],
        details: FormatDetails = FormatDetails()
    ) {
        self.name = name
        self.operatorType = operatorType
        self.domain = domain
        self.overload = overload
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
        self.documentation = documentation
        self.metadata = metadata
        self.details = details
    }

    /// The attribute of this name; nil if the node has none.
    public func attribute(_ name: String) -> Attribute? {
        attributes.first { $0.name == name }
    }
}

/// A named constant that belongs to a node (`AttributeProto`).
public struct Attribute: Sendable, Hashable {
    public var name: String
    public var value: Value
    public var documentation: String
    public var details: FormatDetails

    /// An attribute of this name and value.
    public init(
        _ name: String, _ value: Value, documentation: String = "", details: FormatDetails = FormatDetails()
    ) {
        self.name = name
        self.value = value
        self.documentation = documentation
        self.details = details
    }

    /// What an attribute holds, one case for each `AttributeProto.AttributeType`.
    public indirect enum Value: Sendable, Hashable {
        case float(Float)
        case int(Int64)
        /// Bytes: ONNX does not promise UTF-8.
        case string([UInt8])
        case tensor(NamedTensor)
        case graph(Graph)
        case type(ValueType)
        /// A `SparseTensorProto`, kept as it stood on the wire.
        case sparseTensor([UInt8])
        case floats([Float])
        case ints([Int64])
        case strings([[UInt8]])
        case tensors([NamedTensor])
        case graphs([Graph])
        case types([ValueType])
        case sparseTensors([[UInt8]])
        /// Inside a function: the value of the caller's attribute of this name, whose type is `Kind`.
        case reference(String, Kind)
    }

    /// The type of an attribute; raw values are ONNX's `AttributeProto.AttributeType` numbers.
    public enum Kind: Int32, Sendable, Hashable, CaseIterable {
        case undefined = 0
        case float = 1
        case int = 2
        case string = 3
        case tensor = 4
        case graph = 5
        case floats = 6
        case ints = 7
        case strings = 8
        case tensors = 9
        case graphs = 10
        case sparseTensor = 11
        case sparseTensors = 12
        case type = 13
        case types = 14
    }
}

extension Attribute.Value {
    /// The type of the value.
    public var kind: Attribute.Kind {
        switch self {
        case .float: .float
        case .int: .int
        case .string: .string
        case .tensor: .tensor
        case .graph: .graph
        case .type: .type
        case .sparseTensor: .sparseTensor
        case .floats: .floats
        case .ints: .ints
        case .strings: .strings
        case .tensors: .tensors
        case .graphs: .graphs
        case .types: .types
        case .sparseTensors: .sparseTensors
        case .reference(_, let kind): kind
        }
    }

    /// A string value of this text's UTF-8 bytes.
    public static func string(_ text: String) -> Attribute.Value { .string(Array(text.utf8)) }
}
