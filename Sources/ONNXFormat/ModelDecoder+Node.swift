import CNNModels
import CONNX
import CProtobufC

extension ModelDecoder {
    mutating func node(_ proto: Onnx__NodeProto, index: Int) throws -> Node {
        try DecodingFault.within("node '\(Self.name(proto.name))' (#\(index), \(Self.name(proto.op_type)))") {
            var presence = FieldPresence()
            var node = Node(
                shared(presence.text(4, proto.op_type)), name: presence.text(3, proto.name),
                domain: shared(presence.text(7, proto.domain)), overload: presence.text(8, proto.overload),
                inputs: texts(proto.input, proto.n_input), outputs: texts(proto.output, proto.n_output),
                documentation: presence.text(6, proto.doc_string),
                metadata: try metadata(proto.metadata_props, proto.n_metadata_props))
            node.attributes.reserveCapacity(proto.n_attribute)
            for attribute in Self.elements(proto.attribute, proto.n_attribute) {
                node.attributes.append(try self.attribute(attribute))
            }
            node.details = details(proto.base, presence)
            return node
        }
    }

    mutating func attribute(_ proto: Onnx__AttributeProto) throws -> Attribute {
        try DecodingFault.within("attribute '\(Self.name(proto.name))'") {
            var presence = FieldPresence()
            let name = shared(presence.text(1, proto.name))
            let documentation = presence.text(13, proto.doc_string)
            let value = try self.value(proto, &presence)
            return Attribute(name, value, documentation: documentation, details: details(proto.base, presence))
        }
    }

    /// The fields of an attribute that hold values: the type that selects each, and its name.
    static func usedFields(_ proto: Onnx__AttributeProto) -> [(kind: Attribute.Kind, field: String)] {
        var used: [(kind: Attribute.Kind, field: String)] = []
        if proto.has_f != 0 { used.append((.float, "f")) }
        if proto.has_i != 0 { used.append((.int, "i")) }
        if proto.has_s != 0 { used.append((.string, "s")) }
        if proto.t != nil { used.append((.tensor, "t")) }
        if proto.g != nil { used.append((.graph, "g")) }
        if proto.tp != nil { used.append((.type, "tp")) }
        if proto.has_sparse_tensor != 0 { used.append((.sparseTensor, "sparse_tensor")) }
        if proto.n_floats > 0 { used.append((.floats, "floats")) }
        if proto.n_ints > 0 { used.append((.ints, "ints")) }
        if proto.n_strings > 0 { used.append((.strings, "strings")) }
        if proto.n_tensors > 0 { used.append((.tensors, "tensors")) }
        if proto.n_graphs > 0 { used.append((.graphs, "graphs")) }
        if proto.n_type_protos > 0 { used.append((.types, "type_protos")) }
        if proto.n_sparse_tensors > 0 { used.append((.sparseTensors, "sparse_tensors")) }
        return used
    }

    private mutating func value(_ proto: Onnx__AttributeProto, _ presence: inout FieldPresence) throws -> Attribute.Value {
        let used = Self.usedFields(proto)
        let declared = proto.has_type == 0 ? 0 : proto.type
        guard var kind = Attribute.Kind(rawValue: declared) else {
            throw DecodingFault("attribute type \(declared) is unknown")
        }
        let reference = presence.text(21, proto.ref_attr_name)
        if !reference.isEmpty {
            if let other = used.first {
                throw DecodingFault("it refers to '\(reference)' and holds a value in '\(other.field)' as well")
            }
            return .reference(reference, kind)
        }
        if kind == .undefined {
            // The first files had no type; the field in use tells it.
            guard let first = used.first else { throw DecodingFault("it has neither a type nor a value") }
            kind = first.kind
            presence.note(20)
        }
        if let other = used.first(where: { $0.kind != kind }) {
            throw DecodingFault("its type is \(kind) (\(kind.rawValue)), but it holds a value in '\(other.field)'")
        }
        switch kind {
        case .undefined: throw DecodingFault("it has neither a type nor a value")
        // proto3 writers leave a zero out.
        case .float: return .float(presence.ownNumber(2, proto.has_f, proto.f))
        case .int: return .int(presence.ownNumber(3, proto.has_i, proto.i))
        case .string:
            if proto.has_s == 0 { presence.note(4) }
            return .string(proto.has_s == 0 ? [] : Self.bytes(proto.s))
        case .tensor: return .tensor(try namedTensor(try present(proto.t, kind)))
        case .graph: return .graph(try graph(try present(proto.g, kind)))
        case .type: return .type(try valueType(try present(proto.tp, kind)))
        case .sparseTensor:
            guard proto.has_sparse_tensor != 0 else { throw DecodingFault("its type is \(kind), but it holds none") }
            return .sparseTensor(Self.bytes(proto.sparse_tensor))
        case .floats: return .floats(Array(UnsafeBufferPointer(start: proto.floats, count: proto.n_floats)))
        case .ints: return .ints(Array(UnsafeBufferPointer(start: proto.ints, count: proto.n_ints)))
        case .strings: return .strings(UnsafeBufferPointer(start: proto.strings, count: proto.n_strings).map(Self.bytes))
        case .tensors: return .tensors(try Self.elements(proto.tensors, proto.n_tensors).map { try namedTensor($0) })
        case .graphs: return .graphs(try Self.elements(proto.graphs, proto.n_graphs).map { try graph($0) })
        case .types: return .types(try Self.elements(proto.type_protos, proto.n_type_protos).map { try valueType($0) })
        case .sparseTensors:
            return .sparseTensors(
                UnsafeBufferPointer(start: proto.sparse_tensors, count: proto.n_sparse_tensors).map(Self.bytes))
        }
    }

    private func present<Message>(_ message: UnsafeMutablePointer<Message>?, _ kind: Attribute.Kind) throws -> Message {
        guard let message else { throw DecodingFault("its type is \(kind), but it holds none") }
        return message.pointee
    }
}
