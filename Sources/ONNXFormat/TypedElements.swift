import CNNTensors

/// The elements of a tensor that stand in a field of their type (`float_data`, `int32_data`, …) instead of `raw_data`.
struct TypedElements {
    private let payload: TensorPayload
    private let file: MappedFile

    init(_ payload: TensorPayload, in file: MappedFile) {
        self.payload = payload
        self.file = file
    }

    /// The field in which ONNX wants elements of this type.
    static func field(of dataType: DataType) -> TensorPayload.Field {
        switch dataType {
        case .float32, .complex64: .floatData
        case .float64, .complex128: .doubleData
        case .int64: .int64Data
        case .uint32, .uint64: .uint64Data
        case .string: .stringData
        default: .int32Data
        }
    }

    /// The content of a field's only occurrence, without tag and length. The guard has checked both.
    static func content(of occurrence: Range<Int>, in bytes: UnsafeRawBufferPointer) -> Range<Int> {
        var reader = WireReader(bytes: bytes, position: occurrence.lowerBound)
        guard let tag = try? reader.tag(end: occurrence.upperBound),
            let content = try? reader.value(tag.type, end: occurrence.upperBound)
        else { return occurrence.lowerBound..<occurrence.lowerBound }
        return content
    }

    /// The elements as a tensor: numbers of fixed width in one packed run stay where they lie, others are decoded.
    /// - Parameter memoryLimit: bytes that decoded elements may take; lowered by what they took.
    /// - Throws: `DecodingFault` when the field does not fit the type, a value not its width, or the count not the shape.
    func tensor(_ dataType: DataType, _ shape: Shape, memoryLimit: inout Int) throws -> Tensor {
        let expected = Self.field(of: dataType)
        guard payload.field == expected else {
            throw DecodingFault("\(dataType) elements stand in '\(expected.name)', not in '\(payload.field.name)'")
        }
        if dataType == .string { return try strings(shape, memoryLimit: &memoryLimit) }
        let byteCount = try Tensor.byteCount(dataType, shape)
        if payload.field == .floatData || payload.field == .doubleData, let content = onlyPackedRun {
            let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[content])
            return try Tensor(dataType: dataType, shape: shape, bytes: bytes, owner: file)
        }
        // Counted before memory is taken: the shape is only what the file claims.
        let entries = try entryCount(dataType, shape)
        var count = 0
        try forEachElement { _ in count += 1 }
        guard count == entries else {
            throw DecodingFault(
                "the \(dataType) tensor of shape \(shape) takes \(entries) values in '\(payload.field.name)', but there are \(count)"
            )
        }
        try spend(byteCount, &memoryLimit)
        return try Tensor(dataType: dataType, shape: shape) { destination in
            var index = 0
            try forEachElement { value in
                try Self.store(value, at: index, dataType, in: destination)
                index += 1
            }
        }
    }

    private var onlyPackedRun: Range<Int>? {
        guard payload.runs.count == 1 else { return nil }
        var reader = WireReader(bytes: file.bytes, position: payload.runs[0].lowerBound)
        let end = payload.runs[0].upperBound
        guard let tag = try? reader.tag(end: end), tag.type == .lengthDelimited,
            let content = try? reader.value(tag.type, end: end), content.upperBound == end
        else { return nil }
        return content
    }

    /// How many values of the field make the tensor: complex numbers take two, types of 2 and 4 bits share one a byte.
    private func entryCount(_ dataType: DataType, _ shape: Shape) throws -> Int {
        switch dataType {
        case .complex64, .complex128:
            let (count, overflow) = shape.elementCount.multipliedReportingOverflow(by: 2)
            if overflow { throw DecodingFault("shape \(shape) has too many elements") }
            return count
        case .uint2, .int2, .uint4, .int4, .float4e2m1: return try Tensor.byteCount(dataType, shape)
        default: return shape.elementCount
        }
    }

    /// Calls `body` with the bits of each number, from packed runs and single occurrences alike.
    private func forEachElement(_ body: (UInt64) throws -> Void) throws {
        let bytes = file.bytes
        let width = payload.field == .floatData ? 4 : 8
        func fixed(_ position: Int) -> UInt64 {
            width == 4
                ? UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
                : UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        }
        // An int32 is what the lowest 32 bits of its varint say, as in every protobuf parser.
        func whole(_ value: UInt64) -> UInt64 {
            payload.field == .int32Data ? UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value))) : value
        }
        do {
            for run in payload.runs {
                var reader = WireReader(bytes: bytes, position: run.lowerBound)
                while reader.position < run.upperBound {
                    let tag = try reader.tag(end: run.upperBound)
                    switch tag.type {
                    case .varint: try body(whole(try reader.varint(end: run.upperBound)))
                    case .fixed32, .fixed64: try body(fixed(try reader.value(tag.type, end: run.upperBound).lowerBound))
                    case .lengthDelimited:
                        let content = try reader.value(.lengthDelimited, end: run.upperBound)
                        if payload.field.elementWireType == .varint {
                            var numbers = WireReader(bytes: bytes, position: content.lowerBound)
                            while numbers.position < content.upperBound {
                                try body(whole(try numbers.varint(end: content.upperBound)))
                            }
                        } else {
                            guard content.count % width == 0 else {
                                throw WireFault(
                                    rule: "packed bytes are no whole number of elements", offset: content.lowerBound)
                            }
                            for position in stride(from: content.lowerBound, to: content.upperBound, by: width) {
                                try body(fixed(position))
                            }
                        }
                    }
                }
            }
        } catch let fault as WireFault {
            throw DecodingFault("'\(payload.field.name)', byte \(fault.offset): \(fault.rule)")
        }
    }

    private static func store(
        _ value: UInt64, at index: Int, _ dataType: DataType, in destination: UnsafeMutableRawBufferPointer
    ) throws {
        func whole<Element: FixedWidthInteger & BitwiseCopyable>(_ type: Element.Type) throws {
            // int32_data and uint64_data alike are read as 64 bits; a number outside the element type is not cut to fit.
            guard let element = Element(exactly: Element.isSigned ? Int64(bitPattern: value) : Int64(clamping: value)) else {
                throw DecodingFault("\(Int64(bitPattern: value)) does not fit in \(dataType)")
            }
            destination.storeBytes(
                of: element.littleEndian, toByteOffset: index * MemoryLayout<Element>.size, as: Element.self)
        }
        switch dataType {
        case .float32, .complex64:
            destination.storeBytes(
                of: UInt32(truncatingIfNeeded: value).littleEndian, toByteOffset: 4 * index, as: UInt32.self)
        case .float64, .complex128, .int64, .uint64:
            destination.storeBytes(of: value.littleEndian, toByteOffset: 8 * index, as: UInt64.self)
        case .uint32: try whole(UInt32.self)
        case .int32: try whole(Int32.self)
        case .int16: try whole(Int16.self)
        case .int8: try whole(Int8.self)
        case .uint16, .float16, .bfloat16: try whole(UInt16.self)
        case .float6e2m3, .float6e3m2:
            guard value < 64 else { throw DecodingFault("\(value) does not fit in \(dataType)") }
            // Elements follow each other bit by bit, lowest first; a byte is zero until its first bits come.
            let bit = 6 * index
            let (byte, shift) = (bit / 8, bit % 8)
            destination[byte] = (shift == 0 ? 0 : destination[byte]) | UInt8(truncatingIfNeeded: value << shift)
            if shift > 2 { destination[byte + 1] = UInt8(truncatingIfNeeded: value >> (8 - shift)) }
        default: try whole(UInt8.self)
        }
    }

    private func strings(_ shape: Shape, memoryLimit: inout Int) throws -> Tensor {
        var contents: [Range<Int>] = []
        var count = 0
        func forEach(_ body: (Range<Int>) throws -> Void) throws {
            for run in payload.runs {
                var reader = WireReader(bytes: file.bytes, position: run.lowerBound)
                while reader.position < run.upperBound {
                    let tag = try reader.tag(end: run.upperBound)
                    try body(try reader.value(tag.type, end: run.upperBound))
                }
            }
        }
        do {
            var memory = 0
            try forEach { content in
                count += 1
                memory += 24 + (content.isEmpty ? 0 : content.count + MemoryBudget.arrayOverhead)
            }
            guard count == shape.elementCount else {
                throw DecodingFault("shape \(shape) has \(shape.elementCount) strings, but there are \(count)")
            }
            try spend(memory, &memoryLimit)
            contents.reserveCapacity(count)
            try forEach { contents.append($0) }
        } catch let fault as WireFault {
            throw DecodingFault("'string_data', byte \(fault.offset): \(fault.rule)")
        }
        return try Tensor(strings: contents.map { Array(file.bytes[$0]) }, shape: shape)
    }

    private func spend(_ byteCount: Int, _ memoryLimit: inout Int) throws {
        guard byteCount <= memoryLimit else {
            throw DecodingFault("its \(byteCount) bytes, decoded, are out of proportion to the file's size")
        }
        memoryLimit -= byteCount
    }
}
