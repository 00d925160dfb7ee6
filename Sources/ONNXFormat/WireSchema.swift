import CNNModels
import CNNTensors
import CONNX
import CProtobufC

/// What the wire guard knows of each message: its fields by number. It is read off the descriptors that protoc-c generated
/// from `onnx.proto`, so that the schema is stated once.
struct WireSchema: Sendable {
    /// How a field's value stands on the wire.
    enum Content: Sendable {
        case varint, fixed32, fixed64
        /// UTF-8 that C code will see as a string.
        case text
        case bytes
        /// A message, by its position in `messages`.
        case message(Int)
    }

    struct Field: Sendable {
        let name: String
        let content: Content
        let isRepeated: Bool
        /// Whether the field holds elements of a tensor; these never reach protobuf-c.
        let isPayload: Bool
        /// The other members of the field's oneof, a bit a field number; none where it is in none.
        let alternatives: UInt64
    }

    struct Message: Sendable {
        let name: String
        /// Fields by number; nil where the schema has none.
        let fields: [Field?]
        /// Bytes of the C struct with the overhead of its allocation.
        let structSize: Int
        /// Bytes of the Swift value that the message becomes, without the text and arrays in it.
        let valueSize: Int

        func field(_ number: Int) -> Field? {
            number < fields.count ? fields[number] : nil
        }
    }

    let messages: [Message]
    let model: Int
    let graph: Int
    let tensor: Int

    static let onnx = WireSchema()

    private init() {
        var root = Onnx__ModelProto()
        onnx__model_proto__init(&root)
        var positions: [UnsafeRawPointer: Int] = [:]
        var order: [UnsafePointer<ProtobufCMessageDescriptor>] = []
        func position(_ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) -> Int {
            if let known = positions[UnsafeRawPointer(descriptor)] { return known }
            positions[UnsafeRawPointer(descriptor)] = order.count
            order.append(descriptor)
            return order.count - 1
        }

        model = position(root.base.descriptor)
        var messages: [Message] = []
        while messages.count < order.count {
            let descriptor = order[messages.count].pointee
            let name = String(cString: descriptor.short_name)
            var fields: [Field?] = []
            for index in 0..<Int(descriptor.n_fields) {
                let field = descriptor.fields[index]
                while fields.count <= Int(field.id) { fields.append(nil) }
                let fieldName = String(cString: field.name)
                let content: Content
                switch field.type {
                case PROTOBUF_C_TYPE_MESSAGE:
                    content = .message(position(field.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)))
                case PROTOBUF_C_TYPE_STRING: content = .text
                case PROTOBUF_C_TYPE_BYTES: content = .bytes
                case PROTOBUF_C_TYPE_FLOAT: content = .fixed32
                case PROTOBUF_C_TYPE_DOUBLE: content = .fixed64
                default: content = .varint
                }
                fields[Int(field.id)] = Field(
                    name: fieldName, content: content, isRepeated: field.label == PROTOBUF_C_LABEL_REPEATED,
                    isPayload: name == "TensorProto" && TensorPayload.Field.allCases.contains { $0.name == fieldName },
                    alternatives: Self.alternatives(to: field, in: descriptor))
            }
            messages.append(
                Message(
                    name: name, fields: fields, structSize: descriptor.sizeof_message + MemoryBudget.allocationOverhead,
                    valueSize: Self.valueSize(name)))
        }
        self.messages = messages
        graph = messages.firstIndex { $0.name == "GraphProto" } ?? model
        tensor = messages.firstIndex { $0.name == "TensorProto" } ?? model
    }

    private static func alternatives(
        to field: ProtobufCFieldDescriptor, in message: ProtobufCMessageDescriptor
    ) -> UInt64 {
        func isInOneof(_ field: ProtobufCFieldDescriptor) -> Bool {
            field.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0
        }
        guard isInOneof(field) else { return 0 }
        // All members of one oneof have the number of the one that is set in the same place.
        return (0..<Int(message.n_fields)).map { message.fields[$0] }
            .filter { isInOneof($0) && $0.quantifier_offset == field.quantifier_offset && $0.id != field.id }
            .reduce(0) { $0 | 1 << UInt64($1.id) }
    }

    /// Bytes of the Swift value of a message: itself, and the heap objects that are there even when all its fields are absent.
    private static func valueSize(_ name: String) -> Int {
        switch name {
        case "NodeProto": MemoryLayout<Node>.stride
        // The value of an attribute lies in a box of its own.
        case "AttributeProto": MemoryLayout<Attribute>.stride + 64
        case "GraphProto": MemoryLayout<Graph>.stride + 64
        // Its shape's dimensions and its storage object.
        case "TensorProto": MemoryLayout<NamedTensor>.stride + 2 * MemoryBudget.arrayOverhead + 64
        case "ValueInfoProto": MemoryLayout<ValueInfo>.stride
        case "TypeProto": MemoryLayout<ValueType>.stride + 64
        case "TensorShapeProto": MemoryLayout<DeclaredShape>.stride + MemoryBudget.arrayOverhead
        case "Dimension": MemoryLayout<DeclaredDimension>.stride
        case "StringStringEntryProto": MemoryLayout<MetadataEntry>.stride
        case "OperatorSetIdProto": MemoryLayout<OperatorSetID>.stride
        case "FunctionProto": MemoryLayout<Function>.stride
        default: 64
        }
    }
}
