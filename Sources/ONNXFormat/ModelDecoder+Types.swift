import CNNModels
import CONNX
import CProtobufC

extension ModelDecoder {
    mutating func valueInfo(_ proto: Onnx__ValueInfoProto) throws -> ValueInfo {
        try DecodingFault.within("value '\(Self.name(proto.name))'") {
            var presence = FieldPresence()
            var info = ValueInfo(
                name: shared(presence.text(1, proto.name)), type: try proto.type.map { try valueType($0.pointee) },
                documentation: presence.text(3, proto.doc_string),
                metadata: try metadata(proto.metadata_props, proto.n_metadata_props))
            info.details = details(proto.base, presence)
            return info
        }
    }

    mutating func valueType(_ proto: Onnx__TypeProto) throws -> ValueType {
        var presence = FieldPresence()
        let denotation = presence.text(6, proto.denotation)
        return ValueType(try kind(proto), denotation: denotation, details: details(proto.base, presence))
    }

    private mutating func kind(_ proto: Onnx__TypeProto) throws -> ValueType.Kind {
        var presence = FieldPresence()
        switch proto.value_case {
        case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
            guard let tensor = proto.tensor_type?.pointee else { return .unspecified }
            let elementType = presence.number(1, tensor.has_elem_type, tensor.elem_type)
            return .tensor(
                elementType: elementType, shape: tensor.shape.map { shape($0.pointee) }, details: details(tensor.base, presence)
            )
        case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
            guard let tensor = proto.sparse_tensor_type?.pointee else { return .unspecified }
            let elementType = presence.number(1, tensor.has_elem_type, tensor.elem_type)
            return .sparseTensor(
                elementType: elementType, shape: tensor.shape.map { shape($0.pointee) }, details: details(tensor.base, presence)
            )
        case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
            guard let sequence = proto.sequence_type?.pointee else { return .unspecified }
            return .sequence(
                try sequence.elem_type.map { try valueType($0.pointee) }, details: details(sequence.base, presence))
        case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
            guard let optional = proto.optional_type?.pointee else { return .unspecified }
            return .optional(
                try optional.elem_type.map { try valueType($0.pointee) }, details: details(optional.base, presence))
        case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
            guard let map = proto.map_type?.pointee else { return .unspecified }
            let keyType = presence.number(1, map.has_key_type, map.key_type)
            return .map(
                keyType: keyType, value: try map.value_type.map { try valueType($0.pointee) },
                details: details(map.base, presence))
        default:
            return .unspecified
        }
    }

    private mutating func shape(_ proto: Onnx__TensorShapeProto) -> DeclaredShape {
        DeclaredShape(
            dimensions: Self.elements(proto.dim, proto.n_dim).map { dimension($0) },
            details: details(proto.base, FieldPresence()))
    }

    private mutating func dimension(_ proto: Onnx__TensorShapeProto__Dimension) -> DeclaredDimension {
        var presence = FieldPresence()
        let size: DeclaredDimension.Size =
            switch proto.value_case {
            case ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE: .known(proto.dim_value)
            case ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM: .symbol(shared(Self.name(proto.dim_param)))
            default: .unknown
            }
        let denotation = presence.text(3, proto.denotation)
        return DeclaredDimension(size, denotation: denotation, details: details(proto.base, presence))
    }
}
