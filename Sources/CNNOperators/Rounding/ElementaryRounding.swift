/// How far float32 implementations of elementary functions are from the exact value. No standard binds them, so the bounds are
/// those that widely used libraries keep: measured over 10⁶ arguments (uniform in [−20, 20], [−1, 1] and [−100, 88], and by powers
/// of ten from 10⁻⁸ to 10²) for ONNX Runtime 1.31 and OpenVINO 2026.4 on x86, and then rounded up to a power of two or more of what was
/// seen. `Tools/oracle_rounding.py` measures again. In units of u = 2⁻²⁴, seen were: exp 6.4, log 3.7, tanh 5.3 and square root 1
/// (of the result); erf 8.7, sigmoid 2.8 (absolute: both are polynomials and quotients that do not vanish where the function does);
/// softplus 4.1, gelu 2.9, mish 5.1, hard swish 1.5 (of |x| or 1).
enum ElementaryRounding {
    /// Relative error of exp, log, tanh and powers of moderate size, in u.
    static let relative = 8.0
    /// Absolute error of erf, in u.
    static let erf = 16.0
    /// Absolute error of the logistic function, in u: it is cut off at arguments where it is about as large as this.
    static let sigmoid = 4.0

    /// The bound for a power with this result: besides the relative error, implementations as exp(y·log x) multiply the error of the
    /// exponent by its size.
    static func power(_ result: Double, unit: RoundingUnit) -> Double {
        let size = result.magnitude
        guard size > 0, size.isFinite else { return unit.smallest }
        return relative * unit.roundoff * size * (1 + ElementaryFunctions.log(size).magnitude) + unit.smallest
    }
}

extension UnaryFunction {
    /// Whether the function only selects, or changes nothing but sign and fraction.
    var isExact: Bool {
        switch self {
        case .absolute, .ceil, .floor, .negate, .relu, .round, .sign, .thresholdedRelu: true
        default: false
        }
    }

    /// The most that an implementation in the arithmetic `unit` is off at x, where the exact value is y.
    func roundingBound(_ x: Double, _ y: Double, unit: RoundingUnit) -> Double {
        let u = unit.roundoff
        let (size, argument) = (y.magnitude, x.magnitude)
        let relative = ElementaryRounding.relative * u * size + unit.smallest
        switch self {
        case .absolute, .ceil, .floor, .negate, .relu, .round, .sign, .thresholdedRelu: return 0
        case .squareRoot, .leakyRelu: return 2 * u * size + unit.smallest
        case .reciprocal, .softsign: return 4 * u * size + unit.smallest
        // Some end the range of exp a little early.
        case .exp: return size >= 0x1p127 ? .infinity : relative
        case .log: return relative + 2 * u
        case .tanh: return relative
        case .erf: return relative + ElementaryRounding.erf * u
        case .sigmoid: return relative + ElementaryRounding.sigmoid * u
        case .softplus: return ElementaryRounding.relative * u * (argument + 1) + unit.smallest
        // Where exp(x) − 1 is computed as written, it is as exact as exp(x), which is at most 1 for negative x.
        case .celu(let alpha), .elu(let alpha):
            return x > 0 ? u * size : relative + ElementaryRounding.relative * u * Double(alpha.magnitude)
        case .selu(let alpha, let gamma):
            return relative + (x > 0 ? 0 : ElementaryRounding.relative * u * Double((alpha * gamma).magnitude))
        // Products of x with a function between 0 and 1 whose absolute error is below 10 u, and roundings of their own.
        case .gelu, .mish: return 16 * u * argument + unit.smallest
        case .hardSwish: return 4 * u * argument + unit.smallest
        case .hardSigmoid(let alpha, let beta):
            return unit.gamma(3) * (Double(alpha.magnitude) * argument + Double(beta.magnitude)) + unit.smallest
        }
    }

    /// The formula with its constants, where the name alone does not say it.
    var formula: String? {
        switch self {
        case .celu(let alpha): "Y = max(0, X) + min(0, \(alpha)·(exp(X/\(alpha)) − 1))"
        case .elu(let alpha): "Y = X where X > 0, else \(alpha)·(exp(X) − 1)"
        case .gelu(byTanh: false): "Y = X·Φ(X)"
        case .gelu(byTanh: true): "Y = X/2·(1 + tanh(√(2/π)·(X + 0.044715·X³)))"
        case .hardSigmoid(let alpha, let beta): "Y = max(0, min(1, \(alpha)·X + \(beta)))"
        case .hardSwish: "Y = X·max(0, min(1, X/6 + 1/2))"
        case .leakyRelu(let alpha): "Y = X where X ≥ 0, else \(alpha)·X"
        case .mish: "Y = X·tanh(log(1 + exp(X)))"
        case .relu: "Y = max(0, X)"
        case .selu(let alpha, let gamma): "Y = \(gamma)·(X where X > 0, else \(alpha)·(exp(X) − 1))"
        case .sigmoid: "Y = 1/(1 + exp(−X))"
        case .softplus: "Y = log(1 + exp(X))"
        case .softsign: "Y = X/(1 + |X|)"
        case .tanh: "Y = tanh(X)"
        case .thresholdedRelu(let alpha): "Y = X where X > \(alpha), else 0"
        default: nil
        }
    }
}
