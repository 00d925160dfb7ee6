import CNNModels
import CONNX
import CProtobufC

extension ModelEncoder {
    func node(_ node: Node, index: Int) throws -> UnsafeMutablePointer<Onnx__NodeProto> {
        let rule = PresenceRule(node.details)
        return try DecodingFault.within("node '\(node.name)' (#\(index), \(node.operatorType))") {
            try arena.message(onnx__node_proto__init) { proto in
                proto.n_input = node.inputs.count
                proto.input = try arena.texts(node.inputs)
                proto.n_output = node.outputs.count
                proto.output = try arena.texts(node.outputs)
                proto.name = try text(3, node.name, rule)
                proto.op_type = try text(4, node.operatorType, rule)
                proto.n_attribute = node.attributes.count
                proto.attribute = try arena.messages(node.attributes, attribute)
                proto.doc_string = try text(6, node.documentation, rule)
                proto.domain = try text(7, node.domain, rule)
                proto.overload = try text(8, node.overload, rule)
                proto.n_metadata_props = node.metadata.count
                proto.metadata_props = try arena.messages(node.metadata, metadataEntry)
                try arena.add(node.details, to: &proto.base)
            }
        }
    }

    func attribute(_ attribute: Attribute) throws -> UnsafeMutablePointer<Onnx__AttributeProto> {
        let rule = PresenceRule(attribute.details)
        return try DecodingFault.within("attribute '\(attribute.name)'") {
            try arena.message(onnx__attribute_proto__init) { proto in
                proto.name = try text(1, attribute.name, rule)
                proto.doc_string = try text(13, attribute.documentation, rule)
                try set(attribute.value, in: &proto, rule)
                let kind = attribute.value.kind
                // The first files had no type where a field in use tells it; an empty list uses none.
                let isTold = !ModelDecoder.usedFields(proto).isEmpty
                proto.has_type = flag(isTold ? rule.writesRedundant(20) : kind != .undefined)
                proto.type = kind.rawValue
                try arena.add(attribute.details, to: &proto.base)
            }
        }
    }

    private func set(_ value: Attribute.Value, in proto: inout Onnx__AttributeProto, _ rule: PresenceRule) throws {
        switch value {
        case .float(let number):
            proto.has_f = flag(rule.writesOwn(2, isDefault: number == 0))
            proto.f = number
        case .int(let number):
            proto.has_i = flag(rule.writesOwn(3, isDefault: number == 0))
            proto.i = number
        case .string(let bytes):
            proto.has_s = flag(rule.writesOwn(4, isDefault: bytes.isEmpty))
            proto.s = arena.bytes(bytes)
        case .tensor(let tensor): proto.t = try self.tensor(tensor)
        case .graph(let graph): proto.g = try self.graph(graph)
        case .type(let type): proto.tp = try valueType(type)
        case .sparseTensor(let bytes):
            proto.has_sparse_tensor = 1
            proto.sparse_tensor = arena.bytes(bytes)
        case .floats(let numbers):
            proto.n_floats = numbers.count
            proto.floats = arena.array(numbers)
        case .ints(let numbers):
            proto.n_ints = numbers.count
            proto.ints = arena.array(numbers)
        case .strings(let lists):
            proto.n_strings = lists.count
            proto.strings = arena.byteLists(lists)
        case .tensors(let tensors):
            proto.n_tensors = tensors.count
            proto.tensors = try arena.messages(tensors, tensor)
        case .graphs(let graphs):
            proto.n_graphs = graphs.count
            proto.graphs = try arena.messages(graphs, graph)
        case .types(let types):
            proto.n_type_protos = types.count
            proto.type_protos = try arena.messages(types, valueType)
        case .sparseTensors(let lists):
            proto.n_sparse_tensors = lists.count
            proto.sparse_tensors = arena.byteLists(lists)
        case .reference(let name, _):
            proto.ref_attr_name = try arena.text(name)
            return
        }
        // A reference is never empty, so an exception can only mean that the text was there and empty.
        proto.ref_attr_name = try text(21, "", rule)
    }
}
