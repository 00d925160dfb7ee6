import CNNTensors
import CNNTextTables

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where the tool prints: results to stdout, progress and diagnostics to stderr.
struct Console {
    let isQuiet: Bool
    let printsJSON: Bool
    let color: ColorChoice

    /// The columns of the terminal that stdout is; nil if it is none.
    var width: Int? {
        var size = winsize()
        guard isatty(STDOUT_FILENO) == 1, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return Int(size.ws_col)
    }

    /// Prints a result as text; nothing under `--quiet` or `--json`.
    /// - Throws: `FileError` if stdout does not take it: a result that nobody gets is none.
    func result(_ text: String) throws {
        if !isQuiet, !printsJSON { try Self.writeToStandardOutput(text) }
    }

    /// Prints the result as the one JSON object of a `--json` run. The schema's version stands first.
    /// - Throws: `FileError` if stdout does not take it.
    func result(json members: [JSON.Member]) throws {
        guard printsJSON else { return }
        try Self.writeToStandardOutput(JSON.object([JSON.Member("schema", .integer(1))] + members).text(indented: true))
    }

    /// Says what is going on; nothing under `--quiet`.
    func progress(_ text: String) {
        if !isQuiet { Self.writeToStandardError(text + "\n") }
    }

    /// Prints a warning in one line; nothing under `--quiet`.
    func warning(_ text: String) {
        if !isQuiet { Self.writeToStandardError(styled("warning:", .yellow, on: STDERR_FILENO) + " \(text)\n") }
    }

    /// Prints what went wrong.
    func error(_ diagnostic: Diagnostic) {
        // Names in a file are whatever its author wrote: nothing of them may steer the terminal.
        let printable = DisplayText.printable
        var text = styled("error:", .red, on: STDERR_FILENO) + " \(printable(diagnostic.cause))\n"
        for place in diagnostic.places { text += "  at \(printable(place))\n" }
        if let hint = diagnostic.hint { text += styled("hint:", .cyan, on: STDERR_FILENO) + " \(printable(hint))\n" }
        Self.writeToStandardError(text)
    }

    /// The text in colour where stdout shows it.
    func styled(_ text: String, _ style: Style) -> String {
        styled(text, style, on: STDOUT_FILENO)
    }

    /// Terminal styles, as the numbers of ECMA-48's "select graphic rendition".
    enum Style: Int {
        case bold = 1
        case red = 31
        case green = 32
        case yellow = 33
        case cyan = 36
    }

    private func styled(_ text: String, _ style: Style, on descriptor: Int32) -> String {
        let isColored =
            switch color {
            case .always: true
            case .never: false
            case .auto: isatty(descriptor) == 1 && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true
            }
        return isColored ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    private static func writeToStandardOutput(_ line: String) throws {
        var sink = StandardOutputSink()
        try sink.write(Array((line + "\n").utf8))
    }

    private static func writeToStandardError(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = write(STDERR_FILENO, rest.baseAddress, rest.count)
                if count <= 0 { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
