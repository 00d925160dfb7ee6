/// The concrete size of a tensor: one dimension an axis, none for a scalar. Every dimension is 0 or more and their
/// product fits in an `Int`, checked when the shape is made.
public struct Shape: Hashable, Sendable {
    /// The size along each axis, outermost first.
    public let dimensions: [Int]
    /// The number of elements: the product of the dimensions, 1 for a scalar.
    public let elementCount: Int

    /// A shape with these dimensions.
    /// - Throws: `TensorError.invalidShape` if a dimension is negative or the element count passes `Int.max`.
    public init(_ dimensions: [Int]) throws(TensorError) {
        // A zero anywhere makes the count zero, but the other dimensions' product must fit all the same: strides are made of it.
        var count = 1
        var nonZeroCount = 1
        for dimension in dimensions {
            guard dimension >= 0 else {
                throw .invalidShape(dimensions, reason: "a dimension is negative")
            }
            let (product, overflow) = nonZeroCount.multipliedReportingOverflow(by: max(dimension, 1))
            guard !overflow else {
                throw .invalidShape(dimensions, reason: "the element count passes \(Int.max)")
            }
            nonZeroCount = product
            count = dimension == 0 ? 0 : count
        }
        self.dimensions = dimensions
        elementCount = count == 0 ? 0 : nonZeroCount
    }

    /// The shape of a scalar: no axes, one element.
    public static let scalar = Shape(vector: nil)

    /// The shape of a vector of `count` elements.
    /// - Precondition: `count` is 0 or more.
    public static func vector(_ count: Int) -> Shape {
        precondition(count >= 0, "a vector's length is 0 or more")
        return Shape(vector: count)
    }

    private init(vector count: Int?) {
        dimensions = count.map { [$0] } ?? []
        elementCount = count ?? 1
    }

    /// The number of axes.
    public var rank: Int { dimensions.count }

    /// The size along `axis`, which counts from 0.
    public subscript(axis: Int) -> Int { dimensions[axis] }

    /// Row-major strides in elements: how far apart neighbours along each axis lie.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        for axis in stride(from: rank - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * max(dimensions[axis + 1], 1)
        }
        return strides
    }
}

extension Shape: CustomStringConvertible {
    /// For example `[1, 3, 224, 224]`.
    public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}
