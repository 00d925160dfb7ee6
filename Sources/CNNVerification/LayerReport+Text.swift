import CNNTextTables

extension LayerReport {
    /// The check as text for a monospaced display: what it came to, a table of layers, and of the first that fails the
    /// explanation.
    /// - Parameters:
    ///   - all: whether every layer has a row; else only those that fail, and their neighbours.
    ///   - width: the most columns of a line of the table; nil for no limit.
    public func text(all: Bool = false, width: Int? = nil) -> String {
        let checked = layers.count { $0.reference?.agrees == true }
        var lines: [String] = []
        let shown = all ? Array(layers.indices) : indicesWorthShowing
        if !shown.isEmpty {
            var table = TextTable([
                .fixed("#"), .text("Node"), .fixed("Operator"), .fixed("Shape"), .number("Isolated"), .number("Cumulative"),
                .number("Reference off").droppable(1), .number("Ours off").droppable(1), .number("Of allowed"), .fixed("Wrong"),
            ])
            for index in shown { table.append(Self.cells(layers[index])) }
            lines += table.lines(width: width)
            lines.append(
                "errors relative in the Euclidean norm: isolated on the reference's inputs, cumulative from the model's inputs; "
                    + "reference and ours off: from the Double evaluation of the node")
        }
        if let firstFailure {
            lines += explanation(of: firstFailure)
        } else {
            let slack =
                medianBoundOverError.map { "; the bound is \(NumberText.fixed($0, digits: 1)) times the error in the median" }
                ?? ""
            lines.append("layers: \(checked) values checked, each a rounded evaluation of its node\(slack)")
        }
        if !missing.isEmpty {
            let names = missing.prefix(3).map { "'\(DisplayText.printable($0))'" }.joined(separator: ", ")
            lines.append("layers: \(missing.count) values are not in the reference: \(names)\(missing.count > 3 ? ", …" : "")")
        }
        return lines.joined(separator: "\n")
    }

    /// Failing layers and the one before each; at most a screenful.
    private var indicesWorthShowing: [Int] {
        let failing = layers.indices.filter { layers[$0].culprit != nil }
        return Set(failing.prefix(8).flatMap { [$0 - 1, $0] }).filter(layers.indices.contains).sorted()
    }

    private static func cells(_ layer: LayerJudgement) -> [String] {
        func relative(_ error: LayerError?) -> String { error.map { NumberText.scientific($0.relative) } ?? "-" }
        let wrong = layer.culprit?.rawValue.uppercased() ?? (layer.reference?.agrees == true ? "" : "not checked")
        return [
            "\(layer.nodeIndex)", layer.nodeName.isEmpty ? layer.value : layer.nodeName, layer.operatorType,
            "\(layer.shape)", relative(layer.isolated), relative(layer.cumulative), relative(layer.referenceDistance),
            relative(layer.ourDistance),
            layer.reference.map { $0.threshold > 0 ? NumberText.scientific($0.largest / $0.threshold) : "exact" } ?? "-", wrong,
        ]
    }

    /// The first failing layer, computed out loud; nothing for none.
    func explanation(of layer: LayerJudgement?) -> [String] {
        guard let layer else { return [] }
        func printable(_ text: String) -> String { DisplayText.printable(text) }
        var lines = [
            "first bad node: \(printable("\(layer.place)")), value '\(printable(layer.value))': the reference's value is no rounded "
                + "evaluation of this node on the reference's own inputs"
        ]
        if let judgement = layer.reference { lines.append("  \(judgement)") }
        guard let explanation else { return lines }
        lines.append("  \(printable(explanation.formula))")
        for input in explanation.inputs {
            let range = input.range.map { " from \(Self.number($0.lowerBound)) to \(Self.number($0.upperBound))" } ?? ""
            let nonFinite = input.nonFiniteCount > 0 ? ", \(input.nonFiniteCount) NaN or infinite" : ""
            lines.append("  input \(printable(input.name)): \(input.dataType)\(input.shape)\(range)\(nonFinite)")
        }
        let place = explanation.element.isEmpty ? "" : "[" + explanation.element.map(String.init).joined(separator: ",") + "]"
        let ours = explanation.ourValue.map { ", ours \(Self.number($0))" } ?? ""
        lines.append(
            "  worst at \(place): reference \(Self.number(explanation.referenceValue)), Double evaluation "
                + "\(Self.number(explanation.exactValue))\(ours), allowed ±\(NumberText.scientific(explanation.allowed))")
        for term in explanation.largestTerms {
            lines.append(
                "    \(printable(term.text)) = \(term.factors.map(Self.number).joined(separator: " · ")) = \(Self.number(term.value))"
            )
        }
        if explanation.termCount > explanation.largestTerms.count {
            lines.append(
                "    … and \(explanation.termCount - explanation.largestTerms.count) more terms that come to "
                    + "\(Self.number(explanation.restOfTerms)); all magnitudes \(Self.number(explanation.sumOfMagnitudes))")
        }
        return lines
    }

    /// The shortest digits that give the float32 back: enough to compute with.
    private static func number(_ value: Double) -> String { Float(value).description }
}

extension LayerJudgement {
    /// Which side's value is no evaluation of the node; nil if neither is, or nothing was checked.
    ///
    /// Winograd's convolution is no sum of the products in some order, so the bound does not hold for it (Barabasz, Anderson,
    /// Soodhalter and Gregg, "Error analysis and improving the accuracy of Winograd convolution for deep neural networks",
    /// 2020). Ours was measured at a norm-wise error of 32 u on the 3×3 convolutions of ResNet-50, u = 2⁻²⁴; up to 128 u a
    /// convolution of ours is not called wrong.
    package var culprit: OutputRounding.Culprit? {
        let isFastConvolution = operatorType == "Conv" && ourDistance.map { $0.relative <= 128 * 0x1p-24 } ?? false
        let oursIsWrong = ours?.differs == true && !isFastConvolution
        switch (reference?.differs == true, oursIsWrong) {
        case (true, true): return .both
        case (true, false): return .reference
        case (false, true): return .ours
        case (false, false): return nil
        }
    }
}
