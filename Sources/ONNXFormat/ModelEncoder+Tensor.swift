import CNNModels
import CNNTensors
import CONNX
import CProtobufC

extension ModelEncoder {
    /// A graph's constant, which may go to a file beside the model.
    func initializer(_ tensor: NamedTensor) throws -> UnsafeMutablePointer<Onnx__TensorProto> {
        try DecodingFault.within("initializer '\(tensor.name)'") {
            try self.tensor(tensor, place: externalData?.place(tensor.tensor))
        }
    }

    func tensor(_ tensor: NamedTensor) throws -> UnsafeMutablePointer<Onnx__TensorProto> {
        try self.tensor(tensor, place: nil)
    }

    private func tensor(
        _ tensor: NamedTensor, place: ExternalDataLayout.Place?
    ) throws -> UnsafeMutablePointer<Onnx__TensorProto> {
        let rule = PresenceRule(tensor.details)
        return try arena.message(onnx__tensor_proto__init) { proto in
            let dimensions = tensor.tensor.shape.dimensions.map { Int64($0) }
            proto.n_dims = dimensions.count
            proto.dims = arena.array(dimensions)
            proto.has_data_type = 1
            proto.data_type = tensor.tensor.dataType.rawValue
            proto.name = try text(8, tensor.name, rule)
            proto.doc_string = try text(12, tensor.documentation, rule)
            proto.n_metadata_props = tensor.metadata.count
            proto.metadata_props = try arena.messages(tensor.metadata, metadataEntry)
            if let place {
                let entries = place.entries
                proto.n_external_data = entries.count
                proto.external_data = try arena.messages(entries, metadataEntry)
                proto.has_data_location = 1
                proto.data_location = 1
            } else {
                // Explicit presence of DEFAULT; a tensor that was external before is not any more.
                proto.has_data_location = flag(tensor.storage != .external && rule.isException(14))
                try setElements(tensor, in: &proto)
            }
            // What the file said of another place while the elements stood in it says nothing of the one that they go to.
            try arena.add(tensor.details, to: &proto.base, except: place == nil ? nil : ModelDecoder.externalDataField)
        }
    }

    /// Sets the elements in `raw_data`, or in the field of their type where the file had them there. Numbers of fixed width
    /// are packed from where the tensor has them: the model outlives the packing.
    private func setElements(_ tensor: NamedTensor, in proto: inout Onnx__TensorProto) throws {
        let elements = tensor.tensor
        if elements.dataType == .string {
            let strings = try elements.strings()
            proto.n_string_data = strings.count
            proto.string_data = arena.byteLists(strings)
            return
        }
        try elements.withUnsafeBytes { bytes in
            let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
            guard tensor.storage == .typed else {
                proto.has_raw_data = 1
                proto.raw_data = ProtobufCBinaryData(len: bytes.count, data: start?.assumingMemoryBound(to: UInt8.self))
                return
            }
            switch TypedElements.field(of: elements.dataType) {
            case .floatData:
                proto.n_float_data = bytes.count / 4
                proto.float_data = start?.assumingMemoryBound(to: Float.self)
            case .doubleData:
                proto.n_double_data = bytes.count / 8
                proto.double_data = start?.assumingMemoryBound(to: Double.self)
            case .int64Data:
                let numbers = try elements.elements(as: Int64.self)
                proto.n_int64_data = numbers.count
                proto.int64_data = arena.array(numbers)
            case .uint64Data:
                let numbers =
                    elements.dataType == .uint64
                    ? try elements.elements(as: UInt64.self) : try elements.elements(as: UInt32.self).map { UInt64($0) }
                proto.n_uint64_data = numbers.count
                proto.uint64_data = arena.array(numbers)
            case .int32Data, .stringData, .rawData:
                let numbers = TypedElements.int32Entries(elements, bytes)
                proto.n_int32_data = numbers.count
                proto.int32_data = arena.array(numbers)
            }
        }
    }
}

extension TypedElements {
    /// The values of `int32_data` for a tensor: an element each, or a byte each for types of 2 and 4 bits.
    static func int32Entries(_ tensor: Tensor, _ bytes: UnsafeRawBufferPointer) -> [Int32] {
        func words<Element: FixedWidthInteger & BitwiseCopyable>(_ type: Element.Type) -> [Int32] {
            stride(from: 0, to: bytes.count, by: MemoryLayout<Element>.size).map {
                Int32(truncatingIfNeeded: Element(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: Element.self)))
            }
        }
        switch tensor.dataType {
        case .int32: return words(Int32.self)
        case .int16: return words(Int16.self)
        case .int8: return words(Int8.self)
        case .uint16, .float16, .bfloat16: return words(UInt16.self)
        case .float6e2m3, .float6e3m2:
            return (0..<tensor.shape.elementCount).map { index in
                let (byte, shift) = (6 * index / 8, 6 * index % 8)
                let high = byte + 1 < bytes.count ? UInt16(bytes[byte + 1]) << 8 : 0
                return Int32((UInt16(bytes[byte]) | high) >> shift & 63)
            }
        default: return words(UInt8.self)
        }
    }
}
