import CNNTextTables

/// Small pictures of numbers, as SVG that takes its colours from the page.
enum ReportPictures {
    /// The differences over rows and columns of a feature map, and over channels and items: the darker, the larger.
    static func picture(_ map: DifferenceMap) -> HTML {
        var parts: [HTML] = []
        if map.positions.count > 1 {
            parts.append(
                figure(
                    map.positions, columns: map.columnAxis.cellCount,
                    "positions: \(map.rowAxis.size) rows × \(map.columnAxis.size) columns"))
        }
        if map.channels.count > 1 { parts.append(figure(map.channels, columns: 16, "channels: \(map.channelAxis.size)")) }
        if map.items.count > 1 { parts.append(figure(map.items, columns: 16, "batch items: \(map.itemAxis.size)")) }
        return "<div class=\"maps\">\(parts.joined())</div>"
    }

    private static func figure(_ cells: [DifferenceMap.Cell], columns: Int, _ caption: String) -> HTML {
        let columns = max(min(columns, cells.count), 1)
        let rows = (cells.count + columns - 1) / columns
        let largest = cells.map(\.largestDifference).max() ?? 0
        let side = 10.0
        let squares = cells.enumerated().map { index, cell -> HTML in
            let share = largest > 0 ? cell.largestDifference / largest : cell.mismatchCount > 0 ? 1 : 0
            // Five steps of a square root: small differences beside a large one stay visible.
            let step = cell.mismatchCount == 0 && share == 0 ? 0 : min(1 + Int((share.squareRoot() * 5).rounded(.down)), 5)
            let title = "\(cell.mismatchCount) mismatches, at most \(NumberText.scientific(cell.largestDifference))"
            return """
                <rect class="d\(step)" x="\(Double(index % columns) * side)" y="\(Double(index / columns) * side)" \
                width="\(side)" height="\(side)"><title>\(title)</title></rect>
                """
        }
        let (width, height) = (Double(columns) * side, Double(rows) * side)
        return """
            <figure><svg class="map" role="img" aria-label="\(caption)" viewBox="0 0 \(width) \(height)" \
            style="width:\(min(width * 1.6, 320))px">\(squares.joined())</svg><figcaption>\(caption); darkest \
            \(NumberText.scientific(largest))</figcaption></figure>
            """
    }

    /// How many elements differ by how many standard deviations.
    static func picture(_ histogram: DeviationHistogram, threshold: Double) -> HTML {
        guard let first = histogram.counts.firstIndex(where: { $0 > 0 }),
            let last = histogram.counts.lastIndex(where: { $0 > 0 })
        else { return "" }
        let thresholdBin =
            Double(max(threshold, 1e-9).exponent) - Double(histogram.lowestExponent) + 1
            + (max(threshold, 1e-9).significand - 1)
        let end = max(last, min(Int(thresholdBin) + 1, histogram.counts.count - 1))
        let largest = histogram.counts.max() ?? 1
        let (barWidth, height) = (24.0, 110.0)
        var bars: HTML = ""
        for bin in first...end {
            let count = histogram.counts[bin]
            // Heights by the number of digits: one element of a million must be seen.
            let share = count == 0 ? 0 : (1 + logarithm(count)) / (1 + logarithm(largest))
            let x = Double(bin - first) * barWidth
            let isOutside = Double(bin) >= thresholdBin
            let label = bin == 0 ? "0" : power(histogram.lowestExponent + bin - 1)
            bars += """
                <rect class="\(isOutside ? "bar outside" : "bar")" x="\(x + 1)" y="\(14 + height * (1 - share))" \
                width="\(barWidth - 2)" height="\(height * share)"><title>\(NumberText.grouped(count)) elements from \(label) σ\
                </title></rect>
                """
            // Every second label: more would run into each other.
            if bin % 2 == 0 { bars += "<text x=\"\(x)\" y=\"\(height + 27)\" class=\"tick\">\(label)</text>" }
        }
        let line = (thresholdBin - Double(first)) * barWidth
        let width = Double(end - first + 1) * barWidth + 40
        return """
            <figure><svg class="histogram" role="img" aria-label="Histogram of differences in standard deviations" \
            viewBox="-4 0 \(width) \(height + 34)" style="max-width:\(width)px">\(bars)\
            <line class="limit" x1="\(line)" x2="\(line)" y1="8" y2="\(height + 14)"/>\
            <text class="tick" x="\(line + 3)" y="10">allowed</text></svg>\
            <figcaption>elements by their difference in standard deviations of the expected rounding error (heights by \
            logarithm; the most are \(NumberText.grouped(largest)))</figcaption></figure>
            """
    }

    /// The logarithm to base 2, by the exponent and a straight line between: enough for the height of a bar.
    private static func logarithm(_ count: Int) -> Double {
        let value = Double(max(count, 1))
        return Double(value.exponent) + value.significand - 1
    }

    /// 2^exponent as people write it.
    private static func power(_ exponent: Int) -> String {
        exponent < 0 ? "1/\(1 << min(-exponent, 20))" : exponent < 10 ? "\(1 << exponent)" : "2^\(exponent)"
    }
}
