import CNNTensors

/// The arrays that a model's values are compared with, read one at a time.
public struct ReferenceArrays: Sendable {
    /// The arrays' names, in order; nil for one without.
    public let names: [String?]
    private let read: @Sendable (Int) throws -> Tensor

    /// - Parameter read: gives the array at a place of `names`; may be called more than once.
    public init(names: [String?], read: @escaping @Sendable (Int) throws -> Tensor) {
        self.names = names
        self.read = read
    }

    /// Arrays that are in memory.
    public init(_ arrays: [(name: String?, tensor: Tensor)]) {
        self.init(names: arrays.map(\.name)) { arrays[$0].tensor }
    }

    /// The array at a place of `names`.
    /// - Throws: what reading it throws.
    public func tensor(at place: Int) throws -> Tensor { try read(place) }
}
