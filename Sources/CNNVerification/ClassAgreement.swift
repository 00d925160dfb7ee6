import CNNTensors

/// Whether two arrays of class scores, `[N, classes]` or `[N, classes, 1, 1]`, rank the classes alike.
public struct ClassAgreement: Sendable, Hashable {
    /// N.
    public let itemCount: Int
    public let classCount: Int
    /// For how many items both arrays have the same best class.
    public let top1Count: Int
    /// For how many items both arrays have the same five best classes, in any order; nil for fewer than five classes.
    public let top5Count: Int?
    /// The first rank, counted from 1, at which an item's classes stand in another order than the reference's, the least over
    /// the items; nil if all orders are the same.
    public let firstDisagreementRank: Int?

    /// Nil if the arrays are no class scores of one and the same shape.
    init?(actual: Tensor, reference: Tensor) throws {
        let dimensions = actual.shape.dimensions
        guard actual.shape == reference.shape, actual.dataType.isFloatingPoint, actual.dataType.isComparedByTolerance,
            dimensions.count >= 2, dimensions[0] > 0, dimensions[1] > 1, dimensions.dropFirst(2).allSatisfy({ $0 == 1 })
        else { return nil }
        itemCount = dimensions[0]
        classCount = dimensions[1]
        let (scores, expected) = (try actual.doubles(), try reference.doubles())
        let depth = min(classCount, 5)
        var (first, five) = (0, 0)
        var disagreement: Int?
        for item in 0..<itemCount {
            let range = (item * classCount)..<((item + 1) * classCount)
            let (own, other) = (Self.best(depth, of: scores[range]), Self.best(depth, of: expected[range]))
            if own.first == other.first { first += 1 }
            if Set(own) == Set(other) { five += 1 }
            if let rank = Self.firstDisagreement(scores[range], expected[range], below: disagreement ?? .max) {
                disagreement = rank
            }
        }
        firstDisagreementRank = disagreement
        top1Count = first
        top5Count = classCount >= 5 ? five : nil
    }

    /// The first rank below a limit at which the classes' orders differ.
    private static func firstDisagreement(
        _ scores: ArraySlice<Double>, _ expected: ArraySlice<Double>, below limit: Int
    ) -> Int? {
        func order(_ scores: ArraySlice<Double>) -> [Int] {
            let scores = scores.map { $0.isNaN ? -Double.infinity : $0 }
            return scores.indices.sorted { scores[$0] > scores[$1] || scores[$0] == scores[$1] && $0 < $1 }
        }
        guard !scores.elementsEqual(expected) else { return nil }
        let place = zip(order(scores), order(expected)).enumerated().first { $1.0 != $1.1 }?.offset
        return place.flatMap { $0 + 1 < limit ? $0 + 1 : nil }
    }

    /// The classes with the highest scores, best first; of equal scores the lower class comes first, NaN comes last.
    static func best(_ count: Int, of scores: ArraySlice<Double>) -> [Int] {
        var best: [(score: Double, index: Int)] = []
        for (index, score) in scores.enumerated() {
            let score = score.isNaN ? -Double.infinity : score
            if best.count == count, let last = best.last, score <= last.score { continue }
            let place = best.firstIndex { $0.score < score } ?? best.count
            best.insert((score, index), at: place)
            if best.count > count { best.removeLast() }
        }
        return best.map(\.index)
    }
}
