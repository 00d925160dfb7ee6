import CNNTensors
import CNNTextTables

extension VerificationReport {
    /// The report as text for a monospaced display: a table with a row for each output (where the display is too narrow for
    /// it, a paragraph), the tolerance, what is special about the numbers, what is missing, the verdict.
    /// - Parameters:
    ///   - width: the most columns of a line of the table; nil for no limit.
    ///   - allLayers: whether a check of layers shows every layer; else only what fails.
    public func text(width: Int? = nil, allLayers: Bool = false) -> String {
        var lines: [String] = []
        if !outputs.isEmpty {
            let table = table.rendering(width: width)
            lines += table.width <= width ?? .max ? table.lines : outputs.flatMap(Self.paragraph)
        }
        lines += toleranceLines
        for output in outputs { lines += Self.remarks(output) }
        if let layers { lines.append(layers.text(all: allLayers, width: width)) }
        lines += omissions.map { "incomplete: \(DisplayText.printable($0))" }
        if allowsPartial { lines += toleratedOmissions.map { "left out: \(DisplayText.printable($0))" } }
        lines += hints
        lines.append(verdictText)
        return lines.joined(separator: "\n")
    }

    private var table: TextTable {
        var table = TextTable([
            .text("Output"), .fixed("Type and shape"), .number("Max abs diff"), .fixed("at"), .number("Max rel diff"),
            .fixed("at"), .number("RMSE"), .number("Cosine"), .number("Atol"), .number("Rounding"), .number("Mismatches"),
            .number("Top-1"),
            .number("Top-5"), .fixed("Verdict"),
        ])
        for output in outputs { table.append(Self.cells(output)) }
        return table
    }

    /// The verdict in one line.
    public var verdictText: String {
        switch verdict {
        case .passed:
            let outputs = outputs.count == 1 ? "the output agrees" : "all \(outputs.count) outputs agree"
            return "verified: \(outputs) with the reference"
        case .mismatch:
            let names = outputs.filter { $0.comparison.verdict == .mismatch }.map { "'\(DisplayText.printable($0.name))'" }
            if names.isEmpty, let layer = layers?.firstFailure {
                return "mismatch: value '\(DisplayText.printable(layer.value))' between nodes, though the outputs agree"
            }
            return "mismatch: \(names.joined(separator: ", ")) (\(matchCount) of \(outputs.count) outputs agree)"
        case .incomplete:
            return "incomplete: not everything could be compared (\(matchCount) of "
                + "\(outputs.count + outputsWithoutReference.count) outputs agree)"
        }
    }

    /// What the user may have meant where one output and one reference are left alone, and what decides the undecided.
    private var hints: [String] {
        if outputs.contains(where: { $0.undecidedReason != nil }) {
            return ["hint: '--tolerance fixed' holds all elements to a number"]
        }
        guard !allowsPartial, outputsWithoutReference.count == 1, unusedReferences.count == 1 else { return [] }
        return [
            "hint: if they belong together, give the file as '\(DisplayText.printable(outputsWithoutReference[0]))=FILE'"
        ]
    }

    private var toleratedOmissions: [String] {
        outputsWithoutReference.map { "output '\($0)' has no reference" }
            + unusedReferences.map { "the reference '\($0)' belongs to no output" }
    }

    private static func cells(_ output: Output) -> [String] {
        let comparison = output.comparison
        let start = [output.name, "\(comparison.dataType)\(comparison.shape)"]
        guard let metrics = comparison.metrics else {
            return start + Array(repeating: "", count: 11) + ["not compared"]
        }
        let agreement = comparison.classAgreement
        return start + [
            metrics.maxAbsolute.map { NumberText.scientific($0.difference) } ?? "-",
            metrics.maxAbsolute.map(placeText) ?? "",
            metrics.maxRelative.map { NumberText.scientific($0.difference) } ?? "-",
            metrics.maxRelative.map(placeText) ?? "",
            metrics.rootMeanSquare.map(NumberText.scientific) ?? "-",
            metrics.cosineSimilarity.map { NumberText.fixed($0, digits: 7) } ?? "-",
            !comparison.dataType.isComparedByTolerance
                ? "exact" : comparison.tolerance == nil ? "" : NumberText.scientific(comparison.absoluteTolerance),
            output.rounding.map { Self.deviationText($0.difference) } ?? "",
            "\(NumberText.grouped(metrics.mismatchCount)) of \(NumberText.grouped(metrics.elementCount))",
            agreement.map { "\($0.top1Count)/\($0.itemCount)" } ?? "",
            agreement.flatMap { agreement in agreement.top5Count.map { "\($0)/\(agreement.itemCount)" } } ?? "",
            output.agrees ? "agrees" : output.undecidedReason == nil ? "DIFFERS" : "undecided",
        ]
    }

    /// The largest difference in standard deviations.
    private static func deviationText(_ judgement: RoundingJudgement) -> String {
        guard judgement.basis == .deviation else { return "" }
        let largest = judgement.largest
        return (largest < 1e4 ? NumberText.fixed(largest, digits: 1) : NumberText.scientific(largest)) + " σ"
    }

    /// The same facts as in a row of the table, a few on a line.
    private static func paragraph(_ output: Output) -> [String] {
        let cells = cells(output).map(DisplayText.printable)
        var lines = ["\(cells[0])  \(cells[1])  \(cells[13])"]
        guard output.comparison.metrics != nil else { return lines }
        func place(_ cell: String) -> String { cell.isEmpty ? "" : " at \(cell)" }
        lines.append("  max abs diff \(cells[2])\(place(cells[3]))  max rel diff \(cells[4])\(place(cells[5]))")
        lines.append(
            "  RMSE \(cells[6])  cosine \(cells[7])"
                + (cells[8].isEmpty ? "" : "  atol \(cells[8])") + (cells[9].isEmpty ? "" : "  rounding \(cells[9])")
                + "  mismatches \(cells[10])")
        if !cells[11].isEmpty {
            lines.append("  top-1 \(cells[11])" + (cells[12].isEmpty ? "" : "  top-5 \(cells[12])"))
        }
        return lines
    }

    /// Where the largest difference is; empty if there is no difference at all.
    private static func placeText(_ extreme: DifferenceMetrics.Extreme) -> String {
        extreme.difference > 0 ? indexText(extreme.index) : ""
    }

    private static func indexText(_ index: [Int]) -> String {
        index.isEmpty ? "" : "[" + index.map(String.init).joined(separator: ",") + "]"
    }

    /// The rule by which numbers were compared; one line, unless outputs were held to different ones.
    private var toleranceLines: [String] {
        var lines: [String] = []
        for output in outputs where output.comparison.metrics != nil && output.comparison.dataType.isComparedByTolerance {
            guard let tolerance = output.comparison.tolerance else { continue }
            var line = "tolerance: |ours - reference| <= atol + \(NumberText.scientific(tolerance.relative))*|reference|"
            switch tolerance.absolute {
            case .fixed(let value): line += ", atol = \(NumberText.scientific(value))"
            case .ofLargestMagnitude(let factor):
                line += ", atol = \(NumberText.scientific(factor)) of the reference's largest magnitude"
            }
            if !lines.contains(line) { lines.append(line) }
        }
        let thresholds = outputs.compactMap { $0.rounding?.difference }.filter { $0.basis == .deviation }.map(\.threshold)
        if let least = thresholds.min(), let greatest = thresholds.max() {
            let range =
                NumberText.fixed(least, digits: 1)
                + (greatest > least ? " to \(NumberText.fixed(greatest, digits: 1))" : "")
            lines.append(
                "tolerance: rounding; σ is the deviation that rounding the model's arithmetic is expected to cause, by element; "
                    + "\(range) σ are allowed")
        }
        return lines
    }

    /// What is special about an output's numbers.
    private static func remarks(_ output: Output) -> [String] {
        guard let metrics = output.comparison.metrics else { return [] }
        let name = DisplayText.printable(output.name)
        var lines: [String] = []
        if metrics.actualCensus.nonFiniteCount + metrics.referenceCensus.nonFiniteCount > 0 {
            lines.append("\(name): ours has \(text(metrics.actualCensus)); the reference \(text(metrics.referenceCensus))")
        }
        if let index = metrics.firstMismatchIndex, metrics.elementCount > 1 {
            let side = metrics.nonFiniteMismatchCount > 0 ? " (\(metrics.nonFiniteMismatchCount) NaN or infinite)" : ""
            lines.append("\(name): the first of \(metrics.mismatchCount) mismatches\(side) is at \(indexText(index))")
        }
        if let flips = output.rounding?.classFlips?.summary { lines.append("\(name): \(flips)") }
        if metrics.mismatchCount > 0 {
            if let place = metrics.map?.summary { lines.append("\(name): all mismatches lie in \(place)") }
            if let rounding = output.rounding { lines.append("\(name): \(rounding.culpritText)") }
            let measures = measures(metrics, output.comparison.classAgreement)
            if !measures.isEmpty { lines.append("\(name): \(measures.joined(separator: ", "))") }
        }
        return lines
    }

    /// The measures that have no column of their own.
    private static func measures(_ metrics: DifferenceMetrics, _ agreement: ClassAgreement?) -> [String] {
        var parts: [String] = []
        if let value = metrics.normalizedRootMeanSquare { parts.append("normalised RMSE \(NumberText.scientific(value))") }
        if let value = metrics.peakSignalToNoiseRatio, value.isFinite {
            parts.append("PSNR \(NumberText.fixed(value, digits: 1)) dB")
        }
        if let ulp = metrics.unitsInLastPlace {
            parts.append("ULP distance median \(ulp.median), 99 % \(ulp.percentile99), max \(ulp.maximum)")
        }
        if let rank = agreement?.firstDisagreementRank { parts.append("class order first differs at rank \(rank)") }
        return parts
    }

    private static func text(_ census: DifferenceMetrics.Census) -> String {
        guard census.nonFiniteCount > 0 else { return "only finite numbers" }
        return "\(census.nanCount) NaN, \(census.positiveInfinityCount) +inf, \(census.negativeInfinityCount) -inf"
    }
}
