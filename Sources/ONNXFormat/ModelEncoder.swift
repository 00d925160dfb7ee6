import CNNModels
import CNNTensors
import CONNX
import CProtobufC

/// Builds the C messages that protobuf-c packs, one graph element at a time. Fields go out in ascending order of their
/// numbers and nothing depends on anything but the model, so equal models give equal bytes.
final class ModelEncoder {
    let arena = MessageArena()
    /// Which tensors go to a file beside the model; nil if none does.
    let externalData: ExternalDataLayout?

    init(externalData: ExternalDataLayout?) {
        self.externalData = externalData
    }

    // MARK: The whole

    /// Appends the model to `sink`.
    func encode(_ model: Model, into sink: WireSink) throws {
        // The graph's length stands before the graph, so it is encoded twice: once to be measured.
        externalData?.restart()
        let measure = WireSink()
        try encode(model.graph, into: measure)
        externalData?.restart()

        let rule = PresenceRule(model.details)
        try part(onnx__model_proto__init, into: sink) { proto in
            proto.has_ir_version = flag(rule.writes(1, isDefault: model.irVersion == 0))
            proto.ir_version = model.irVersion
            proto.producer_name = try text(2, model.producerName, rule)
            proto.producer_version = try text(3, model.producerVersion, rule)
            proto.domain = try text(4, model.domain, rule)
            proto.has_model_version = flag(rule.writes(5, isDefault: model.modelVersion == 0))
            proto.model_version = model.modelVersion
            proto.doc_string = try text(6, model.documentation, rule)
        }
        try sink.begin(field: 7, length: measure.count)
        try encode(model.graph, into: sink)
        try part(onnx__model_proto__init, into: sink) { proto in
            proto.n_opset_import = model.opsetImports.count
            proto.opset_import = try arena.messages(model.opsetImports, operatorSet)
            proto.n_metadata_props = model.metadata.count
            proto.metadata_props = try arena.messages(model.metadata, metadataEntry)
        }
        for function in model.functions { try element(25, into: sink) { try self.function(function) } }
        try part(onnx__model_proto__init, into: sink) { try arena.add(model.details, to: &$0.base) }
    }

    private func encode(_ graph: Graph, into sink: WireSink) throws {
        let rule = PresenceRule(graph.details)
        for (index, node) in graph.nodes.enumerated() { try element(1, into: sink) { try self.node(node, index: index) } }
        try part(onnx__graph_proto__init, into: sink) { $0.name = try text(2, graph.name, rule) }
        for tensor in graph.initializers { try element(5, into: sink) { try initializer(tensor) } }
        try part(onnx__graph_proto__init, into: sink) { $0.doc_string = try text(10, graph.documentation, rule) }
        for value in graph.inputs { try element(11, into: sink) { try valueInfo(value) } }
        for value in graph.outputs { try element(12, into: sink) { try valueInfo(value) } }
        for value in graph.valueInfos { try element(13, into: sink) { try valueInfo(value) } }
        try part(onnx__graph_proto__init, into: sink) { proto in
            proto.n_metadata_props = graph.metadata.count
            proto.metadata_props = try arena.messages(graph.metadata, metadataEntry)
            try arena.add(graph.details, to: &proto.base)
        }
    }

    /// Some fields of a message that is written in parts.
    private func part<Message>(
        _ initialize: (UnsafeMutablePointer<Message>?) -> Void, into sink: WireSink, _ fill: (inout Message) throws -> Void
    ) throws {
        arena.reset()
        try sink.fields(of: try arena.message(initialize, fill))
    }

    private func element<Message>(
        _ field: Int, into sink: WireSink, _ make: () throws -> UnsafeMutablePointer<Message>
    ) throws {
        arena.reset()
        try sink.message(field: field, try make())
    }

    // MARK: Graphs and functions

    /// A graph inside an attribute.
    func graph(_ graph: Graph) throws -> UnsafeMutablePointer<Onnx__GraphProto> {
        let rule = PresenceRule(graph.details)
        return try arena.message(onnx__graph_proto__init) { proto in
            proto.n_node = graph.nodes.count
            proto.node = try arena.messages(Array(graph.nodes.enumerated())) { try node($0.element, index: $0.offset) }
            proto.name = try text(2, graph.name, rule)
            proto.n_initializer = graph.initializers.count
            proto.initializer = try arena.messages(graph.initializers, initializer)
            proto.doc_string = try text(10, graph.documentation, rule)
            proto.n_input = graph.inputs.count
            proto.input = try arena.messages(graph.inputs, valueInfo)
            proto.n_output = graph.outputs.count
            proto.output = try arena.messages(graph.outputs, valueInfo)
            proto.n_value_info = graph.valueInfos.count
            proto.value_info = try arena.messages(graph.valueInfos, valueInfo)
            proto.n_metadata_props = graph.metadata.count
            proto.metadata_props = try arena.messages(graph.metadata, metadataEntry)
            try arena.add(graph.details, to: &proto.base)
        }
    }

    private func function(_ function: Function) throws -> UnsafeMutablePointer<Onnx__FunctionProto> {
        let rule = PresenceRule(function.details)
        return try DecodingFault.within("function '\(function.name)'") {
            try arena.message(onnx__function_proto__init) { proto in
                proto.name = try text(1, function.name, rule)
                proto.n_input = function.inputs.count
                proto.input = try arena.texts(function.inputs)
                proto.n_output = function.outputs.count
                proto.output = try arena.texts(function.outputs)
                proto.n_attribute = function.attributeNames.count
                proto.attribute = try arena.texts(function.attributeNames)
                proto.n_node = function.nodes.count
                proto.node = try arena.messages(Array(function.nodes.enumerated())) {
                    try node($0.element, index: $0.offset)
                }
                proto.doc_string = try text(8, function.documentation, rule)
                proto.n_opset_import = function.opsetImports.count
                proto.opset_import = try arena.messages(function.opsetImports, operatorSet)
                proto.domain = try text(10, function.domain, rule)
                proto.n_attribute_proto = function.attributeDefaults.count
                proto.attribute_proto = try arena.messages(function.attributeDefaults, attribute)
                proto.n_value_info = function.valueInfos.count
                proto.value_info = try arena.messages(function.valueInfos, valueInfo)
                proto.overload = try text(13, function.overload, rule)
                proto.n_metadata_props = function.metadata.count
                proto.metadata_props = try arena.messages(function.metadata, metadataEntry)
                try arena.add(function.details, to: &proto.base)
            }
        }
    }

    private func operatorSet(_ set: OperatorSetID) throws -> UnsafeMutablePointer<Onnx__OperatorSetIdProto> {
        let rule = PresenceRule(set.details)
        return try arena.message(onnx__operator_set_id_proto__init) { proto in
            proto.domain = try text(1, set.domain, rule)
            proto.has_version = flag(rule.writes(2, isDefault: set.version == 0))
            proto.version = set.version
            try arena.add(set.details, to: &proto.base)
        }
    }

    func metadataEntry(_ entry: MetadataEntry) throws -> UnsafeMutablePointer<Onnx__StringStringEntryProto> {
        let rule = PresenceRule(entry.details)
        return try arena.message(onnx__string_string_entry_proto__init) { proto in
            proto.key = try text(1, entry.key, rule)
            proto.value = try text(2, entry.value, rule)
            try arena.add(entry.details, to: &proto.base)
        }
    }

    // MARK: Fields

    /// A text field, or nil where it is not written.
    func text(_ field: Int, _ text: String, _ rule: PresenceRule) throws -> UnsafeMutablePointer<CChar>? {
        rule.writes(field, isDefault: text.isEmpty) ? try arena.text(text) : nil
    }

    func flag(_ isSet: Bool) -> protobuf_c_boolean { isSet ? 1 : 0 }
}
