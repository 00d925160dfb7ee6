import CNNModels
import CNNTensors
import CONNX
import CProtobufC

extension ModelDecoder {
    /// The number of `TensorProto.external_data`.
    static let externalDataField = 13

    mutating func namedTensor(_ proto: Onnx__TensorProto) throws -> NamedTensor {
        var presence = FieldPresence()
        let name = shared(presence.text(8, proto.name))
        let documentation = presence.text(12, proto.doc_string)
        let location = presence.number(14, proto.has_data_location, proto.data_location)
        guard location == 0 || location == 1 else { throw DecodingFault("data location \(location) is unknown") }
        let (dataType, shape) = try type(proto)
        let external = try metadata(proto.external_data, proto.n_external_data)

        let tensor: Tensor
        let storage: NamedTensor.Storage
        if location == 1 {
            if proto.has_raw_data != 0 { throw DecodingFault("the tensor has elements of its own and in another file") }
            tensor = try elements(in: external, dataType, shape)
            storage = .external
        } else {
            (tensor, storage) = try elements(proto, dataType, shape)
        }
        var result = NamedTensor(
            name: name, tensor: tensor, storage: storage, documentation: documentation,
            metadata: try metadata(proto.metadata_props, proto.n_metadata_props), details: details(proto.base, presence))
        if location == 0 {
            // Without meaning, since the elements are here; kept all the same.
            for entry in external { result.details.unknownFields += Self.wireField(Self.externalDataField, entry) }
        }
        return result
    }

    private func type(_ proto: Onnx__TensorProto) throws -> (DataType, Shape) {
        let number = proto.has_data_type == 0 ? 0 : proto.data_type
        guard let dataType = DataType(rawValue: number) else {
            throw DecodingFault(number == 0 ? "the tensor has no element type" : "element type \(number) is unknown")
        }
        let dimensions = UnsafeBufferPointer(start: proto.dims, count: proto.dims == nil ? 0 : proto.n_dims)
        do {
            return (dataType, try Shape(dimensions.map { Int(truncatingIfNeeded: $0) }))
        } catch {
            throw DecodingFault("\(error)")
        }
    }

    /// The elements that stand in the model file itself.
    private mutating func elements(
        _ proto: Onnx__TensorProto, _ dataType: DataType, _ shape: Shape
    ) throws -> (Tensor, NamedTensor.Storage) {
        do {
            guard proto.has_raw_data != 0 else {
                guard shape.elementCount == 0 else {
                    throw DecodingFault("the \(dataType) tensor of shape \(shape) has no elements")
                }
                if dataType == .string { return (try Tensor(strings: [], shape: shape), .typed) }
                return (try Tensor(dataType: dataType, shape: shape) { _ in }, .typed)
            }
            // The guard's number of the cut elements.
            guard let data = proto.raw_data.data, proto.raw_data.len == 4 else {
                throw DecodingFault("the place of the elements is lost")
            }
            let index = UnsafeRawPointer(data).loadUnaligned(as: UInt32.self)
            let payload = guarded.payloads[Int(UInt32(littleEndian: index))]
            if payload.field == .rawData {
                if dataType == .string { throw DecodingFault("strings cannot stand in 'raw_data'") }
                let content = TypedElements.content(of: payload.runs[0], in: file.bytes)
                let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[content])
                return (try Tensor(dataType: dataType, shape: shape, bytes: bytes, owner: file), .raw)
            }
            return (
                try TypedElements(payload, in: file).tensor(dataType, shape, memoryLimit: &elementMemory), .typed
            )
        } catch let error as TensorError {
            throw DecodingFault(error.description)
        }
    }

    /// The elements that stand in a file beside the model.
    private func elements(in entries: [MetadataEntry], _ dataType: DataType, _ shape: Shape) throws -> Tensor {
        guard let externalFiles else {
            throw DecodingFault(
                "the elements stand in another file, but the model came without a folder", hint: "open the model by its path")
        }
        var location: String?
        var offset = 0
        var length: Int?
        for entry in entries {
            // Other keys mean nothing here: not even 'checksum', which covers a whole file that nobody wants to wait for.
            switch entry.key {
            case "location":
                if location != nil { throw DecodingFault("external data has 'location' twice") }
                location = entry.value
            case "offset": offset = try Self.number(entry)
            case "length": length = try Self.number(entry)
            default: break
            }
        }
        guard let location else { throw DecodingFault("external data has no 'location'") }
        do {
            let needed = try Tensor.byteCount(dataType, shape)
            if let length, length != needed {
                throw DecodingFault(
                    "the \(dataType) tensor of shape \(shape) takes \(needed) bytes, but external data '\(location)' has \(length)"
                )
            }
            let data = try externalFiles.file(at: location)
            guard offset <= data.bytes.count, needed <= data.bytes.count - offset else {
                throw DecodingFault(
                    "external data '\(location)' has \(data.bytes.count) bytes, but the tensor takes \(needed) from byte \(offset) on"
                )
            }
            let bytes = UnsafeRawBufferPointer(rebasing: data.bytes[offset..<offset + needed])
            return try Tensor(dataType: dataType, shape: shape, bytes: bytes, owner: data)
        } catch let error as TensorError {
            throw DecodingFault(error.description)
        } catch let error as FileError {
            throw DecodingFault("external data: \(error)")
        }
    }

    private static func number(_ entry: MetadataEntry) throws -> Int {
        // Int's own initialiser would take a sign.
        guard entry.value.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int(entry.value) else {
            throw DecodingFault("external data's '\(entry.key)' is '\(entry.value)', not a number of bytes")
        }
        return value
    }

    private static func wireField(_ number: Int, _ entry: MetadataEntry) -> [UInt8] {
        var content = WireBuffer()
        for (field, text) in [(1, entry.key), (2, entry.value)] where !text.isEmpty {
            content.append(tag: field, .lengthDelimited)
            content.append(varint: UInt64(text.utf8.count))
            content.bytes += Array(text.utf8)
        }
        var result = WireBuffer()
        result.append(tag: number, .lengthDelimited)
        result.append(varint: UInt64(content.bytes.count))
        return result.bytes + content.bytes
    }
}
