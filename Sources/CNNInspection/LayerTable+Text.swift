import CNNModels
import CNNTensors

extension LayerTable {
    /// The table as text, for a monospaced display.
    /// - Parameters:
    ///   - title: what the model is called.
    ///   - width: the most columns of a line; names are shortened in their middle to keep to it. Nil for no limit.
    public func text(title: String, width: Int? = nil) -> String {
        var rows = layers.map { layer in
            [
                layer.name, layer.operatorType, layer.outputShape.description, layer.window,
                layer.parameters == 0 && !layer.sharesParameters
                    ? "" : Self.grouped(layer.parameters) + (layer.sharesParameters ? " shared" : ""),
                perSample(layer.multiplyAdds).map { $0 == Dimension(0) ? "" : Self.text($0) } ?? "?",
                perSample(layer.activationBytes).map(Self.byteText) ?? "?", layer.receptiveField ?? "",
            ]
        }
        rows.insert(
            ["Layer", "Operator", "Output shape", "Window", "Parameters", "Multiply-adds", "Activation", "Receptive field"],
            at: 0)
        let lines = Self.aligned(rows, rightAligned: [4, 5, 6], shortening: 0, width: width)
        let rule = String(repeating: "─", count: lines.map(\.count).max() ?? 0)
        return ([title, lines[0], rule] + lines.dropFirst() + [rule] + totals).joined(separator: "\n")
    }

    /// The expression with every symbolic batch taken as 1, as the totals have it.
    private func perSample(_ dimension: Dimension?) -> Dimension? {
        let single = Dictionary(uniqueKeysWithValues: batchSymbols.map { ($0, Dimension(1)) })
        return dimension.flatMap { try? $0.substituting(single) }
    }

    private var totals: [String] {
        var lines = inputs.map { "input   \($0.name): \($0.type)" }
        lines += outputs.map { "output  \($0.name): \($0.type)" }
        let statisticsText = statistics > 0 ? ", and \(Self.grouped(statistics)) running statistics of BatchNormalization" : ""
        lines.append("parameters     \(Self.grouped(parameters)) (shared weights counted once)\(statisticsText)")
        lines.append("weights        \(Self.byteText(Dimension(weightBytes)))")
        let sample = batchSymbols.isEmpty ? "" : ", for \(batchSymbols.map { "\($0) = 1" }.joined(separator: ", "))"
        lines.append(
            "multiply-adds  \(multiplyAdds.map(Self.text) ?? "?") (one multiplication with its addition; bias, activations "
                + "and pooling not counted\(sample))")
        lines.append(
            "peak memory    \(peakActivationBytes.map { Self.byteText(Dimension($0)) } ?? "?") of live activations, nodes in "
                + "file order\(sample)")
        lines += warnings.map { "warning: \($0)" }
        return lines
    }

    /// The rows with their columns padded to equal width.
    private static func aligned(
        _ rows: [[String]], rightAligned: Set<Int>, shortening column: Int, width: Int?
    ) -> [String] {
        let columnCount = rows.map(\.count).max() ?? 0
        var widths = (0..<columnCount).map { index in rows.map { $0[index].count }.max() ?? 0 }
        let total = widths.reduce(0, +) + 2 * (columnCount - 1)
        if let width, total > width { widths[column] = max(widths[column] - (total - width), 8) }
        return rows.map { row in
            let cells = row.enumerated().map { index, cell in
                let text = shortened(cell, to: widths[index])
                let padding = String(repeating: " ", count: widths[index] - text.count)
                return rightAligned.contains(index) ? padding + text : text + padding
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// The text with its middle replaced by `…` if it is longer than `width`.
    private static func shortened(_ text: String, to width: Int) -> String {
        guard text.count > width else { return text }
        let kept = width - 1
        return text.prefix(kept / 2) + "…" + text.suffix(kept - kept / 2)
    }

    private static func text(_ dimension: Dimension) -> String {
        dimension.value.map(grouped) ?? dimension.description
    }

    /// The number with its digits in groups of three.
    private static func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// A number of bytes in units of 1,024, or the expression it is.
    private static func byteText(_ bytes: Dimension) -> String {
        guard let number = bytes.value else { return "\(bytes) B" }
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var (value, unit) = (Double(number), 0)
        while value >= 1024, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
        let tenths = Int((value * 10).rounded())
        return unit == 0 ? "\(number) B" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
