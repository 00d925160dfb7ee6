/// Rows of text in aligned columns, for a monospaced display.
package struct TextTable: Sendable {
    /// A column: its title and how its cells stand.
    package struct Column: Sendable {
        let title: String
        let isRightAligned: Bool
        /// How narrow the column may be made to keep to a display's width; nil if it may not.
        let minimumWidth: Int?
        /// When the column is left out to keep to a display's width, the lowest first; nil if it never is.
        var dropOrder: Int?

        /// Text, aligned at its beginning, which may be shortened in the middle.
        package static func text(_ title: String, minimumWidth: Int = 8) -> Column {
            Column(title: title, isRightAligned: false, minimumWidth: minimumWidth)
        }

        /// Text that is shown whole.
        package static func fixed(_ title: String) -> Column {
            Column(title: title, isRightAligned: false, minimumWidth: nil)
        }

        /// Numbers, aligned at their end and shown whole.
        package static func number(_ title: String) -> Column {
            Column(title: title, isRightAligned: true, minimumWidth: nil)
        }

        /// The column, to be left out where the display is too narrow, after those of a lower order.
        package func droppable(_ order: Int) -> Column {
            var column = self
            column.dropOrder = order
            return column
        }
    }

    /// The table as lines, and the titles of the columns that the display has no room for.
    package struct Rendering: Sendable {
        package let lines: [String]
        package let omittedTitles: [String]
        /// The columns that the longest line takes.
        package let width: Int
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    package init(_ columns: [Column]) { self.columns = columns }

    /// Appends a row; cells that are missing at the end are empty.
    package mutating func append(_ cells: [String]) {
        precondition(cells.count <= columns.count, "a row has no more cells than the table has columns")
        rows.append(cells.map(DisplayText.printable) + Array(repeating: "", count: columns.count - cells.count))
    }

    /// The table: titles, a rule, the rows. Columns without any content are left out.
    /// - Parameter width: the most columns of a line, kept to, as far as it goes, by leaving out the columns that may be and
    ///   then shortening those that may be; nil for no limit.
    package func rendering(width: Int? = nil) -> Rendering {
        let filled = columns.indices.filter { column in rows.contains { !$0[column].isEmpty } }
        let natural = columns.indices.map { column in
            max(DisplayText.width(columns[column].title), rows.map { DisplayText.width($0[column]) }.max() ?? 0)
        }
        var shown = filled
        if let width {
            // The least that the lines take: shortening what may be shortened comes before leaving anything out.
            func leastWidth() -> Int {
                shown.reduce(Self.gap.count * max(shown.count - 1, 0)) {
                    $0 + min(natural[$1], columns[$1].minimumWidth ?? .max)
                }
            }
            let order = filled.filter { columns[$0].dropOrder != nil }
                .sorted { (columns[$0].dropOrder ?? 0) < (columns[$1].dropOrder ?? 0) }
            for column in order where leastWidth() > width { shown.removeAll { $0 == column } }
        }
        var widths = shown.map { natural[$0] }
        if let width { shrink(&widths, of: shown, to: width) }
        let header = line(columns.map(\.title), shown, widths)
        let body = rows.map { line($0, shown, widths) }
        let longest = ([header] + body).map(DisplayText.width).max() ?? 0
        return Rendering(
            lines: [header, String(repeating: "─", count: longest)] + body,
            omittedTitles: filled.filter { !shown.contains($0) }.map { columns[$0].title }, width: longest)
    }

    /// The lines of `rendering(width:)`.
    package func lines(width: Int? = nil) -> [String] { rendering(width: width).lines }

    private static let gap = "  "

    /// Takes columns from the widest that may shrink, until the lines fit or none may.
    private func shrink(_ widths: inout [Int], of shown: [Int], to width: Int) {
        var excess = widths.reduce(0, +) + Self.gap.count * max(widths.count - 1, 0) - width
        while excess > 0 {
            let candidates = widths.indices.filter { index in
                columns[shown[index]].minimumWidth.map { widths[index] > $0 } ?? false
            }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
            excess -= 1
        }
    }

    private func line(_ cells: [String], _ shown: [Int], _ widths: [Int]) -> String {
        var text = ""
        for (width, column) in zip(widths, shown) {
            if !text.isEmpty || column != shown.first { text += Self.gap }
            let cell = columns[column].minimumWidth == nil ? cells[column] : DisplayText.shortened(cells[column], to: width)
            text += DisplayText.padded(cell, to: width, right: columns[column].isRightAligned)
        }
        while text.last == " " { text.removeLast() }
        return text
    }
}
