/// Functions of one element. The formulas are ONNX's; NaN gives NaN.
package enum UnaryOperation: Sendable, Hashable {
    /// Relu, LeakyRelu, Clip.
    case activation(Activation)
    case sigmoid
    case tanh
    case exp
    case log
    case sqrt
    case reciprocal
    case negate
    case absolute
    /// `max(0, min(1, alpha·x + beta))`.
    case hardSigmoid(alpha: Float, beta: Float)
    /// `x · max(0, min(1, x/6 + 1/2))`.
    case hardSwish
    /// `x · sigmoid(x)`.
    case swish
    /// `x < 0 ? alpha·(exp(x) − 1) : x`.
    case elu(alpha: Float)
}

/// Functions of two elements.
package enum BinaryOperation: Sendable, Hashable {
    case add
    case subtract
    case multiply
    case divide
    case maximum
    case minimum
}

/// Where the second operand of a binary operation comes from.
package enum BinaryOperand {
    /// As many elements as the first operand has.
    case elements(UnsafePointer<Float>)
    /// The same value for all.
    case scalar(Float)
    /// One channel block (`channelBlock` values) that repeats: a value per channel in the blocked layout.
    case block(UnsafePointer<Float>)
}

/// Element-wise work on contiguous runs. A caller splits a run where it likes (at multiples of `channelBlock` if the operand is a
/// `block`), and loops over the outer axes of a broadcast itself. In place is allowed throughout.
package protocol ElementwiseKernels {
    /// `output[i] = operation(input[i])`.
    func unary(
        _ operation: UnaryOperation, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, count: Int)
    /// `output[i] = activation(operation(left[i], right[i]))`; with `reversed`, `operation(right[i], left[i])`.
    func binary(
        _ operation: BinaryOperation, left: UnsafePointer<Float>, right: BinaryOperand, reversed: Bool,
        activation: Activation, output: UnsafeMutablePointer<Float>, count: Int)
}
