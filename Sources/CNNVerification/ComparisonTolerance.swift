/// How far a computed number may lie from its reference: at most `absolute + relative * |reference|`, NumPy's rule
/// (`numpy.isclose`).
public struct ComparisonTolerance: Sendable, Hashable {
    /// The part that grows with the reference.
    public var relative: Double
    public var absolute: Absolute

    /// The part that is the same for all elements of an array.
    public enum Absolute: Sendable, Hashable {
        /// This number.
        case fixed(Double)
        /// This multiple of the reference's largest finite magnitude: an absolute number means nothing for an array of
        /// unknown scale.
        case ofLargestMagnitude(Double)
    }

    /// A tolerance of both parts, which add up.
    public init(relative: Double, absolute: Absolute) {
        self.relative = relative
        self.absolute = absolute
    }

    /// What `verify` uses when nothing else is asked for: 1e-3 of the element and 1e-5 of the largest. The first is ONNX's own
    /// choice for its backend tests (`onnx.backend.test`, rtol); the second leaves room for the cancellation in sums
    /// of products, whose error goes with the terms, not with the sum: about 100 units of float32's rounding, 2^-24.
    public static let standard = ComparisonTolerance(relative: 1e-3, absolute: .ofLargestMagnitude(1e-5))

    /// What ONNX's backend tests use unless a case states its own: rtol 1e-3, atol 1e-7 (`onnx.backend.test`, `TestCase`).
    public static let onnxBackendTests = ComparisonTolerance(relative: 1e-3, absolute: .fixed(1e-7))

    /// The absolute part for a reference of this largest finite magnitude.
    public func absolute(largestMagnitude: Double) -> Double {
        switch absolute {
        case .fixed(let value): value
        case .ofLargestMagnitude(let factor): factor * largestMagnitude
        }
    }
}
