/// A value as Python writes it in source text: what the header of an `.npy` file is made of.
indirect enum PythonLiteral: Hashable {
    case none
    case boolean(Bool)
    case integer(Int)
    case string(String)
    case tuple([PythonLiteral])
    case list([PythonLiteral])
    case dictionary([Member])

    struct Member: Hashable {
        let key: PythonLiteral
        let value: PythonLiteral
    }

    /// What is wrong with a text, and how many characters lie before the place.
    struct SyntaxError: Error, Hashable {
        let offset: Int
        let reason: String
    }

    /// The value that the text is; white space may surround it.
    init(parsing text: String) throws(SyntaxError) {
        var parser = PythonLiteralParser(text)
        self = try parser.value(depth: 0)
        try parser.end()
    }
}

/// Reads Python literals by recursive descent: strings, whole numbers (with the `L` of Python 2), `True`, `False`, `None`,
/// tuples, lists and dictionaries. Nothing is ever evaluated.
private struct PythonLiteralParser {
    private let characters: [Unicode.Scalar]
    private var offset = 0

    /// No header nests deeper than a structured type within a structured type.
    private static let depthLimit = 16

    init(_ text: String) { characters = Array(text.unicodeScalars) }

    mutating func value(depth: Int) throws(PythonLiteral.SyntaxError) -> PythonLiteral {
        guard depth <= Self.depthLimit else { throw fault("values lie too deep in one another") }
        skipSpace()
        guard let character = peek() else { throw fault("a value is missing") }
        switch character {
        case "{": return try dictionary(depth: depth)
        case "[":
            offset += 1
            return .list(try elements(until: "]", depth: depth).values)
        case "(":
            offset += 1
            let (values, endsWithComma) = try elements(until: ")", depth: depth)
            // Without a comma the parentheses are only parentheses.
            if values.count == 1, !endsWithComma { return values[0] }
            return .tuple(values)
        case "'", "\"": return .string(try string(quote: character))
        case "-", "0"..."9": return .integer(try integer())
        default: return try word()
        }
    }

    mutating func end() throws(PythonLiteral.SyntaxError) {
        skipSpace()
        if peek() != nil { throw fault("more text follows") }
    }

    private mutating func dictionary(depth: Int) throws(PythonLiteral.SyntaxError) -> PythonLiteral {
        offset += 1
        var members: [PythonLiteral.Member] = []
        while true {
            if take("}") { return .dictionary(members) }
            let key = try value(depth: depth + 1)
            guard take(":") else { throw fault("':' is missing") }
            members.append(PythonLiteral.Member(key: key, value: try value(depth: depth + 1)))
            if !take(",") {
                guard take("}") else { throw fault("',' or '}' is missing") }
                return .dictionary(members)
            }
        }
    }

    private mutating func elements(
        until closing: Unicode.Scalar, depth: Int
    ) throws(PythonLiteral.SyntaxError) -> (values: [PythonLiteral], endsWithComma: Bool) {
        var values: [PythonLiteral] = []
        while !take(closing) {
            values.append(try value(depth: depth + 1))
            if !take(",") {
                guard take(closing) else { throw fault("',' or '\(closing)' is missing") }
                return (values, false)
            }
        }
        return (values, !values.isEmpty)
    }

    private mutating func integer() throws(PythonLiteral.SyntaxError) -> Int {
        let start = offset
        if peek() == "-" { offset += 1 }
        while let character = peek(), "0"..."9" ~= character { offset += 1 }
        guard let value = Int(String(String.UnicodeScalarView(characters[start..<offset]))) else {
            offset = start
            throw fault("this is no whole number of 64 bits")
        }
        if peek() == "L" { offset += 1 }
        return value
    }

    private mutating func string(quote: Unicode.Scalar) throws(PythonLiteral.SyntaxError) -> String {
        offset += 1
        var text = String.UnicodeScalarView()
        while let character = peek(), character != "\n" {
            offset += 1
            if character == quote { return String(text) }
            if character == "\\" {
                // Names of structured fields may hold escapes; such types are refused, so only the string's end matters.
                guard let escaped = peek() else { break }
                offset += 1
                text.append(escaped)
            } else {
                text.append(character)
            }
        }
        throw fault("a string does not end")
    }

    private mutating func word() throws(PythonLiteral.SyntaxError) -> PythonLiteral {
        let start = offset
        while let character = peek(), character.properties.isAlphabetic { offset += 1 }
        switch String(String.UnicodeScalarView(characters[start..<offset])) {
        case "True": return .boolean(true)
        case "False": return .boolean(false)
        case "None": return .none
        default:
            offset = start
            throw fault("no value of Python stands here")
        }
    }

    private func peek() -> Unicode.Scalar? { offset < characters.count ? characters[offset] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard peek() == character else { return false }
        offset += 1
        return true
    }

    private mutating func skipSpace() {
        while let character = peek(), character == " " || character == "\n" || character == "\t" || character == "\r" {
            offset += 1
        }
    }

    private func fault(_ reason: String) -> PythonLiteral.SyntaxError {
        PythonLiteral.SyntaxError(offset: offset, reason: reason)
    }
}
