import CNNModels
import CONNX
import CProtobufC

extension ModelEncoder {
    func valueInfo(_ info: ValueInfo) throws -> UnsafeMutablePointer<Onnx__ValueInfoProto> {
        let rule = PresenceRule(info.details)
        return try DecodingFault.within("value '\(info.name)'") {
            try arena.message(onnx__value_info_proto__init) { proto in
                proto.name = try text(1, info.name, rule)
                proto.type = try info.type.map(valueType)
                proto.doc_string = try text(3, info.documentation, rule)
                proto.n_metadata_props = info.metadata.count
                proto.metadata_props = try arena.messages(info.metadata, metadataEntry)
                try arena.add(info.details, to: &proto.base)
            }
        }
    }

    func valueType(_ type: ValueType) throws -> UnsafeMutablePointer<Onnx__TypeProto> {
        let rule = PresenceRule(type.details)
        return try arena.message(onnx__type_proto__init) { proto in
            proto.denotation = try text(6, type.denotation, rule)
            try set(type.kind, in: &proto)
            try arena.add(type.details, to: &proto.base)
        }
    }

    private func set(_ kind: ValueType.Kind, in proto: inout Onnx__TypeProto) throws {
        switch kind {
        case .tensor(let elementType, let shape, let details):
            proto.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            proto.tensor_type = try arena.message(onnx__type_proto__tensor__init) { tensor in
                tensor.has_elem_type = flag(PresenceRule(details).writes(1, isDefault: elementType == 0))
                tensor.elem_type = elementType
                tensor.shape = try shape.map(self.shape)
                try arena.add(details, to: &tensor.base)
            }
        case .sparseTensor(let elementType, let shape, let details):
            proto.value_case = ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE
            proto.sparse_tensor_type = try arena.message(onnx__type_proto__sparse_tensor__init) { tensor in
                tensor.has_elem_type = flag(PresenceRule(details).writes(1, isDefault: elementType == 0))
                tensor.elem_type = elementType
                tensor.shape = try shape.map(self.shape)
                try arena.add(details, to: &tensor.base)
            }
        case .sequence(let element, let details):
            proto.value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE
            proto.sequence_type = try arena.message(onnx__type_proto__sequence__init) { sequence in
                sequence.elem_type = try element.map(valueType)
                try arena.add(details, to: &sequence.base)
            }
        case .optional(let element, let details):
            proto.value_case = ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE
            proto.optional_type = try arena.message(onnx__type_proto__optional__init) { optional in
                optional.elem_type = try element.map(valueType)
                try arena.add(details, to: &optional.base)
            }
        case .map(let keyType, let value, let details):
            proto.value_case = ONNX__TYPE_PROTO__VALUE_MAP_TYPE
            proto.map_type = try arena.message(onnx__type_proto__map__init) { map in
                map.has_key_type = flag(PresenceRule(details).writes(1, isDefault: keyType == 0))
                map.key_type = keyType
                map.value_type = try value.map(valueType)
                try arena.add(details, to: &map.base)
            }
        case .unspecified: break
        }
    }

    private func shape(_ shape: DeclaredShape) throws -> UnsafeMutablePointer<Onnx__TensorShapeProto> {
        try arena.message(onnx__tensor_shape_proto__init) { proto in
            proto.n_dim = shape.dimensions.count
            proto.dim = try arena.messages(shape.dimensions, dimension)
            try arena.add(shape.details, to: &proto.base)
        }
    }

    private func dimension(
        _ dimension: DeclaredDimension
    ) throws -> UnsafeMutablePointer<Onnx__TensorShapeProto__Dimension> {
        try arena.message(onnx__tensor_shape_proto__dimension__init) { proto in
            switch dimension.size {
            case .known(let size):
                proto.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                proto.dim_value = size
            case .symbol(let name):
                proto.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                proto.dim_param = try arena.text(name)
            case .unknown: break
            }
            proto.denotation = try text(3, dimension.denotation, PresenceRule(dimension.details))
            try arena.add(dimension.details, to: &proto.base)
        }
    }
}
