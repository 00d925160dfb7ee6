import CNNTensors

/// Where two arrays differ: by batch item, by channel, and by position within a feature map, each in at most a few dozen cells.
///
/// The axes are read as ONNX's layout `[N, C, positions…]`: axis 0 counts items, axis 1 channels, the last axis columns and
/// the axes between them rows. A vector has columns only.
public struct DifferenceMap: Sendable, Hashable {
    /// What the elements of one cell came to.
    public struct Cell: Sendable, Hashable {
        /// How many elements differ by more than the tolerance.
        public internal(set) var mismatchCount = 0
        /// The largest |actual − reference| of elements that are finite on both sides.
        public internal(set) var largestDifference = 0.0

        package init(mismatchCount: Int = 0, largestDifference: Double = 0) {
            self.mismatchCount = mismatchCount
            self.largestDifference = largestDifference
        }
    }

    /// An axis cut into cells of equal length; the last may be shorter.
    public struct Axis: Sendable, Hashable {
        /// The length of the axis.
        public let size: Int
        /// How many neighbours share a cell.
        public let cellSize: Int
        public var cellCount: Int { cellSize == 0 ? 0 : (size + cellSize - 1) / cellSize }

        init(size: Int, limit: Int) {
            self.size = size
            cellSize = max((size + limit - 1) / limit, 1)
        }
    }

    public let itemAxis: Axis
    public let channelAxis: Axis
    public let rowAxis: Axis
    public let columnAxis: Axis
    /// A cell for each group of items.
    public private(set) var items: [Cell]
    /// A cell for each group of channels.
    public private(set) var channels: [Cell]
    /// The cells over rows and columns, row by row, over all items and channels.
    public private(set) var positions: [Cell]

    /// The most cells along items and channels, and along rows and columns.
    private static let (lineLimit, gridLimit) = (64, 32)

    init(shape: Shape) {
        let dimensions = shape.dimensions
        itemAxis = Axis(size: dimensions.count > 1 ? dimensions[0] : 1, limit: Self.lineLimit)
        channelAxis = Axis(size: dimensions.count > 1 ? dimensions[1] : 1, limit: Self.lineLimit)
        let spatial = dimensions.count > 1 ? dimensions.dropFirst(2) : dimensions[...]
        // The product of some of a shape's dimensions fits: `Shape` made sure of it.
        rowAxis = Axis(size: spatial.dropLast().reduce(1, *), limit: Self.gridLimit)
        columnAxis = Axis(size: spatial.last ?? 1, limit: Self.gridLimit)
        items = Array(repeating: Cell(), count: itemAxis.cellCount)
        channels = Array(repeating: Cell(), count: channelAxis.cellCount)
        positions = Array(repeating: Cell(), count: rowAxis.cellCount * columnAxis.cellCount)
    }

    /// Takes in the elements from `offset` on.
    /// - Parameter element: the difference of the element at a place of the run, and whether it is a mismatch.
    mutating func add(_ count: Int, from offset: Int, _ element: (Int) -> (difference: Double, isMismatch: Bool)) {
        guard count > 0 else { return }
        var (column, row, channel, item) = (0, 0, 0, 0)
        var rest = offset
        (rest, column) = rest.quotientAndRemainder(dividingBy: columnAxis.size)
        (rest, row) = rest.quotientAndRemainder(dividingBy: rowAxis.size)
        (item, channel) = rest.quotientAndRemainder(dividingBy: channelAxis.size)
        for index in 0..<count {
            let (difference, isMismatch) = element(index)
            let position = row / rowAxis.cellSize * columnAxis.cellCount + column / columnAxis.cellSize
            Self.add(difference, isMismatch, to: &items[item / itemAxis.cellSize])
            Self.add(difference, isMismatch, to: &channels[channel / channelAxis.cellSize])
            Self.add(difference, isMismatch, to: &positions[position])
            column += 1
            guard column == columnAxis.size else { continue }
            (column, row) = (0, row + 1)
            guard row == rowAxis.size else { continue }
            (row, channel) = (0, channel + 1)
            guard channel == channelAxis.size else { continue }
            (channel, item) = (0, item + 1)
        }
    }

    private static func add(_ difference: Double, _ isMismatch: Bool, to cell: inout Cell) {
        if isMismatch { cell.mismatchCount += 1 }
        if difference > cell.largestDifference, difference.isFinite { cell.largestDifference = difference }
    }
}

extension DifferenceMap {
    /// Maps the differences of floating-point or complex arrays of one type and shape.
    init(actual: Tensor, reference: Tensor, allowance: ElementBlocks.Allowance) throws {
        var map = DifferenceMap(shape: actual.shape)
        try ElementBlocks(actual: actual, reference: reference).visit(allowance) { block in
            map.add(block.count, from: block.offset) { index in
                let (own, other, difference) = (block.actual[index], block.reference[index], block.difference[index])
                if own.isFinite, other.isFinite {
                    return (difference, !(difference <= block.limit[index]))
                }
                return (0, !(own == other || own.isNaN && other.isNaN))
            }
        }
        self = map
    }
}

extension DifferenceMap {
    /// In words, where the mismatches lie; nil where they are spread over everything.
    public var summary: String? {
        var parts: [String] = []
        if let text = Self.summary(items, itemAxis, "batch item", "batch items") { parts.append(text) }
        if let text = Self.summary(channels, channelAxis, "channel", "channels") { parts.append(text) }
        if positions.count > 1 {
            let (rows, columns) = (bounds(ofRows: true), bounds(ofRows: false))
            if let rows, rows != 0...(max(rowAxis.size, 1) - 1) { parts.append("rows \(Self.text(rows))") }
            if let columns, columns != 0...(max(columnAxis.size, 1) - 1) { parts.append("columns \(Self.text(columns))") }
        }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    private static func summary(_ cells: [Cell], _ axis: Axis, _ one: String, _ many: String) -> String? {
        let hit = cells.indices.filter { cells[$0].mismatchCount > 0 }
        guard cells.count > 1, !hit.isEmpty, hit.count < cells.count else { return nil }
        let ranges = hit.map { ($0 * axis.cellSize)...(min(($0 + 1) * axis.cellSize, axis.size) - 1) }
        var merged: [ClosedRange<Int>] = []
        for range in ranges {
            if let last = merged.last, last.upperBound + 1 == range.lowerBound {
                merged[merged.count - 1] = last.lowerBound...range.upperBound
            } else {
                merged.append(range)
            }
        }
        let count = ranges.reduce(0) { $0 + $1.count }
        guard merged.count <= 4 else { return "\(count) of \(axis.size) \(many)" }
        return "\(count == 1 ? one : many) \(merged.map(text).joined(separator: ", ")) of \(axis.size)"
    }

    private static func text(_ range: ClosedRange<Int>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)–\(range.upperBound)"
    }

    /// The first to the last row or column with a mismatch, to the precision of the cells.
    private func bounds(ofRows: Bool) -> ClosedRange<Int>? {
        let axis = ofRows ? rowAxis : columnAxis
        let hit = positions.indices.filter { positions[$0].mismatchCount > 0 }
            .map { ofRows ? $0 / columnAxis.cellCount : $0 % columnAxis.cellCount }
        guard let first = hit.min(), let last = hit.max() else { return nil }
        return (first * axis.cellSize)...(min((last + 1) * axis.cellSize, axis.size) - 1)
    }
}
