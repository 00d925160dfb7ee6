import CNNTextTables

/// Text inside HTML and XML. Names in a model are whatever its author wrote: none of them may become markup, or a character
/// that a reader obeys or that XML 1.0 forbids.
enum MarkupText {
    /// The text as it may stand between tags and inside quoted attributes.
    static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if !result.isEmpty || line.startIndex != text.startIndex { result += "\n" }
            for scalar in DisplayText.printable(String(line)).unicodeScalars {
                switch scalar {
                case "&": result += "&amp;"
                case "<": result += "&lt;"
                case ">": result += "&gt;"
                case "\"": result += "&quot;"
                case "'": result += "&#39;"
                // Noncharacters, which XML 1.0 leaves out.
                case "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
                default: result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }
}
