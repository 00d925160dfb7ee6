/// How text comes out in a terminal: how many columns it takes, and what must not reach it as it is.
package enum DisplayText {
    /// How many columns of a monospaced display the text takes: none for combining marks and invisible characters, two for
    /// the wide characters of East Asia and for emoji (Unicode Standard Annex 11), one for others.
    package static func width(_ text: String) -> Int {
        if text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return text.utf8.count }
        return text.reduce(0) { $0 + width($1) }
    }

    private static func width(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        if scalar.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}") { return 2 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .control, .format: return 0
        default: return wideRanges.contains { $0 ~= scalar.value } ? 2 : 1
        }
    }

    /// The blocks whose characters are wide or full-width (East_Asian_Width W and F), joined where nothing else lies between.
    private static let wideRanges: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
        0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18CFF, 0x1B000...0x1B2FF, 0x20000...0x3FFFD,
    ]

    /// The text with every character that a terminal obeys instead of showing (escape sequences, line breaks, changes of
    /// the writing direction) replaced by `�`: names in a model file are whatever its author wrote.
    package static func printable(_ text: String) -> String {
        if text.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(isObeyed(scalar) ? "\u{FFFD}" : scalar) }
        return String(result)
    }

    private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        // The zero-width joiners shape letters and emoji; other format characters only deceive the eye.
        case .format: scalar != "\u{200C}" && scalar != "\u{200D}"
        default: false
        }
    }

    /// The text with its middle replaced by `…` where it takes more than `width` columns. Start and end of a name tell most.
    package static func shortened(_ text: String, to width: Int) -> String {
        guard Self.width(text) > width else { return text }
        guard width > 1 else { return width == 1 ? "…" : "" }
        let characters = Array(text)
        var (head, tail) = (0, 0)
        var used = 1
        // Characters are taken from both ends in turn as long as they fit.
        while head + tail < characters.count {
            let takesHead = head <= tail
            let next = takesHead ? characters[head] : characters[characters.count - 1 - tail]
            guard used + Self.width(next) <= width else { break }
            used += Self.width(next)
            if takesHead { head += 1 } else { tail += 1 }
        }
        return String(characters[..<head]) + "…" + String(characters[(characters.count - tail)...])
    }

    /// The text with spaces up to `width` columns.
    package static func padded(_ text: String, to width: Int, right: Bool) -> String {
        let padding = String(repeating: " ", count: max(width - Self.width(text), 0))
        return right ? padding + text : text + padding
    }
}
