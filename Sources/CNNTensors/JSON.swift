/// A JSON value (RFC 8259). Members keep their order, so that the same value always gives the same text.
package indirect enum JSON: Sendable, Hashable {
    case null
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    /// A key with its value.
    package struct Member: Sendable, Hashable {
        package let key: String
        package let value: JSON

        package init(_ key: String, _ value: JSON) {
            self.key = key
            self.value = value
        }
    }
}

/// What is wrong with a JSON text, and where.
package struct JSONError: Error, Sendable, Hashable {
    /// How many bytes lie before the place.
    package let offset: Int
    package let reason: String

    package init(offset: Int, reason: String) {
        self.offset = offset
        self.reason = reason
    }
}

extension JSONError: CustomStringConvertible {
    package var description: String { "\(reason) (byte \(offset) of the JSON text)" }
}

// MARK: - Reading

extension JSON {
    /// The value that the text is.
    /// - Throws: `JSONError`, also for a key that stands twice in an object and for numbers out of range.
    package init(parsing text: UnsafeRawBufferPointer) throws {
        var scanner = JSONScanner(text)
        self = try scanner.value()
        try scanner.end()
    }

    /// The value that the file is.
    package init(parsing file: MappedFile) throws {
        self = try file.withUnsafeBytes { try JSON(parsing: $0) }
    }

    /// The value that the text is.
    package init(parsing text: String) throws {
        var text = text
        self = try text.withUTF8 { try JSON(parsing: UnsafeRawBufferPointer($0)) }
    }

    /// The member of an object under this key; nil if there is none or this is no object.
    package subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }
}

extension JSONScanner {
    /// Reads any value, with all that lies in it.
    package mutating func value() throws -> JSON {
        switch try nextKind() {
        case .null:
            try null()
            return .null
        case .boolean: return .boolean(try boolean())
        case .string: return .string(try string())
        case .number: return try number()
        case .array:
            var elements: [JSON] = []
            try array { scanner in elements.append(try scanner.value()) }
            return .array(elements)
        case .object:
            var members: [JSON.Member] = []
            try object { scanner, key in members.append(JSON.Member(key, try scanner.value())) }
            return .object(members)
        }
    }
}

// MARK: - Writing

extension JSON {
    /// The value as text: on one line, or indented by two spaces with a line for each member and each element that is no
    /// plain value. JSON has no NaN and no infinity; they are written as the strings `"NaN"`, `"Infinity"` and `"-Infinity"`.
    package func text(indented: Bool = false) -> String {
        var text = ""
        write(to: &text, indentation: indented ? 0 : nil)
        return text
    }

    private func write(to text: inout String, indentation: Int?) {
        switch self {
        case .null: text += "null"
        case .boolean(let value): text += value ? "true" : "false"
        case .integer(let value): text += String(value)
        case .number(let value): text += Self.text(of: value)
        case .string(let value): Self.appendQuoted(value, to: &text)
        case .array(let elements):
            // A list of numbers, such as a shape, reads best on one line.
            let inner = elements.allSatisfy(\.isPlain) ? nil : indentation
            Self.write(elements, "[", "]", to: &text, inner: inner, spaced: indentation != nil) { element, text in
                element.write(to: &text, indentation: inner.map { $0 + 1 })
            }
        case .object(let members):
            Self.write(members, "{", "}", to: &text, inner: indentation, spaced: indentation != nil) { member, text in
                Self.appendQuoted(member.key, to: &text)
                text += indentation == nil ? ":" : ": "
                member.value.write(to: &text, indentation: indentation.map { $0 + 1 })
            }
        }
    }

    private static func write<Element>(
        _ elements: [Element], _ opening: String, _ closing: String, to text: inout String, inner: Int?, spaced: Bool,
        _ body: (Element, inout String) -> Void
    ) {
        text += opening
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            if let inner {
                text += "\n" + String(repeating: "  ", count: inner + 1)
            } else if spaced, index > 0 {
                text += " "
            }
            body(element, &text)
        }
        if let inner, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: inner) }
        text += closing
    }

    private var isPlain: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    private static func text(of value: Double) -> String {
        if value.isNaN { return "\"NaN\"" }
        if value.isInfinite { return value < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
        return value.description
    }

    private static func appendQuoted(_ string: String, to text: inout String) {
        let needsEscape = string.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
        guard needsEscape else {
            text += "\"" + string + "\""
            return
        }
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map { Member($0, $1) }) }
}
