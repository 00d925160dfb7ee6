import CNNModels

/// A function of one real number, as the operators of the family `ElementwiseUnary` apply it to every element.
package enum UnaryFunction: Sendable, Hashable {
    /// `|x|`.
    case absolute
    case ceil
    /// `max(0, x) + min(0, alpha·(exp(x/alpha) − 1))`.
    case celu(alpha: Float)
    /// `x` for positive x, `alpha·(exp(x) − 1)` for others.
    case elu(alpha: Float)
    /// The error function.
    case erf
    case exp
    case floor
    /// `x·Φ(x)` with the normal distribution function Φ; or its approximation by a hyperbolic tangent.
    case gelu(byTanh: Bool)
    /// `max(0, min(1, alpha·x + beta))`.
    case hardSigmoid(alpha: Float, beta: Float)
    /// `x·max(0, min(1, x/6 + 1/2))`.
    case hardSwish
    /// `x` for x ≥ 0, `alpha·x` for others.
    case leakyRelu(alpha: Float)
    case log
    /// `x·tanh(softplus(x))`.
    case mish
    case negate
    case reciprocal
    /// `max(0, x)`.
    case relu
    /// The nearest whole number, of two the even one.
    case round
    /// `gamma·x` for positive x, `gamma·alpha·(exp(x) − 1)` for others.
    case selu(alpha: Float, gamma: Float)
    /// `1/(1 + exp(−x))`.
    case sigmoid
    /// −1, 0 or 1.
    case sign
    /// `log(1 + exp(x))`.
    case softplus
    /// `x/(1 + |x|)`.
    case softsign
    case squareRoot
    case tanh
    /// `x` for x > alpha, 0 for others.
    case thresholdedRelu(alpha: Float)

    /// The function's value. NaN gives NaN, except where a comparison with it decides (`thresholdedRelu`).
    package func callAsFunction(_ x: Double) -> Double {
        switch self {
        case .absolute: x.magnitude
        case .ceil: x.rounded(.up)
        case .celu(let alpha): x > 0 ? x : Double(alpha) * ElementaryFunctions.expm1(x / Double(alpha))
        case .elu(let alpha): x > 0 ? x : Double(alpha) * ElementaryFunctions.expm1(x)
        case .erf: ElementaryFunctions.erf(x)
        case .exp: ElementaryFunctions.exp(x)
        case .floor: x.rounded(.down)
        case .gelu(byTanh: false): ElementaryFunctions.gelu(x)
        case .gelu(byTanh: true): ElementaryFunctions.geluByTanh(x)
        case .hardSigmoid(let alpha, let beta): Self.unitInterval(Double(alpha) * x + Double(beta))
        case .hardSwish: x * Self.unitInterval(x / 6 + 0.5)
        case .leakyRelu(let alpha): x < 0 ? Double(alpha) * x : x
        case .log: ElementaryFunctions.log(x)
        case .mish: ElementaryFunctions.mish(x)
        case .negate: -x
        case .reciprocal: 1 / x
        case .relu: ElementaryFunctions.maximum(x, 0)
        case .round: x.rounded(.toNearestOrEven)
        case .selu(let alpha, let gamma): Double(gamma) * (x > 0 ? x : Double(alpha) * ElementaryFunctions.expm1(x))
        case .sigmoid: ElementaryFunctions.sigmoid(x)
        case .sign: x > 0 ? 1 : x < 0 ? -1 : x.magnitude
        case .softplus: ElementaryFunctions.softplus(x)
        case .softsign: x / (1 + x.magnitude)
        case .squareRoot: x.squareRoot()
        case .tanh: ElementaryFunctions.tanh(x)
        case .thresholdedRelu(let alpha): x > Double(alpha) ? x : 0
        }
    }

    private static func unitInterval(_ x: Double) -> Double {
        ElementaryFunctions.maximum(0, ElementaryFunctions.minimum(1, x))
    }

    /// The function's value for a whole number of an integer type, as a word to be cut to the type: the lowest number of a
    /// signed type is its own magnitude and negative, as in NumPy. Nil for functions that integers do not have.
    package func callAsFunction(word x: Int64, isUnsigned: Bool) -> Int64? {
        switch self {
        case .absolute: x < 0 && !isUnsigned ? 0 &- x : x
        case .negate: 0 &- x
        case .relu: x < 0 && !isUnsigned ? 0 : x
        case .sign: x == 0 ? 0 : x < 0 && !isUnsigned ? -1 : 1
        // Only version 9 has integers. What is left of the fraction is nothing, except where a float32 rounds to 1.
        case .erf: Int64(Float(ElementaryFunctions.erf(isUnsigned ? Double(UInt64(bitPattern: x)) : Double(x))))
        default: nil
        }
    }

    /// The function's value for a size that may have names in it; nil where it has no such form.
    package func callAsFunction(size x: Dimension) throws(DimensionError) -> Dimension? {
        switch self {
        case .absolute: try .maximum(x, Dimension(0) - x)
        case .negate: try Dimension(0) - x
        case .relu: try .maximum(x, 0)
        case .sign:
            if let number = x.value {
                Dimension(number.signum())
            } else {
                // A size known to be 1 or more is positive.
                try (x - 1).isKnownNonNegative ? 1 : nil
            }
        default: nil
        }
    }
}
