/// How a field's value is delimited (https://protobuf.dev/programming-guides/encoding/). The two group types, 3 and 4, are
/// refused everywhere: ONNX has none, and each opens a level of nesting for one byte.
enum WireType: Int, Sendable {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
}

/// A rule of the wire format that the bytes at `offset` break.
struct WireFault: Error {
    let rule: String
    let offset: Int
}

/// Reads protobuf's wire format from bytes that may be hostile; every position is checked before it is touched.
struct WireReader {
    let bytes: UnsafeRawBufferPointer
    var position: Int

    /// A field's tag.
    struct Tag {
        let number: Int
        let type: WireType
    }

    /// A base-128 number that has to end before `end`.
    mutating func varint(end: Int) throws(WireFault) -> UInt64 {
        let start = position
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift >= 70 { throw WireFault(rule: "a variable-length number has more than 10 bytes", offset: start) }
        }
        throw WireFault(rule: "the data ends inside a number", offset: start)
    }

    mutating func tag(end: Int) throws(WireFault) -> Tag {
        let start = position
        let value = try varint(end: end)
        let number = value >> 3
        guard number > 0, number < 1 << 29 else {
            throw WireFault(rule: "field number \(number) is outside 1...\((1 << 29) - 1)", offset: start)
        }
        guard let type = WireType(rawValue: Int(value & 7)) else {
            let rule = value & 7 < 5 ? "groups are not part of the format" : "wire type \(value & 7) does not exist"
            throw WireFault(rule: rule, offset: start)
        }
        return Tag(number: Int(number), type: type)
    }

    /// The range of a field's value after its tag: the content without the length of a delimited one.
    mutating func value(_ type: WireType, end: Int) throws(WireFault) -> Range<Int> {
        let start = position
        let size: Int
        switch type {
        case .varint:
            _ = try varint(end: end)
            return start..<position
        case .fixed32: size = 4
        case .fixed64: size = 8
        case .lengthDelimited:
            let length = try varint(end: end)
            guard length <= UInt64(end - position) else {
                throw WireFault(
                    rule: "a length of \(length) bytes passes the end of what holds it by \(length - UInt64(end - position))",
                    offset: start)
            }
            size = Int(length)
        }
        guard size <= end - position else { throw WireFault(rule: "the data ends inside a number", offset: start) }
        let content = position..<position + size
        position = content.upperBound
        return content
    }
}

/// Writes protobuf's wire format into memory.
struct WireBuffer {
    var bytes: [UInt8] = []

    mutating func append(varint: UInt64) {
        var rest = varint
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func append(tag number: Int, _ type: WireType) {
        append(varint: UInt64(number) << 3 | UInt64(type.rawValue))
    }

    mutating func append<Integer: FixedWidthInteger>(littleEndian value: Integer) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Leaves room for a length that `patchLength` fills in once it is known.
    mutating func reserveLength() -> Int {
        bytes.append(contentsOf: [0x80, 0x80, 0x80, 0x80, 0])
        return bytes.count
    }

    /// Fills in a reserved length: the number of bytes since. It is a longer form of the number than needed, which is valid.
    mutating func patchLength(_ start: Int) {
        let length = bytes.count - start
        for index in 0..<5 {
            bytes[start - 5 + index] = UInt8(truncatingIfNeeded: length >> (7 * index)) & 0x7F | (index < 4 ? 0x80 : 0)
        }
    }
}
