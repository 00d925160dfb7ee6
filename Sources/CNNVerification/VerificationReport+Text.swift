import CNNTensors
import CNNTextTables

extension VerificationReport {
    /// The report as text for a monospaced display: a table with a row for each output, the tolerances, what is missing, the
    /// verdict.
    /// - Parameter width: the most columns of a line of the table; nil for no limit.
    public func text(width: Int? = nil) -> String {
        var lines: [String] = []
        if !outputs.isEmpty {
            var table = TextTable([
                .text("Output"), .fixed("Type and shape"), .number("Max abs diff"), .fixed("at"), .number("Max rel diff"),
                .fixed("at"), .number("RMSE"), .number("Cosine"), .number("Mismatches"), .number("Top-1"), .number("Top-5"),
                .fixed("Verdict"),
            ])
            for output in outputs { table.append(Self.row(output)) }
            lines += table.lines(width: width)
        }
        for output in outputs { lines += Self.remarks(output) }
        lines += omissions.map { "incomplete: \(DisplayText.printable($0))" }
        if allowsPartial { lines += toleratedOmissions.map { "left out: \(DisplayText.printable($0))" } }
        lines.append(verdictText)
        return lines.joined(separator: "\n")
    }

    /// The verdict in one line.
    public var verdictText: String {
        let count = outputs.count == 1 ? "1 output" : "\(outputs.count) outputs"
        switch verdict {
        case .passed: return "verified: \(matchCount) of \(count) \(matchCount == 1 ? "agrees" : "agree") with the reference"
        case .mismatch:
            let names = outputs.filter { $0.comparison.verdict == .mismatch }.map { "'\(DisplayText.printable($0.name))'" }
            return
                "mismatch: \(names.joined(separator: ", ")) (\(matchCount) of \(count) \(matchCount == 1 ? "agrees" : "agree"))"
        case .incomplete: return "incomplete: \(matchCount) of \(count) \(matchCount == 1 ? "agrees" : "agree"), the rest above"
        }
    }

    private var toleratedOmissions: [String] {
        outputsWithoutReference.map { "output '\($0)' has no reference" }
            + unusedReferences.map { "the reference '\($0)' belongs to no output" }
    }

    private static func row(_ output: Output) -> [String] {
        let comparison = output.comparison
        let start = [output.name, "\(comparison.dataType)\(comparison.shape)"]
        guard let metrics = comparison.metrics else {
            return start + Array(repeating: "", count: 9) + ["not compared"]
        }
        let agreement = comparison.classAgreement
        return start + [
            metrics.maxAbsolute.map { NumberText.scientific($0.difference) } ?? "-",
            metrics.maxAbsolute.map { indexText($0.index) } ?? "",
            metrics.maxRelative.map { NumberText.scientific($0.difference) } ?? "-",
            metrics.maxRelative.map { indexText($0.index) } ?? "",
            metrics.rootMeanSquare.map(NumberText.scientific) ?? "-",
            metrics.cosineSimilarity.map { NumberText.fixed($0, digits: 7) } ?? "-",
            "\(NumberText.grouped(metrics.mismatchCount)) of \(NumberText.grouped(metrics.elementCount))",
            agreement.map { "\($0.top1Count)/\($0.itemCount)" } ?? "",
            agreement.flatMap { agreement in agreement.top5Count.map { "\($0)/\(agreement.itemCount)" } } ?? "",
            comparison.verdict == .match ? "agrees" : "DIFFERS",
        ]
    }

    private static func indexText(_ index: [Int]) -> String {
        index.isEmpty ? "" : "[" + index.map(String.init).joined(separator: ",") + "]"
    }

    /// The tolerance that the output was held to, and what is special about its numbers.
    private static func remarks(_ output: Output) -> [String] {
        let comparison = output.comparison
        guard let metrics = comparison.metrics else { return [] }
        let name = DisplayText.printable(output.name)
        var lines = ["\(name): \(toleranceText(comparison, metrics))"]
        if metrics.actualCensus.nonFiniteCount + metrics.referenceCensus.nonFiniteCount > 0 {
            lines.append("\(name): ours has \(text(metrics.actualCensus)); the reference \(text(metrics.referenceCensus))")
        }
        if let index = metrics.firstMismatchIndex, metrics.mismatchCount > 0 {
            let side = metrics.nonFiniteMismatchCount > 0 ? " (\(metrics.nonFiniteMismatchCount) NaN or infinite)" : ""
            lines.append("\(name): the first of \(metrics.mismatchCount) mismatches\(side) is at \(index)")
        }
        return lines
    }

    private static func toleranceText(_ comparison: TensorComparison, _ metrics: DifferenceMetrics) -> String {
        guard comparison.dataType.isComparedByTolerance else { return "compared exactly" }
        let limit =
            "tolerance |ours - reference| <= \(NumberText.scientific(comparison.absoluteTolerance)) + "
            + "\(NumberText.scientific(comparison.relativeTolerance))*|reference|"
        guard case .ofLargestMagnitude(let factor) = comparison.tolerance.absolute else { return limit }
        return limit
            + " (atol is \(NumberText.scientific(factor)) of the reference's largest magnitude, "
            + "\(NumberText.scientific(metrics.largestReference)))"
    }

    private static func text(_ census: DifferenceMetrics.Census) -> String {
        guard census.nonFiniteCount > 0 else { return "only finite numbers" }
        return "\(census.nanCount) NaN, \(census.positiveInfinityCount) +inf, \(census.negativeInfinityCount) -inf"
    }
}
