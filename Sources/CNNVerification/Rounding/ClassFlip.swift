import CNNTensors

/// Two evaluations of a classifier that do not agree on a class: at some rank one has another class than the other.
public struct ClassFlip: Sendable, Hashable {
    /// The image within the batch.
    public let item: Int
    /// 0 for the best class.
    public let rank: Int
    public let ourClass: Int
    public let referenceClass: Int
    /// By how much the reference scores its class above ours.
    public let margin: Double
    /// The standard deviation that rounding is expected to give the difference of the two scores, between two evaluations.
    public let deviation: Double

    /// Whether the margin is so small that rounding decides between the two.
    public var isNearTie: Bool { margin.magnitude <= RoundingThreshold.deviations(elementCount: 1) * deviation }
}

extension RoundingExpectation {
    /// Where two arrays of class scores, `[N, classes]` or `[N, classes, 1, 1]`, rank the classes differently.
    /// - Parameter depth: how many ranks are compared: 1 for the best class, 5 for the best five.
    /// - Returns: one entry for each item and rank; nil if the value is no such array.
    public func classFlips(_ ours: Tensor, _ reference: Tensor, depth: Int = 5) throws -> [ClassFlip]? {
        let sizes = shape.dimensions
        guard let deviations, ours.shape == shape, reference.shape == shape, sizes.count >= 2, sizes[0] > 0, sizes[1] > 1,
            sizes.dropFirst(2).allSatisfy({ $0 == 1 })
        else { return nil }
        let classCount = sizes[1]
        let (own, other) = (try ours.doubles(), try reference.doubles())
        var flips: [ClassFlip] = []
        for item in 0..<sizes[0] {
            let start = item * classCount
            let ranking = Self.best(min(depth, classCount), of: own[start..<start + classCount])
            let expected = Self.best(min(depth, classCount), of: other[start..<start + classCount])
            for (rank, (mine, theirs)) in zip(ranking, expected).enumerated() where mine != theirs {
                let (left, right) = (deviations[start + mine], deviations[start + theirs])
                flips.append(
                    ClassFlip(
                        item: item, rank: rank, ourClass: mine, referenceClass: theirs,
                        margin: other[start + theirs] - other[start + mine],
                        deviation: (2 * (left * left + right * right)).squareRoot()))
            }
        }
        return flips
    }

    /// The classes with the highest scores, best first; of equal scores the lower class comes first, NaN comes last.
    private static func best(_ count: Int, of scores: ArraySlice<Double>) -> [Int] {
        let order = scores.indices.sorted { left, right in
            let (a, b) = (scores[left], scores[right])
            if a.isNaN || b.isNaN { return !a.isNaN && b.isNaN }
            return a == b ? left < right : a > b
        }
        return order.prefix(count).map { $0 - scores.startIndex }
    }
}
