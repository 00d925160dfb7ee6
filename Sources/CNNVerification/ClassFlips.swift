import CNNTensors

/// How often two arrays of class scores disagree on the best classes, and how often that is a near tie: where the reference's own
/// scores of the classes that changed places lie so close that rounding decides their order.
public struct ClassFlips: Sendable, Hashable {
    /// Of how many items the set of the best classes differs.
    public struct Count: Sendable, Hashable {
        public let flipped: Int
        /// How many of them are near ties.
        public let nearTies: Int
    }

    /// N.
    public let itemCount: Int
    public let top1: Count
    /// Nil for fewer than five classes.
    public let top5: Count?

    /// - Parameter allowed: by element, the largest difference of two evaluations that rounding explains.
    /// - Returns: nil if the arrays are no class scores.
    init?(actual: Tensor, reference: Tensor, allowed: [Double]) throws {
        guard try ClassAgreement(actual: actual, reference: reference) != nil else { return nil }
        let (own, other) = (try actual.doubles(), try reference.doubles())
        let (items, classes) = (actual.shape[0], actual.shape[1])
        guard allowed.count == own.count else { return nil }
        itemCount = items
        func count(_ depth: Int) -> Count {
            var (flipped, nearTies) = (0, 0)
            for item in 0..<items {
                let range = (item * classes)..<((item + 1) * classes)
                let ours = Set(ClassAgreement.best(depth, of: own[range]))
                let theirs = Set(ClassAgreement.best(depth, of: other[range]))
                guard ours != theirs else { continue }
                flipped += 1
                let isNearTie = theirs.subtracting(ours).allSatisfy { lost in
                    ours.subtracting(theirs).allSatisfy { gained in
                        let (a, b) = (range.lowerBound + lost, range.lowerBound + gained)
                        // Either score may be off, independently.
                        let unit = (allowed[a] * allowed[a] + allowed[b] * allowed[b]).squareRoot()
                        return other[a] - other[b] <= unit
                    }
                }
                if isNearTie { nearTies += 1 }
            }
            return Count(flipped: flipped, nearTies: nearTies)
        }
        top1 = count(1)
        top5 = classes >= 5 ? count(5) : nil
    }

    /// What there is to say; nil if the best classes are all the same.
    public var summary: String? {
        let parts = [("best class", top1 as Count?), ("best five classes", top5)].compactMap { name, count -> String? in
            guard let count, count.flipped > 0 else { return nil }
            let ties =
                count.nearTies == count.flipped
                ? "by rounding: near ties in the reference's own scores"
                : "\(count.nearTies) of them near ties in the reference's own scores"
            return "\(count.flipped) of \(itemCount) items differ in the \(name), \(ties)"
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}
