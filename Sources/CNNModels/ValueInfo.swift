import CNNTensors

/// A value's name with the type that the file declares for it (`ValueInfoProto`).
public struct ValueInfo: Sendable, Hashable {
    public var name: String
    /// Nil where the file gives a name only.
    public var type: ValueType?
    public var documentation: String
    public var metadata: [MetadataEntry]
    public var details: FormatDetails

    /// A value of this name; `type` nil where the file declares none.
    public init(
        name: String, type: ValueType?, documentation: String = "", metadata: [MetadataEntry] = [],
        details: FormatDetails = FormatDetails()
    ) {
        self.name = name
        self.type = type
        self.documentation = documentation
        self.metadata = metadata
        self.details = details
    }

    /// A tensor value: its element type and a dimension an axis.
    public init(name: String, dataType: DataType, dimensions: [DeclaredDimension]) {
        self.init(
            name: name,
            type: ValueType(.tensor(elementType: dataType.rawValue, shape: DeclaredShape(dimensions: dimensions))))
    }
}

/// The type of a value (`TypeProto`).
public struct ValueType: Sendable, Hashable {
    public var kind: Kind
    /// What the value means, for example `IMAGE`.
    public var denotation: String
    public var details: FormatDetails

    /// A type of this kind.
    public init(_ kind: Kind, denotation: String = "", details: FormatDetails = FormatDetails()) {
        self.kind = kind
        self.denotation = denotation
        self.details = details
    }

    /// The kinds of value. Element types are ONNX's numbers, since a file may hold one that `DataType` does not know.
    public indirect enum Kind: Sendable, Hashable {
        /// A tensor; `shape` nil means that not even the rank is declared.
        case tensor(elementType: Int32, shape: DeclaredShape?, details: FormatDetails = FormatDetails())
        case sparseTensor(elementType: Int32, shape: DeclaredShape?, details: FormatDetails = FormatDetails())
        /// A sequence of values; nil where the file does not say of which.
        case sequence(ValueType?, details: FormatDetails = FormatDetails())
        case optional(ValueType?, details: FormatDetails = FormatDetails())
        case map(keyType: Int32, value: ValueType?, details: FormatDetails = FormatDetails())
        /// No kind is set.
        case unspecified
    }

    /// The element type if this is a tensor of a type that is known here; nil otherwise.
    public var tensorDataType: DataType? {
        if case .tensor(let elementType, _, _) = kind { DataType(rawValue: elementType) } else { nil }
    }

    /// The declared shape if this is a tensor of declared rank; nil otherwise.
    public var tensorShape: DeclaredShape? {
        if case .tensor(_, let shape, _) = kind { shape } else { nil }
    }
}

/// The shape that a file declares for a value (`TensorShapeProto`).
public struct DeclaredShape: Sendable, Hashable {
    public var dimensions: [DeclaredDimension]
    public var details: FormatDetails

    /// A shape of these axes, in order; none for a scalar.
    public init(dimensions: [DeclaredDimension], details: FormatDetails = FormatDetails()) {
        self.dimensions = dimensions
        self.details = details
    }
}

/// One axis of a declared shape: a number, a name shared by axes of the same size, or nothing.
public struct DeclaredDimension: Sendable, Hashable {
    public var size: Size
    /// What the axis means, for example `DATA_CHANNEL`.
    public var denotation: String
    public var details: FormatDetails

    /// What the file says of the size; a number may be any, even a negative one.
    public enum Size: Sendable, Hashable {
        case known(Int64)
        case symbol(String)
        case unknown
    }

    /// An axis of this size.
    public init(_ size: Size, denotation: String = "", details: FormatDetails = FormatDetails()) {
        self.size = size
        self.denotation = denotation
        self.details = details
    }
}

extension DeclaredDimension: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    /// A known size.
    public init(integerLiteral value: Int64) { self.init(.known(value)) }
    /// A size that is called so.
    public init(stringLiteral value: String) { self.init(.symbol(value)) }
}
