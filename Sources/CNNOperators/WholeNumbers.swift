import CNNTensors

/// Integer tensors of every width as `Int64` words, so that one loop serves them all. Sums and products of words are right
/// in their low bits whatever the type, so they are computed with wrapping arithmetic and cut to the type at the end, which
/// is how NumPy and ONNX's reference overflow. A uint64 past `Int64.max` is the negative word of the same bits; order and
/// division of such words is the one thing that must look at the type.
extension Tensor {
    /// The elements of an integer or bool tensor modulo 2^64.
    /// - Throws: `TensorError.wrongDataType` for other types.
    package func words() throws -> [Int64] {
        guard dataType == .uint64 else { return try integers() }
        return try withElements(as: UInt64.self) { $0.map { Int64(bitPattern: $0) } }
    }

    /// A tensor of an integer type with the low bits of these words, or of bool with whether each is other than 0.
    /// - Throws: `TensorError.wrongDataType` for other types, `.wrongElementCount`.
    package init(truncating words: [Int64], to dataType: DataType, shape: Shape) throws {
        switch dataType {
        case .int8: try self.init(words.map { Int8(truncatingIfNeeded: $0) }, shape: shape)
        case .int16: try self.init(words.map { Int16(truncatingIfNeeded: $0) }, shape: shape)
        case .int32: try self.init(words.map { Int32(truncatingIfNeeded: $0) }, shape: shape)
        case .int64: try self.init(words, shape: shape)
        case .uint8: try self.init(words.map { UInt8(truncatingIfNeeded: $0) }, shape: shape)
        case .uint16: try self.init(words.map { UInt16(truncatingIfNeeded: $0) }, shape: shape)
        case .uint32: try self.init(words.map { UInt32(truncatingIfNeeded: $0) }, shape: shape)
        case .uint64: try self.init(words.map { UInt64(bitPattern: $0) }, shape: shape)
        case .bool: try self.init(bools: words.map { $0 != 0 }, shape: shape)
        default: throw TensorError.wrongDataType(dataType, expected: "an integer or bool")
        }
    }

    /// A number for each element that stands in the same order as the elements do: a larger element has a larger key, equal
    /// ones (−0 and 0 too) the same.
    /// - Parameter nanKey: the key of NaN, which has no place in the order.
    /// - Throws: `TensorError.wrongDataType` for strings, complex numbers and types of less than 16 bits but integers and bool.
    package func orderKeys(nanKey: Int64) throws -> [Int64] {
        guard dataType.isFloatingPoint else {
            let words = try words()
            return dataType == .uint64 ? words.map { $0 ^ .min } : words
        }
        return try doubles().map { value in
            if value.isNaN { return nanKey }
            // The bits of positive numbers are in order already; those of negative ones are in reverse order.
            let bits = Int64(bitPattern: (value + 0).bitPattern)
            return bits >= 0 ? bits : bits ^ .max
        }
    }

    /// The tensor of an integer type that has these order keys.
    /// - Throws: as `init(truncating:to:shape:)`.
    package init(integerOrderKeys keys: [Int64], _ dataType: DataType, shape: Shape) throws {
        try self.init(truncating: dataType == .uint64 ? keys.map { $0 ^ .min } : keys, to: dataType, shape: shape)
    }
}

extension DataType {
    /// The smallest and the largest finite number of the type, as `Int64` words; nil for types that are not integers of whole
    /// bytes or bool.
    package var wordRange: (lowest: Int64, highest: Int64)? {
        switch self {
        case .int8: (Int64(Int8.min), Int64(Int8.max))
        case .int16: (Int64(Int16.min), Int64(Int16.max))
        case .int32: (Int64(Int32.min), Int64(Int32.max))
        case .int64: (.min, .max)
        case .uint8: (0, Int64(UInt8.max))
        case .uint16: (0, Int64(UInt16.max))
        case .uint32: (0, Int64(UInt32.max))
        case .uint64: (0, Int64(bitPattern: .max))
        case .bool: (0, 1)
        default: nil
        }
    }

    /// The largest finite number of a float type of 16 to 64 bits; nil for other types.
    package var greatestFiniteMagnitude: Double? {
        switch self {
        case .float16: 65504
        case .bfloat16: 0x1.FEp127
        case .float32: Double(Float.greatestFiniteMagnitude)
        case .float64: .greatestFiniteMagnitude
        default: nil
        }
    }
}
