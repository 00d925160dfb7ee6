import CNNTensors

/// The loops of a binary operation on tensors of different shapes: runs of elements along which each operand either moves on or stands still,
/// and the offsets at which the runs start.
struct BroadcastLoops: Sendable {
    /// What an operand does along a run.
    enum Motion: Sendable, Hashable {
        case moves
        case stands
    }

    let runLength: Int
    let left: Motion
    let right: Motion
    /// By run: the operands' first elements. The output's runs follow one another.
    let starts: [(left: Int, right: Int)]

    /// - Parameters:
    ///   - left, right: the operands' shapes, broadcast to `output` by NumPy's rule.
    /// - Returns: nil if runs are so short that loops over them are not worth it.
    init?(_ left: Shape, _ right: Shape, output: Shape) {
        let axes = Self.merged(
            output.dimensions, Self.strides(left, rank: output.rank), Self.strides(right, rank: output.rank))
        let inner = axes.last ?? Axis(size: 1, left: 0, right: 0)
        let outer = axes.dropLast()
        let runCount = outer.reduce(1) { $0 * $1.size }
        guard runCount <= 1 << 20, inner.left <= 1, inner.right <= 1 else { return nil }
        runLength = inner.size
        self.left = inner.left == 0 ? .stands : .moves
        self.right = inner.right == 0 ? .stands : .moves
        var starts = [(left: 0, right: 0)]
        for axis in outer {
            starts = starts.flatMap { start in
                (0..<axis.size).map { (start.left + $0 * axis.left, start.right + $0 * axis.right) }
            }
        }
        self.starts = starts
    }

    private struct Axis {
        var size: Int
        var left: Int
        var right: Int
    }

    /// Strides along the axes of the result, 0 where the operand has size 1.
    private static func strides(_ shape: Shape, rank: Int) -> [Int] {
        let own = zip(shape.dimensions, shape.strides).map { $0 == 1 ? 0 : $1 }
        return Array(repeating: 0, count: max(rank - shape.rank, 0)) + own
    }

    /// Neighbouring axes made one where both operands move through them as through one.
    private static func merged(_ sizes: [Int], _ left: [Int], _ right: [Int]) -> [Axis] {
        var axes: [Axis] = []
        for (size, (left, right)) in zip(sizes, zip(left, right)) where size != 1 {
            if let last = axes.last, last.left == left * size, last.right == right * size {
                axes[axes.count - 1] = Axis(size: last.size * size, left: left, right: right)
            } else {
                axes.append(Axis(size: size, left: left, right: right))
            }
        }
        return axes
    }
}
