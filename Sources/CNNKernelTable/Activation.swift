/// What is applied to an output element after the sum, the bias and the residual, in the kernel that stores it.
///
/// Every case is one formula: `y = min(max(x < 0 ? slope·x : x, lower), upper)`, and NaN stays NaN as in ONNX's reference.
package struct Activation: Sendable, Hashable {
    /// Factor of the negative half: 1 for all but LeakyRelu.
    package var slope: Float
    package var lower: Float
    package var upper: Float

    package init(slope: Float = 1, lower: Float = -.infinity, upper: Float = .infinity) {
        self.slope = slope
        self.lower = lower
        self.upper = upper
    }

    package static let none = Activation()
    package static let relu = Activation(lower: 0)

    package static func leakyRelu(_ slope: Float) -> Activation {
        Activation(slope: slope)
    }

    package static func clip(_ lower: Float, _ upper: Float) -> Activation {
        Activation(lower: lower, upper: upper)
    }
}
