/// Elements of up to 8 bits as bare codes, one a byte. Types of fewer than 8 bits are packed without gaps, the first element
/// in the lowest bits (ONNX, `TensorProto.raw_data`).
extension Tensor {
    /// The bits of every element.
    /// - Throws: `TensorError.wrongDataType` for types of more than 8 bits and strings.
    package func codes() throws -> [UInt8] {
        let width = try Self.codeWidth(dataType)
        let count = shape.elementCount
        return withUnsafeBytes { bytes in
            (0..<count).map { index in
                let (byte, shift) = (index * width / 8, index * width % 8)
                var bits = UInt16(bytes[byte])
                // An element of 6 bits may end in the next byte.
                if shift + width > 8 { bits |= UInt16(bytes[byte + 1]) << 8 }
                return UInt8(truncatingIfNeeded: bits >> UInt16(shift) & (1 << UInt16(width) - 1))
            }
        }
    }

    /// A tensor of a type of up to 8 bits with these elements, of which the low bits count.
    /// - Throws: `TensorError.wrongDataType` for other types, `.wrongElementCount`.
    package init(codes: [UInt8], dataType: DataType, shape: Shape) throws {
        let width = try Self.codeWidth(dataType)
        guard codes.count == shape.elementCount else {
            throw TensorError.wrongElementCount(shape, actual: codes.count)
        }
        try self.init(dataType: dataType, shape: shape) { bytes in
            for index in bytes.indices { bytes[index] = 0 }
            for (index, code) in codes.enumerated() {
                let (byte, shift) = (index * width / 8, index * width % 8)
                let bits = (UInt16(code) & (1 << UInt16(width) - 1)) << UInt16(shift)
                bytes[byte] |= UInt8(truncatingIfNeeded: bits)
                if shift + width > 8 { bytes[byte + 1] |= UInt8(truncatingIfNeeded: bits >> 8) }
            }
        }
    }

    private static func codeWidth(_ dataType: DataType) throws -> Int {
        guard let width = dataType.bitWidth, width <= 8 else {
            throw TensorError.wrongDataType(dataType, expected: "a type of up to 8 bits")
        }
        return width
    }
}
