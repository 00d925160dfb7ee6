import CNNModels
import CNNTensors
import CONNX
import CProtobufC

/// Turns what the wire guard let through into the model's Swift values: one graph element at a time goes through protobuf-c,
/// so that never more than one element exists twice.
struct ModelDecoder {
    let file: MappedFile
    let guarded: WireGuard
    let externalFiles: ExternalFiles?
    private let allocator: CappedAllocator
    /// Long names met before, so that a value's name is one string wherever it stands.
    private var names: Set<String> = []
    /// Bytes that elements decoded from typed fields may still take; mapped ones take none.
    var elementMemory: Int

    init(file: MappedFile, guarded: WireGuard, externalFiles: ExternalFiles?) {
        self.file = file
        self.guarded = guarded
        self.externalFiles = externalFiles
        allocator = CappedAllocator(limit: guarded.memoryLimit)
        elementMemory = guarded.memoryLimit - guarded.valueMemory
    }

    mutating func model() throws -> Model {
        guard guarded.hasGraph else {
            throw DecodingFault("the file holds no graph", hint: "is it an ONNX model, and complete?")
        }
        var model = try message(guarded.head.bytes[...], onnx__model_proto__unpack, onnx__model_proto__free_unpacked) {
            try $0.model($1)
        }
        let irVersions = StructureChecker.irVersions
        guard irVersions.contains(model.irVersion) else {
            throw DecodingFault(
                "ONNX file format version (ir_version) \(model.irVersion) is not supported",
                hint: "versions \(irVersions.lowerBound) to \(irVersions.upperBound) are read")
        }
        guard !model.opsetImports.isEmpty else {
            throw DecodingFault("the model imports no operator set (opset_import)", hint: "was the file cut short?")
        }
        try DecodingFault.within("graph") {
            model.graph = try message(
                guarded.graphHead.bytes[...], onnx__graph_proto__unpack, onnx__graph_proto__free_unpacked
            ) { try $0.graph($1) }
        }
        reserve(&model)
        for unit in guarded.units { try decode(unit, into: &model) }
        return model
    }

    mutating func tensor() throws -> NamedTensor {
        try message(guarded.head.bytes[...], onnx__tensor_proto__unpack, onnx__tensor_proto__free_unpacked) { decoder, proto in
            let unknown = UnsafeBufferPointer(start: proto.base.unknown_fields, count: Int(proto.base.n_unknown_fields))
            // SequenceProto and OptionalProto have their elements where TensorProto has its segment.
            if unknown.contains(where: { $0.tag == 3 }) {
                throw DecodingFault(
                    "the file holds a sequence, an optional, or a segment of a tensor", hint: "only whole tensors are read")
            }
            return try decoder.namedTensor(proto)
        }
    }

    private func reserve(_ model: inout Model) {
        var counts: [GraphField: Int] = [:]
        for unit in guarded.units where unit.isInGraph {
            if let field = GraphField(rawValue: unit.field) { counts[field, default: 0] += 1 }
        }
        model.graph.nodes.reserveCapacity(counts[.node, default: 0])
        model.graph.initializers.reserveCapacity(counts[.initializer, default: 0])
        model.graph.inputs.reserveCapacity(counts[.input, default: 0])
        model.graph.outputs.reserveCapacity(counts[.output, default: 0])
        model.graph.valueInfos.reserveCapacity(counts[.valueInfo, default: 0])
    }

    private enum GraphField: Int32 {
        case node = 1
        case initializer = 5
        case input = 11
        case output = 12
        case valueInfo = 13
    }

    private mutating func decode(_ unit: WireGuard.Unit, into model: inout Model) throws {
        let bytes = guarded.elements.bytes[Int(unit.start)..<Int(unit.end)]
        guard unit.isInGraph else {
            let function = try message(bytes, onnx__function_proto__unpack, onnx__function_proto__free_unpacked) {
                try $0.function($1)
            }
            return model.functions.append(function)
        }
        switch GraphField(rawValue: unit.field) {
        case .node:
            let index = model.graph.nodes.count
            model.graph.nodes.append(
                try message(bytes, onnx__node_proto__unpack, onnx__node_proto__free_unpacked) {
                    try $0.node($1, index: index)
                })
        case .initializer:
            model.graph.initializers.append(
                try message(bytes, onnx__tensor_proto__unpack, onnx__tensor_proto__free_unpacked) { decoder, proto in
                    try DecodingFault.within("initializer '\(Self.name(proto.name))'") { try decoder.namedTensor(proto) }
                })
        case .input: model.graph.inputs.append(try valueInfo(bytes))
        case .output: model.graph.outputs.append(try valueInfo(bytes))
        case .valueInfo: model.graph.valueInfos.append(try valueInfo(bytes))
        case nil: throw DecodingFault("field \(unit.field) of the graph is no element")
        }
    }

    private mutating func valueInfo(_ bytes: ArraySlice<UInt8>) throws -> ValueInfo {
        try message(bytes, onnx__value_info_proto__unpack, onnx__value_info_proto__free_unpacked) { try $0.valueInfo($1) }
    }

    private mutating func message<Message, Result>(
        _ bytes: ArraySlice<UInt8>,
        _ unpack: (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) -> UnsafeMutablePointer<Message>?,
        _ free: (UnsafeMutablePointer<Message>?, UnsafeMutablePointer<ProtobufCAllocator>?) -> Void,
        _ body: (inout ModelDecoder, Message) throws -> Result
    ) throws -> Result {
        try allocator.withMessage(bytes, unpack: unpack, free: free) { try body(&self, $0) }
    }

    // MARK: Messages of the model

    private mutating func model(_ proto: Onnx__ModelProto) throws -> Model {
        var presence = FieldPresence()
        var model = Model(
            irVersion: presence.number(1, proto.has_ir_version, proto.ir_version),
            opsetImports: try operatorSets(proto.opset_import, proto.n_opset_import),
            producerName: presence.text(2, proto.producer_name),
            producerVersion: presence.text(3, proto.producer_version),
            domain: presence.text(4, proto.domain),
            modelVersion: presence.number(5, proto.has_model_version, proto.model_version),
            documentation: presence.text(6, proto.doc_string),
            graph: Graph(name: ""),
            metadata: try metadata(proto.metadata_props, proto.n_metadata_props))
        model.details = details(proto.base, presence)
        return model
    }

    /// A graph with all that its message holds: the main graph's message holds no elements, a subgraph's all.
    mutating func graph(_ proto: Onnx__GraphProto) throws -> Graph {
        var presence = FieldPresence()
        var graph = Graph(
            name: presence.text(2, proto.name),
            documentation: presence.text(10, proto.doc_string),
            metadata: try metadata(proto.metadata_props, proto.n_metadata_props))
        for (index, node) in Self.elements(proto.node, proto.n_node).enumerated() {
            graph.nodes.append(try self.node(node, index: index))
        }
        for tensor in Self.elements(proto.initializer, proto.n_initializer) {
            try DecodingFault.within("initializer '\(Self.name(tensor.name))'") {
                graph.initializers.append(try namedTensor(tensor))
            }
        }
        graph.inputs = try Self.elements(proto.input, proto.n_input).map { try valueInfo($0) }
        graph.outputs = try Self.elements(proto.output, proto.n_output).map { try valueInfo($0) }
        graph.valueInfos = try Self.elements(proto.value_info, proto.n_value_info).map { try valueInfo($0) }
        graph.details = details(proto.base, presence)
        return graph
    }

    private mutating func function(_ proto: Onnx__FunctionProto) throws -> Function {
        try DecodingFault.within("function '\(Self.name(proto.name))'") {
            var presence = FieldPresence()
            var function = Function(
                name: presence.text(1, proto.name), domain: presence.text(10, proto.domain),
                overload: presence.text(13, proto.overload), inputs: texts(proto.input, proto.n_input),
                outputs: texts(proto.output, proto.n_output), attributeNames: texts(proto.attribute, proto.n_attribute),
                nodes: [], opsetImports: try operatorSets(proto.opset_import, proto.n_opset_import),
                documentation: presence.text(8, proto.doc_string),
                metadata: try metadata(proto.metadata_props, proto.n_metadata_props))
            function.attributeDefaults = try Self.elements(proto.attribute_proto, proto.n_attribute_proto).map {
                try attribute($0)
            }
            for (index, node) in Self.elements(proto.node, proto.n_node).enumerated() {
                function.nodes.append(try self.node(node, index: index))
            }
            function.valueInfos = try Self.elements(proto.value_info, proto.n_value_info).map { try valueInfo($0) }
            function.details = details(proto.base, presence)
            return function
        }
    }

    private mutating func operatorSets(
        _ list: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__OperatorSetIdProto>?>?, _ count: Int
    ) throws -> [OperatorSetID] {
        Self.elements(list, count).map { proto in
            var presence = FieldPresence()
            var set = OperatorSetID(
                domain: presence.text(1, proto.domain), version: presence.number(2, proto.has_version, proto.version))
            set.details = details(proto.base, presence)
            return set
        }
    }

    mutating func metadata(
        _ list: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__StringStringEntryProto>?>?, _ count: Int
    ) throws -> [MetadataEntry] {
        Self.elements(list, count).map { proto in
            var presence = FieldPresence()
            var entry = MetadataEntry(key: shared(presence.text(1, proto.key)), value: presence.text(2, proto.value))
            entry.details = details(proto.base, presence)
            return entry
        }
    }

    // MARK: Parts of messages

    /// The messages that a repeated field points to.
    static func elements<Message>(
        _ list: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int
    ) -> some Sequence<Message> {
        UnsafeBufferPointer(start: list, count: list == nil ? 0 : count).lazy.compactMap { $0?.pointee }
    }

    mutating func texts(_ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) -> [String] {
        UnsafeBufferPointer(start: list, count: list == nil ? 0 : count).map { $0.map { shared(String(cString: $0)) } ?? "" }
    }

    /// The string itself, or the equal one met first.
    mutating func shared(_ text: String) -> String {
        // Strings of up to 15 bytes lie in the value and share nothing.
        guard text.utf8.count > 15 else { return text }
        let known = names.insert(text).memberAfterInsert
        // Swift's strings are equal when they look the same; a file's names are their bytes.
        return known.utf8.elementsEqual(text.utf8) ? known : text
    }

    static func name(_ text: UnsafeMutablePointer<CChar>?) -> String { text.map { String(cString: $0) } ?? "" }

    static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
        Array(UnsafeBufferPointer(start: data.data, count: data.data == nil ? 0 : data.len))
    }

    /// What a message says beyond its meaning. The guard left 16 bytes in the place of each delimited field that the schema
    /// does not know; here the field becomes again what it was on the wire.
    func details(_ base: ProtobufCMessage, _ presence: FieldPresence) -> FormatDetails {
        let fields = UnsafeBufferPointer(
            start: base.unknown_fields, count: base.unknown_fields == nil ? 0 : Int(base.n_unknown_fields))
        var unknown = WireBuffer()
        for field in fields {
            guard let data = field.data, let type = WireType(rawValue: Int(field.wire_type.rawValue)) else { continue }
            unknown.append(tag: Int(field.tag), type)
            let content = UnsafeRawBufferPointer(start: data, count: field.len)
            if type == .lengthDelimited, content.count >= 16 {
                // protobuf-c gives the length before the content.
                let place = content.suffix(16)
                let offset = Int(UInt64(littleEndian: UnsafeRawBufferPointer(rebasing: place).loadUnaligned(as: UInt64.self)))
                let count = Int(
                    UInt64(
                        littleEndian: UnsafeRawBufferPointer(rebasing: place)
                            .loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
                unknown.append(varint: UInt64(count))
                unknown.bytes.append(contentsOf: file.bytes[offset..<offset + count])
            } else {
                unknown.bytes.append(contentsOf: content)
            }
        }
        return FormatDetails(unknownFields: unknown.bytes, presenceExceptions: presence.exceptions.sorted())
    }
}
