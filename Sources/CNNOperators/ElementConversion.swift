import CNNTensors

/// The conversion of elements from one type to another by the rules of ONNX's operator Cast, where those leave something open
/// (a float past the range of an integer type) by one that has a definite result on every machine:
///
/// - float to float: the nearest, ties to even; past the range infinity (for 8-bit floats see `saturates`);
/// - float to integer: the fraction is cut off, then as from integer to integer; NaN and infinities become 0;
/// - integer to integer: higher bits are discarded;
/// - to bool: whether the number is other than 0 (NaN is);
/// - strings: decimal numbers, `INF` and `NaN` in any case; numbers become the shortest text that reads back as the same
///   number, without an exponent from 10⁻⁴ up to 10¹⁶.
package struct ElementConversion: Sendable {
    package let target: DataType
    /// Whether numbers past the range of an 8-bit float become the largest finite one.
    package var saturates = true
    /// How `float8e8m0` rounds.
    package var exponentRounding = ExponentByte.Rounding.up

    /// The elements of a tensor in the form that conversion starts from.
    private enum Elements {
        case real([Double])
        case whole([Int64], isUnsigned: Bool)
        case text([[UInt8]])
    }

    /// - Throws: `OperatorError` for a text that is no number, `TensorError` for types without conversion.
    package func callAsFunction(_ tensor: Tensor) throws -> Tensor {
        if tensor.dataType == target { return tensor }
        let elements = try Self.elements(of: tensor)
        if target == .string { return try Self.strings(elements, of: tensor) }
        if target.isFloatingPoint { return try floats(elements, shape: tensor.shape) }
        return try wholeNumbers(elements, shape: tensor.shape)
    }

    private static func elements(of tensor: Tensor) throws -> Elements {
        let dataType = tensor.dataType
        if let format = NarrowFloat(dataType) { return .real(try tensor.codes().map(format.value(of:))) }
        switch dataType {
        case .string: return .text(try tensor.strings())
        case .float8e8m0: return .real(try tensor.codes().map(ExponentByte.value(of:)))
        case .uint2, .uint4: return .whole(try tensor.codes().map { Int64($0) }, isUnsigned: false)
        case .int2: return .whole(try tensor.codes().map { Int64(Int8(bitPattern: $0 << 6) >> 6) }, isUnsigned: false)
        case .int4: return .whole(try tensor.codes().map { Int64(Int8(bitPattern: $0 << 4) >> 4) }, isUnsigned: false)
        default: break
        }
        if dataType.isFloatingPoint { return .real(try tensor.doubles()) }
        return .whole(try tensor.words(), isUnsigned: dataType == .uint64)
    }

    // MARK: - To numbers

    private func floats(_ elements: Elements, shape: Shape) throws -> Tensor {
        // A whole number goes to float32 in one step: by way of Double it would be rounded twice.
        if target == .float32, case .whole(let words, let isUnsigned) = elements {
            return try Tensor(words.map { isUnsigned ? Float(UInt64(bitPattern: $0)) : Float($0) }, shape: shape)
        }
        let values: [Double] =
            switch elements {
            case .real(let values): values
            case .whole(let words, isUnsigned: true): words.map { Double(UInt64(bitPattern: $0)) }
            case .whole(let words, isUnsigned: false): words.map(Double.init)
            case .text(let texts): try texts.map(Self.number)
            }
        if let format = NarrowFloat(target) {
            let codes = values.map { format.code(of: $0, saturates: saturates) }
            return try Tensor(codes: codes, dataType: target, shape: shape)
        }
        if target == .float8e8m0 {
            let codes = values.map { ExponentByte.code(of: $0, rounding: exponentRounding, saturates: saturates) }
            return try Tensor(codes: codes, dataType: target, shape: shape)
        }
        return try Tensor(rounding: values, to: target, shape: shape)
    }

    private func wholeNumbers(_ elements: Elements, shape: Shape) throws -> Tensor {
        let words: [Int64]
        switch elements {
        case .whole(let numbers, _): words = numbers
        case .real(let values): words = target == .bool ? values.map { $0 == 0 ? 0 : 1 } : values.map(Self.word)
        case .text(let texts): words = try texts.map(word(ofText:))
        }
        if let width = target.bitWidth, width < 8 {
            let codes = words.map { UInt8(truncatingIfNeeded: $0) }
            return try Tensor(codes: codes, dataType: target, shape: shape)
        }
        return try Tensor(truncating: words, to: target, shape: shape)
    }

    /// The number without its fraction modulo 2^64; 0 for NaN and infinities.
    private static func word(_ value: Double) -> Int64 {
        guard value.isFinite else { return 0 }
        let whole = value.rounded(.towardZero)
        if let word = Int64(exactly: whole) { return word }
        let low = UInt64(exactly: whole.magnitude.truncatingRemainder(dividingBy: 0x1p64)) ?? 0
        return Int64(bitPattern: whole < 0 ? 0 &- low : low)
    }

    private func word(ofText text: [UInt8]) throws -> Int64 {
        let trimmed = Self.trimmed(text)
        if let word = Int64(trimmed) { return word }
        if let word = UInt64(trimmed) { return Int64(bitPattern: word) }
        let value = try Self.number(text)
        return target == .bool ? (value == 0 ? 0 : 1) : Self.word(value)
    }

    // MARK: - Text

    private static func number(_ text: [UInt8]) throws -> Double {
        guard let value = Double(trimmed(text)) else {
            throw OperatorError("'\(String(decoding: text, as: UTF8.self))' is no number", subject: "input")
        }
        return value
    }

    private static func trimmed(_ text: [UInt8]) -> String {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || 0x09...0x0D ~= $0 }
        guard let first = text.firstIndex(where: { !isSpace($0) }), let last = text.lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return String(decoding: text[first...last], as: UTF8.self)
    }

    private static func strings(_ elements: Elements, of tensor: Tensor) throws -> Tensor {
        let texts: [String]
        switch elements {
        case .text(let texts): return try Tensor(strings: texts, shape: tensor.shape)
        case .whole(let words, _) where tensor.dataType == .bool: texts = words.map { $0 == 0 ? "False" : "True" }
        case .whole(let words, isUnsigned: true): texts = words.map { UInt64(bitPattern: $0).description }
        case .whole(let words, isUnsigned: false): texts = words.map(\.description)
        // The shortest text differs with the width: 0.1 in float32 is another number than 0.1 in float64.
        case .real(let values) where tensor.dataType == .float64: texts = values.map { plain($0.description) }
        case .real(let values): texts = values.map { plain(Float($0).description) }
        }
        return try Tensor(strings: texts.map { Array($0.utf8) }, shape: tensor.shape)
    }

    /// A number's text with the exponent, if it lies from −4 to 15, written out: `1.5e+07` becomes `15000000.0`.
    private static func plain(_ text: String) -> String {
        guard let mark = text.firstIndex(of: "e"), let exponent = Int(text[text.index(after: mark)...]),
            -4...15 ~= exponent
        else { return text }
        let isNegative = text.hasPrefix("-")
        let digits = text[..<mark].filter(\.isNumber)
        let magnitude: String
        if exponent < 0 {
            magnitude = "0." + String(repeating: "0", count: -exponent - 1) + digits
        } else {
            let padded = digits + String(repeating: "0", count: max(exponent + 2 - digits.count, 0))
            let point = padded.index(padded.startIndex, offsetBy: exponent + 1)
            magnitude = padded[..<point] + "." + padded[point...]
        }
        return (isNegative ? "-" : "") + magnitude
    }
}
