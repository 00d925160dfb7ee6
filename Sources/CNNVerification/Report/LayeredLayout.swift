/// Places the nodes of a directed acyclic graph in rows, every edge running down (Sugiyama, Tagawa and Toda, "Methods for visual
/// understanding of hierarchical system structures", 1981): rows by longest path, invisible nodes where an edge passes a row,
/// orders by barycentres to lessen crossings, then positions near the mean of the neighbours'.
struct LayeredLayout {
    /// A node's place: its centre's x and its row.
    struct Place: Hashable {
        var x: Double
        var row: Int
    }

    /// By node.
    private(set) var places: [Place] = []
    /// By edge: the points it passes, from its first node to its last.
    private(set) var routes: [[Place]] = []
    private(set) var width = 0.0
    private(set) var rowCount = 0

    /// How far apart the centres of two neighbours are at least: nodes, and edges that pass.
    private static let (nodeWidth, lineWidth) = (168.0, 18.0)

    /// - Parameters:
    ///   - nodeCount: nodes are numbered from 0 in an order in which every edge goes forward.
    ///   - edges: pairs of node numbers.
    init(nodeCount: Int, edges: [(from: Int, to: Int)]) {
        guard nodeCount > 0 else { return }
        var rows = [Int](repeating: 0, count: nodeCount)
        let sorted = edges.sorted { $0.from < $1.from }
        for edge in sorted { rows[edge.to] = max(rows[edge.to], rows[edge.from] + 1) }
        rowCount = (rows.max() ?? 0) + 1

        // Points 0..<nodeCount are the nodes; the others are where edges pass a row.
        var rowOf = rows
        var chains: [[Int]] = []
        var links: [(Int, Int)] = []
        for edge in edges {
            var chain = [edge.from]
            for row in (rows[edge.from] + 1)..<max(rows[edge.to], rows[edge.from] + 1) {
                rowOf.append(row)
                links.append((chain[chain.count - 1], rowOf.count - 1))
                chain.append(rowOf.count - 1)
            }
            links.append((chain[chain.count - 1], edge.to))
            chain.append(edge.to)
            chains.append(chain)
        }
        var above = [[Int]](repeating: [], count: rowOf.count)
        var below = above
        for (upper, lower) in links {
            below[upper].append(lower)
            above[lower].append(upper)
        }
        var order = [[Int]](repeating: [], count: rowCount)
        for point in rowOf.indices { order[rowOf[point]].append(point) }
        Self.sort(&order, above: above, below: below, pointCount: rowOf.count)
        let x = Self.positions(order, above: above, below: below, nodeCount: nodeCount, pointCount: rowOf.count)

        let left = x.min() ?? 0
        let margin = Self.nodeWidth / 2
        let points = x.indices.map { Place(x: x[$0] - left + margin, row: rowOf[$0]) }
        places = Array(points.prefix(nodeCount))
        routes = chains.map { chain in chain.map { points[$0] } }
        width = (points.map(\.x).max() ?? 0) + margin
    }

    /// Orders each row by the mean place of its points' neighbours, down and up in turn.
    private static func sort(_ order: inout [[Int]], above: [[Int]], below: [[Int]], pointCount: Int) {
        var place = [Double](repeating: 0, count: pointCount)
        func number(_ row: [Int]) { for (index, point) in row.enumerated() { place[point] = Double(index) } }
        order.forEach(number)
        for sweep in 0..<8 {
            let down = sweep % 2 == 0
            for row in down ? Array(order.indices) : order.indices.reversed() {
                let neighbours = down ? above : below
                let key = order[row].map { point in
                    neighbours[point].isEmpty
                        ? place[point] : neighbours[point].reduce(0) { $0 + place[$1] } / Double(neighbours[point].count)
                }
                let ranked = zip(order[row], key).enumerated().sorted {
                    $0.element.1 < $1.element.1 || $0.element.1 == $1.element.1 && $0.offset < $1.offset
                }
                order[row] = ranked.map(\.element.0)
                number(order[row])
            }
        }
    }

    /// Moves points towards the mean of their neighbours as far as the order and the distances in their rows allow.
    private static func positions(
        _ order: [[Int]], above: [[Int]], below: [[Int]], nodeCount: Int, pointCount: Int
    ) -> [Double] {
        var x = [Double](repeating: 0, count: pointCount)
        func distance(_ left: Int, _ right: Int) -> Double {
            ((left < nodeCount ? nodeWidth : lineWidth) + (right < nodeCount ? nodeWidth : lineWidth)) / 2
        }
        for row in order {
            for (left, right) in zip(row, row.dropFirst()) { x[right] = x[left] + distance(left, right) }
            let shift = row.last.map { x[$0] / 2 } ?? 0
            for point in row { x[point] -= shift }
        }
        for sweep in 0..<16 {
            let down = sweep % 2 == 0
            for row in down ? Array(order.indices) : order.indices.reversed() {
                let points = order[row]
                let wished = points.map { point in
                    let neighbours = down ? above[point] : below[point]
                    return neighbours.isEmpty ? x[point] : neighbours.reduce(0) { $0 + x[$1] } / Double(neighbours.count)
                }
                // From both ends: what each pass pushes away, the mean of the two puts back to the middle.
                var (rightward, leftward) = (wished, wished)
                for index in points.indices.dropFirst() {
                    rightward[index] = max(wished[index], rightward[index - 1] + distance(points[index - 1], points[index]))
                }
                for index in points.indices.dropLast().reversed() {
                    leftward[index] = min(wished[index], leftward[index + 1] - distance(points[index], points[index + 1]))
                }
                for (index, point) in points.enumerated() { x[point] = (rightward[index] + leftward[index]) / 2 }
            }
        }
        return x
    }
}
