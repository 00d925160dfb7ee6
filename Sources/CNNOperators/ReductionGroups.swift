import CNNModels
import CNNTensors

/// How a tensor's elements fall into groups when some of its axes are reduced away: every combination of coordinates along
/// the other axes is one group. Members come in row-major order.
package struct ReductionGroups: Sendable {
    /// For each group in row-major order, the position of its first member (also where groups have no members).
    package let starts: [Int]
    /// How far each member lies behind the first one.
    package let offsets: [Int]

    /// - Precondition: the axes lie within the shape and none stands twice; there is memory for as many numbers as groups.
    package init(_ shape: Shape, reducing axes: [Int]) {
        let kept = (0..<shape.rank).filter { !axes.contains($0) }
        starts = Self.positions(shape, along: kept)
        // Without groups nobody asks for their members, however many there would be.
        offsets = starts.isEmpty ? [] : Self.positions(shape, along: axes.sorted())
    }

    private static func positions(_ shape: Shape, along axes: [Int]) -> [Int] {
        if axes.contains(where: { shape[$0] == 0 }) { return [] }
        let strides = shape.strides
        var positions = [0]
        // From the innermost axis out: each step lays copies of what there is so far behind each other.
        for axis in axes.reversed() {
            let inner = positions
            positions.removeAll(keepingCapacity: true)
            positions.reserveCapacity(inner.count * shape[axis])
            for coordinate in 0..<shape[axis] {
                let base = coordinate * strides[axis]
                for position in inner { positions.append(base + position) }
            }
        }
        return positions
    }
}

extension ReductionGroups {
    /// The shape with each of the axes shrunk to 1, or left out.
    package static func outputShape(_ shape: SymbolicShape, reducing axes: [Int], keepingAxes: Bool) -> SymbolicShape {
        guard let sizes = shape.dimensions else { return .unknown }
        if keepingAxes { return SymbolicShape(sizes.enumerated().map { axes.contains($0) ? 1 : $1 }) }
        return SymbolicShape(sizes.enumerated().filter { !axes.contains($0.offset) }.map(\.element))
    }

    /// As above, in numbers.
    package static func outputShape(_ shape: Shape, reducing axes: [Int], keepingAxes: Bool) throws -> Shape {
        let kept = shape.dimensions.enumerated().filter { keepingAxes || !axes.contains($0.offset) }
        return try Shape(kept.map { axes.contains($0.offset) ? 1 : $0.element })
    }
}
