/// A node's inputs by position, as `infer` and `evaluate` get them: a list that may end before the last optional inputs and
/// has nil where one is left out.
extension Array {
    /// The input at `index`; nil if the node leaves it out.
    package func optional<Wrapped>(_ index: Int) -> Wrapped? where Element == Wrapped? {
        index < count ? self[index] : nil
    }

    /// The input at `index`, which has the formal name `name`.
    /// - Throws: `OperatorError` if the node leaves it out.
    package func required<Wrapped>(_ index: Int, _ name: String) throws -> Wrapped where Element == Wrapped? {
        guard let input = optional(index) else { throw OperatorError("this input is required", subject: name) }
        return input
    }
}
