/// All that a verdict under any tolerance needs to know of an array: the vertices of the upper left hull of the points
/// (|reference|, |actual − reference|).
///
/// An array agrees under `absolute` and `relative` when no element has |actual − reference| − relative · |reference| above
/// `absolute`. That expression is linear in the point, so for any relative part of 0 or more its largest value is taken at a
/// vertex of this hull: a few numbers judge millions of elements without them, exact to Double's rounding.
public struct ToleranceFrontier: Sendable, Hashable {
    /// An element's magnitude in the reference and its distance from it.
    public struct Point: Sendable, Hashable {
        public let magnitude: Double
        public let difference: Double

        package init(magnitude: Double, difference: Double) {
            self.magnitude = magnitude
            self.difference = difference
        }
    }

    /// With rising magnitude and difference, and falling slope between neighbours.
    public private(set) var points: [Point] = []

    package init() {}

    /// The hull of these points.
    package init(_ points: some Sequence<Point>) {
        for point in points { insert(point) }
    }

    /// The smallest absolute tolerance under which every element agrees beside this relative one; 0 for no element.
    public func leastAbsoluteTolerance(relative: Double) -> Double {
        points.reduce(0) { max($0, $1.difference - relative * $1.magnitude) }
    }

    /// Whether a point with at least this magnitude and at most this difference can be no vertex.
    func covers(magnitude: Double, difference: Double) -> Bool {
        // The last vertex that lies left of the point or above it; differences rise with magnitudes.
        guard let first = points.first, first.magnitude <= magnitude else { return false }
        if first.difference >= difference { return true }
        var (low, high) = (0, points.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if points[middle].magnitude <= magnitude { low = middle } else { high = middle }
        }
        let left = points[low]
        if left.difference >= difference { return true }
        guard high < points.count else { return false }
        let right = points[high]
        return Self.isUnder(Point(magnitude: magnitude, difference: difference), from: left, to: right)
    }

    mutating func insert(_ point: Point) {
        guard !covers(magnitude: point.magnitude, difference: point.difference) else { return }
        var index = points.firstIndex { $0.magnitude >= point.magnitude } ?? points.count
        // What the point hides on its right: everything not above it, then what lies under the line to the next vertex.
        while index < points.count, points[index].difference <= point.difference { points.remove(at: index) }
        points.insert(point, at: index)
        while index + 2 < points.count, Self.isUnder(points[index + 1], from: point, to: points[index + 2]) {
            points.remove(at: index + 1)
        }
        while index >= 2, Self.isUnder(points[index - 1], from: points[index - 2], to: point) {
            points.remove(at: index - 1)
            index -= 1
        }
    }

    /// Whether a point between two others is not above the line through them.
    private static func isUnder(_ point: Point, from left: Point, to right: Point) -> Bool {
        let share = (point.magnitude - left.magnitude) / (right.magnitude - left.magnitude)
        return point.difference <= left.difference + share * (right.difference - left.difference)
    }
}
