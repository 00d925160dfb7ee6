/// Reads JSON text (RFC 8259) from front to back without building a tree, so that the memory it takes is the caller's choice.
/// Stricter than Foundation's reader where a hostile file would profit: a key that stands twice in an object, a number that
/// does not fit, invalid UTF-8, a lone surrogate and too deep nesting are errors.
///
/// The bytes must stay valid while the scanner is in use.
package struct JSONScanner {
    private let bytes: UnsafeRawBufferPointer
    /// How many bytes have been read.
    package private(set) var offset = 0
    private var depth = 0
    /// Objects and arrays may lie this deep in one another.
    private let depthLimit: Int

    /// How deep objects and arrays may lie in one another where nobody says otherwise.
    package static let depthLimit = 64

    package init(_ bytes: UnsafeRawBufferPointer, depthLimit: Int = depthLimit) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    /// What the next value is; nothing is consumed but white space.
    package enum Kind { case object, array, string, number, boolean, null }

    package mutating func nextKind() throws(JSONError) -> Kind {
        skipSpace()
        switch peek() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        default: throw unexpected("a value")
        }
    }

    /// Reads an object; `member` is called for each key and must read exactly its value.
    /// - Throws: `JSONError`, also for a key that stands twice; what `member` throws.
    package mutating func object(_ member: (inout JSONScanner, String) throws -> Void) throws {
        try open(UInt8(ascii: "{"), "an object")
        var keys: Set<String> = []
        while try !closes(UInt8(ascii: "}"), first: keys.isEmpty) {
            skipSpace()
            let start = offset
            let key = try string()
            guard keys.insert(key).inserted else {
                throw JSONError(offset: start, reason: "the key \(quoted(key)) stands twice in one object")
            }
            skipSpace()
            try expect(UInt8(ascii: ":"), "':'")
            try member(&self, key)
        }
    }

    /// Reads an array; `element` is called for each element and must read exactly that.
    package mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
        try open(UInt8(ascii: "["), "an array")
        var first = true
        while try !closes(UInt8(ascii: "]"), first: first) {
            first = false
            try element(&self)
        }
    }

    /// Makes sure that nothing but white space follows.
    package mutating func end() throws(JSONError) {
        skipSpace()
        if offset < bytes.count { throw unexpected("the end") }
    }

    /// Reads `true` or `false`.
    package mutating func boolean() throws(JSONError) -> Bool {
        skipSpace()
        if take("true") { return true }
        if take("false") { return false }
        throw unexpected("true or false")
    }

    /// Reads `null`.
    package mutating func null() throws(JSONError) {
        skipSpace()
        if !take("null") { throw unexpected("null") }
    }

    // MARK: Structure

    private mutating func open(_ bracket: UInt8, _ name: String) throws(JSONError) {
        skipSpace()
        try expect(bracket, name)
        depth += 1
        if depth > depthLimit {
            throw JSONError(offset: offset, reason: "objects and arrays lie over \(depthLimit) deep in one another")
        }
    }

    /// Consumes the closing bracket, or the comma before another element.
    private mutating func closes(_ bracket: UInt8, first: Bool) throws(JSONError) -> Bool {
        skipSpace()
        if peek() == bracket {
            offset += 1
            depth -= 1
            return true
        }
        if !first { try expect(UInt8(ascii: ","), "',' or '\(Character(Unicode.Scalar(bracket)))'") }
        return false
    }

    private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func expect(_ byte: UInt8, _ name: String) throws(JSONError) {
        guard peek() == byte else { throw unexpected(name) }
        offset += 1
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let end = offset + word.utf8CodeUnitCount
        guard end <= bytes.count else { return false }
        let word = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard bytes[offset..<end].elementsEqual(word) else { return false }
        offset = end
        return true
    }

    private func unexpected(_ wanted: String) -> JSONError {
        guard let byte = peek() else { return JSONError(offset: offset, reason: "\(wanted) is missing: the text ends") }
        let found = 0x21...0x7E ~= byte ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
        return JSONError(offset: offset, reason: "\(wanted) should stand here, not \(found)")
    }

    private func quoted(_ text: String) -> String { text.count > 64 ? "'\(text.prefix(64))…'" : "'\(text)'" }
}

// MARK: - Numbers

extension JSONScanner {
    /// Reads a whole number.
    /// - Throws: `JSONError` also for one with a fraction or exponent, or that does not fit in 64 bits.
    package mutating func integer() throws(JSONError) -> Int {
        let start = try skipNumber()
        guard let value = Int(text(from: start.offset)) else {
            throw JSONError(
                offset: start.offset, reason: start.isWhole ? "the number does not fit in 64 bits" : "a whole number is needed")
        }
        return value
    }

    /// Reads a number: `.integer` if it is a whole one that fits in 64 bits, `.number` if it is another.
    /// - Throws: `JSONError` also for a number beyond the range of Double.
    package mutating func number() throws(JSONError) -> JSON {
        let start = try skipNumber()
        let text = text(from: start.offset)
        if start.isWhole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw JSONError(offset: start.offset, reason: "the number is out of range")
        }
        return .number(value)
    }

    private func text(from start: Int) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<offset]), as: UTF8.self)
    }

    private mutating func skipNumber() throws(JSONError) -> (offset: Int, isWhole: Bool) {
        skipSpace()
        let start = offset
        var isWhole = true
        if peek() == UInt8(ascii: "-") { offset += 1 }
        if peek() == UInt8(ascii: "0") { offset += 1 } else { try skipDigits() }
        if peek() == UInt8(ascii: ".") {
            isWhole = false
            offset += 1
            try skipDigits()
        }
        if let byte = peek(), byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            isWhole = false
            offset += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            try skipDigits()
        }
        return (start, isWhole)
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = offset
        while let byte = peek(), UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { offset += 1 }
        if offset == start { throw unexpected("a number") }
    }
}

// MARK: - Strings

extension JSONScanner {
    /// Reads a string.
    package mutating func string() throws(JSONError) -> String {
        skipSpace()
        try expect(UInt8(ascii: "\""), "a string")
        let start = offset
        // Most strings have no escapes: they are taken as they stand.
        while let byte = peek(), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { offset += 1 }
        if peek() == UInt8(ascii: "\"") {
            offset += 1
            return try checkedText(String(validating: bytes[start..<(offset - 1)], as: UTF8.self), at: start)
        }
        var content = Array(bytes[start..<offset])
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return try checkedText(String(validating: content, as: UTF8.self), at: start)
            case UInt8(ascii: "\\"):
                offset += 1
                try unescape(into: &content)
            case ..<0x20:
                throw JSONError(offset: offset, reason: "a control character stands in a string")
            default:
                content.append(byte)
                offset += 1
            }
        }
        throw unexpected("'\"'")
    }

    private func checkedText(_ text: String?, at start: Int) throws(JSONError) -> String {
        guard let text else {
            throw JSONError(offset: start, reason: "the string is no valid UTF-8")
        }
        return text
    }

    private mutating func unescape(into content: inout [UInt8]) throws(JSONError) {
        guard let byte = peek() else { throw unexpected("an escaped character") }
        let start = offset
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimalUnit()
            // Above the basic plane a character is a pair of surrogates (RFC 8259, section 7).
            if 0xD800..<0xDC00 ~= code, take("\\u") {
                let low = try hexadecimalUnit()
                guard 0xDC00..<0xE000 ~= low else {
                    throw JSONError(offset: start, reason: "a surrogate stands alone in a string")
                }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else {
                throw JSONError(offset: start, reason: "a surrogate stands alone in a string")
            }
            content.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            throw JSONError(offset: start, reason: "no such escape in a string")
        }
    }

    private mutating func hexadecimalUnit() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw unexpected("a hexadecimal digit")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }
}
