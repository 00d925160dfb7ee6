/// Protobuf messages written out by hand, so that the tests do not lean on the code under test.
enum Wire {
    static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        repeat {
            bytes.append(UInt8(rest & 0x7F) | (rest >= 0x80 ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        return bytes
    }

    /// A delimited field: a message, bytes, or packed numbers.
    static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(UInt64(content.count)) + content
    }

    static func field(_ number: UInt64, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    static func field(_ number: UInt64, varint value: UInt64) -> [UInt8] { varint(number << 3) + varint(value) }

    static func field(_ number: UInt64, float: Float) -> [UInt8] {
        varint(number << 3 | 5) + withUnsafeBytes(of: float.bitPattern.littleEndian) { Array($0) }
    }

    /// A model of IR version 8 and opset 17 whose graph has this content.
    static func model(graph: [UInt8]) -> [UInt8] {
        field(1, varint: 8) + field(7, graph) + field(8, field(2, varint: 17))
    }

    /// A model with this one initializer.
    static func model(initializer: [UInt8]) -> [UInt8] { model(graph: field(5, initializer)) }

    /// A tensor: dimensions, data type, then `rest`.
    static func tensor(_ dimensions: [UInt64], type: UInt64, _ rest: [UInt8]) -> [UInt8] {
        dimensions.flatMap { field(1, varint: $0) } + field(2, varint: type) + rest
    }
}
