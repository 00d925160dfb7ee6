/// Element values free of their storage type: `Double` for real numbers, `Int64` for whole ones.
extension Tensor {
    /// Every element as a `Double`: floats of 16 to 64 bits exactly, integers rounded past 2^53, truth values as 0 and 1.
    /// - Throws: `TensorError.wrongDataType` for strings, complex numbers and the packed or 8-bit float types.
    public func doubles() throws -> [Double] {
        switch dataType {
        case .float32: try withElements(as: Float.self) { $0.map(Double.init) }
        case .float64: try elements(as: Double.self)
        case .float16: halfWords().map(ReducedPrecision.double(float16:))
        case .bfloat16: halfWords().map(ReducedPrecision.double(bfloat16:))
        case .uint64: try withElements(as: UInt64.self) { $0.map { Double($0) } }
        case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32: try integers().map(Double.init)
        default: throw TensorError.wrongDataType(dataType, expected: "a number")
        }
    }

    /// Every element as an `Int64`: integers exactly, truth values as 0 and 1 (any non-zero byte is true).
    /// - Throws: `TensorError.wrongDataType` if the elements are not integers or truth values of whole bytes,
    ///   `.valueOutOfRange` for a uint64 above `Int64.max`.
    public func integers() throws -> [Int64] {
        switch dataType {
        case .int8: try withElements(as: Int8.self) { $0.map(Int64.init) }
        case .int16: try withElements(as: Int16.self) { $0.map(Int64.init) }
        case .int32: try withElements(as: Int32.self) { $0.map(Int64.init) }
        case .int64: try elements(as: Int64.self)
        case .uint8: try withElements(as: UInt8.self) { $0.map(Int64.init) }
        case .uint16: try withElements(as: UInt16.self) { $0.map(Int64.init) }
        case .uint32: try withElements(as: UInt32.self) { $0.map(Int64.init) }
        case .uint64:
            try withElements(as: UInt64.self) { elements in
                try elements.map { element in
                    guard let value = Int64(exactly: element) else {
                        throw TensorError.valueOutOfRange("\(element)", .int64)
                    }
                    return value
                }
            }
        case .bool: withUnsafeBytes { $0.map { $0 == 0 ? 0 : 1 } }
        default: throw TensorError.wrongDataType(dataType, expected: "an integer or bool")
        }
    }

    /// A tensor of a float type (16 to 64 bits) with each value rounded to nearest, ties to even.
    /// - Throws: `TensorError.wrongDataType` if `dataType` is not such a type, `.wrongElementCount`.
    public init(rounding values: [Double], to dataType: DataType, shape: Shape) throws {
        switch dataType {
        case .float32: try self.init(values.map { Float($0) }, shape: shape)
        case .float64: try self.init(values, shape: shape)
        case .float16: try self.init(halfWords: values.map(ReducedPrecision.float16), dataType: dataType, shape: shape)
        case .bfloat16: try self.init(halfWords: values.map(ReducedPrecision.bfloat16), dataType: dataType, shape: shape)
        default: throw TensorError.wrongDataType(dataType, expected: "a float type of 16 to 64 bits")
        }
    }

    /// A tensor of an integer type or bool with exactly these values.
    /// - Throws: `TensorError.valueOutOfRange` for a value the type cannot hold, `.wrongDataType`, `.wrongElementCount`.
    public init(exactly values: [Int64], as dataType: DataType, shape: Shape) throws {
        func narrowed<Element: TensorElement & FixedWidthInteger>(_ type: Element.Type) throws -> Tensor {
            try Tensor(
                values.map { value in
                    guard let element = Element(exactly: value) else {
                        throw TensorError.valueOutOfRange("\(value)", dataType)
                    }
                    return element
                }, shape: shape)
        }
        switch dataType {
        case .int8: self = try narrowed(Int8.self)
        case .int16: self = try narrowed(Int16.self)
        case .int32: self = try narrowed(Int32.self)
        case .int64: self = try narrowed(Int64.self)
        case .uint8: self = try narrowed(UInt8.self)
        case .uint16: self = try narrowed(UInt16.self)
        case .uint32: self = try narrowed(UInt32.self)
        case .uint64: self = try narrowed(UInt64.self)
        case .bool:
            try self.init(
                bools: values.map { value in
                    guard value == 0 || value == 1 else { throw TensorError.valueOutOfRange("\(value)", .bool) }
                    return value == 1
                }, shape: shape)
        default: throw TensorError.wrongDataType(dataType, expected: "an integer or bool")
        }
    }

    private func halfWords() -> [UInt16] {
        withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 2).map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt16.self) }
        }
    }

    private init(halfWords: [UInt16], dataType: DataType, shape: Shape) throws {
        guard halfWords.count == shape.elementCount else {
            throw TensorError.wrongElementCount(shape, actual: halfWords.count)
        }
        try self.init(dataType: dataType, shape: shape) { destination in
            halfWords.withUnsafeBytes { destination.copyMemory(from: $0) }
        }
    }
}
