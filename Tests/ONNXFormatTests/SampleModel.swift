import CNNModels
import CNNTensors

/// A model with every kind of everything that the format knows, for tests that nothing is lost.
enum SampleModel {
    static let details = FormatDetails(unknownFields: Wire.field(900, "unknown"))
    static let entry = MetadataEntry(key: "key", value: "value")

    static func tensors() throws -> [NamedTensor] {
        try DataType.allCases.flatMap { dataType -> [NamedTensor] in
            if dataType == .string {
                let strings = try Tensor(strings: [Array("text".utf8), [], [0xFF, 0]], shape: Shape([3]))
                return [NamedTensor(name: "strings", tensor: strings, storage: .typed)]
            }
            let shape = try Shape([3, 1])
            let count = try Tensor.byteCount(dataType, shape)
            let tensor = try Tensor(dataType: dataType, shape: shape) { destination in
                // The three elements' bits, the padding of the last byte zero.
                let bits = (dataType.bitWidth ?? 0) * 3
                for index in 0..<count {
                    let used = min(bits - 8 * index, 8)
                    destination[index] = UInt8(truncatingIfNeeded: 0x59 &+ 31 &* index) & UInt8(1 << used - 1)
                    if dataType == .bool { destination[index] &= 1 }
                }
            }
            return [
                NamedTensor(name: "\(dataType)", tensor: tensor, documentation: "raw", metadata: [entry], details: details),
                NamedTensor(name: "\(dataType)/typed", tensor: tensor, storage: .typed),
            ]
        }
    }

    static func model() throws -> Model {
        let scalar = NamedTensor(name: "", tensor: try Tensor(scalar: Float.nan))
        let inner = Graph(
            name: "inner", nodes: [Node("Identity", inputs: ["x"], outputs: ["z"])],
            initializers: [NamedTensor(name: "float32", tensor: try Tensor([Int64(7), -7]))],
            outputs: [ValueInfo(name: "z", type: nil)])
        let shape = DeclaredShape(
            dimensions: [
                3, "batch", DeclaredDimension(.unknown), DeclaredDimension(.known(-1), denotation: "D", details: details),
            ],
            details: details)
        let tensorType = ValueType(.tensor(elementType: 1, shape: shape), denotation: "IMAGE", details: details)
        let types: [ValueType] = [
            tensorType, ValueType(.tensor(elementType: 77, shape: nil, details: details)),
            ValueType(.sparseTensor(elementType: 1, shape: shape)), ValueType(.sequence(tensorType)),
            ValueType(.sequence(nil)), ValueType(.optional(ValueType(.sequence(tensorType)))),
            ValueType(.map(keyType: 7, value: tensorType)), ValueType(.unspecified),
        ]
        let attributes: [Attribute.Value] = [
            .float(-0.0), .float(.infinity), .float(0.1), .int(.min), .string("text"), .string([0xFF, 0x00]), .string([]),
            .tensor(scalar), .graph(inner), .type(tensorType), .sparseTensor([1, 2, 3]),
            .floats([1, .nan, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude]), .floats([]),
            .ints([0, .max, .min]), .strings([[], [0x80], Array("ü".utf8)]), .tensors([scalar, scalar]),
            .graphs([inner, inner]), .types(types), .sparseTensors([[], [9]]), .reference("outer", .ints),
        ]
        let node = Node(
            "Everything", name: "node/1::x", domain: "custom", overload: "o", inputs: ["x", "", "y"], outputs: ["a", ""],
            attributes: attributes.enumerated().map { Attribute("attribute\($0)", $1, documentation: "doc", details: details) },
            documentation: "doc", metadata: [entry], details: details)
        let graph = Graph(
            name: "main", nodes: [node, Node("Relu", inputs: ["a"], outputs: ["b"])], initializers: try tensors(),
            inputs: types.enumerated().map { ValueInfo(name: "input\($0)", type: $1, documentation: "doc", metadata: [entry]) },
            outputs: [ValueInfo(name: "b", type: tensorType, details: details)],
            valueInfos: [ValueInfo(name: "a", type: nil)], documentation: "doc", metadata: [entry], details: details)
        let function = Function(
            name: "F", domain: "custom", overload: "o", inputs: ["x"], outputs: ["y"], attributeNames: ["alpha"],
            attributeDefaults: [Attribute("beta", .float(2))],
            nodes: [
                Node("LeakyRelu", inputs: ["x"], outputs: ["y"], attributes: [Attribute("alpha", .reference("alpha", .float))])
            ],
            opsetImports: [OperatorSetID(version: 17)], documentation: "doc",
            valueInfos: [ValueInfo(name: "y", type: tensorType)],
            metadata: [entry], details: details)
        return Model(
            irVersion: 10,
            opsetImports: [OperatorSetID(version: 17), OperatorSetID(domain: "custom", version: 1, details: details)],
            producerName: "tests", producerVersion: "1", domain: "org.example", modelVersion: -3, documentation: "doc",
            graph: graph,
            metadata: [entry, MetadataEntry(key: "", value: "", details: details)], functions: [function], details: details)
    }
}
