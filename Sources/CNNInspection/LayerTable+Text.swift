import CNNModels
import CNNTensors
import CNNTextTables

extension LayerTable {
    /// The table as text, for a monospaced display.
    /// - Parameters:
    ///   - title: what the model is called.
    ///   - width: the most columns of a line of the table; names are shortened in their middle and columns left out to keep
    ///     to it. Nil for no limit.
    public func text(title: String, width: Int? = nil) -> String {
        var table = TextTable([
            .text("Layer", minimumWidth: 12), .fixed("Operator"), .fixed("Output shape"),
            .fixed("Window").droppable(3), .number("Parameters"), .number("Multiply-adds"),
            .number("Activation").droppable(2), .fixed("Receptive field").droppable(1),
        ])
        for layer in layers {
            table.append([
                layer.name, layer.operatorType, layer.outputShape.description, layer.window,
                layer.parameters == 0 && !layer.sharesParameters
                    ? "" : NumberText.grouped(layer.parameters) + (layer.sharesParameters ? " shared" : ""),
                perSample(layer.multiplyAdds).map { $0 == Dimension(0) ? "" : Self.text($0) } ?? "?",
                perSample(layer.activationBytes).map(Self.byteText) ?? "?", layer.receptiveField ?? "",
            ])
        }
        let rendering = table.rendering(width: width)
        var lines = [DisplayText.printable(title)] + rendering.lines
        if rendering.lines.count > 1 { lines.append(rendering.lines[1]) }
        if !rendering.omittedTitles.isEmpty {
            lines.append("not shown in \(rendering.width) columns: \(rendering.omittedTitles.joined(separator: ", "))")
        }
        return (lines + totals.map(DisplayText.printable)).joined(separator: "\n")
    }

    /// The expression with every symbolic batch taken as 1, as the totals have it.
    private func perSample(_ dimension: Dimension?) -> Dimension? {
        let single = Dictionary(uniqueKeysWithValues: batchSymbols.map { ($0, Dimension(1)) })
        return dimension.flatMap { try? $0.substituting(single) }
    }

    private var totals: [String] {
        var lines = inputs.map { "input   \($0.name): \($0.type)" }
        lines += outputs.map { "output  \($0.name): \($0.type)" }
        let statisticsText =
            statistics > 0 ? ", and \(NumberText.grouped(statistics)) running statistics of BatchNormalization" : ""
        lines.append("parameters     \(NumberText.grouped(parameters)) (shared weights counted once)\(statisticsText)")
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

    private static func text(_ dimension: Dimension) -> String {
        dimension.value.map(NumberText.grouped) ?? dimension.description
    }

    /// A number of bytes in units of 1,024, or the expression it is.
    private static func byteText(_ bytes: Dimension) -> String {
        bytes.value.map(NumberText.bytes) ?? "\(bytes) B"
    }
}
