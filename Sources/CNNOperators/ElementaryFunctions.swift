#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The elementary functions that operators are made of, in Double: the C library's where it has them, else formulas that
/// neither overflow nor cancel where the result itself does not. This is the one place that knows the C library.
package enum ElementaryFunctions {
    package static func exp(_ x: Double) -> Double { libraryExp(x) }
    /// `exp(x) − 1`, accurate near 0 too.
    package static func expm1(_ x: Double) -> Double { libraryExpm1(x) }
    package static func log(_ x: Double) -> Double { libraryLog(x) }
    /// `log(1 + x)`, accurate near 0 too.
    package static func log1p(_ x: Double) -> Double { libraryLog1p(x) }
    package static func pow(_ base: Double, _ exponent: Double) -> Double { libraryPow(base, exponent) }
    package static func tanh(_ x: Double) -> Double { libraryTanh(x) }
    package static func erf(_ x: Double) -> Double { libraryErf(x) }
    /// `1 − erf(x)`, accurate where that is small.
    package static func erfc(_ x: Double) -> Double { libraryErfc(x) }

    /// `1/(1 + exp(−x))`.
    package static func sigmoid(_ x: Double) -> Double {
        // The exponential of a negative number cannot overflow, and small results keep all their digits.
        if x >= 0 { return 1 / (1 + exp(-x)) }
        let e = exp(x)
        return e / (1 + e)
    }

    /// `log(1 + exp(x))`.
    package static func softplus(_ x: Double) -> Double {
        x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))
    }

    /// `x·tanh(softplus(x))`: with `n = eˣ(eˣ + 2)`, the hyperbolic tangent is `n/(n + 2)`.
    package static func mish(_ x: Double) -> Double {
        // Beyond 20 the quotient rounds to 1 in Double, and the exponential would overflow in the end.
        let e = x < 20 ? exp(x) : exp(20)
        let n = e * (e + 2)
        return x * (n / (n + 2))
    }

    /// `x·Φ(x)` with the normal distribution function Φ.
    package static func gelu(_ x: Double) -> Double {
        // 1 + erf(u) = erfc(−u), which does not cancel for negative u.
        0.5 * x * erfc(-x * 0.5.squareRoot())
    }

    /// The approximation `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))` of `gelu`.
    package static func geluByTanh(_ x: Double) -> Double {
        // (1 + tanh(u))/2 = sigmoid(2u), which does not cancel for negative u.
        x * sigmoid(2 * (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))
    }

    /// The larger one; NaN if either is NaN.
    package static func maximum(_ left: Double, _ right: Double) -> Double {
        left.isNaN || left > right ? left : right
    }

    /// The smaller one; NaN if either is NaN.
    package static func minimum(_ left: Double, _ right: Double) -> Double {
        left.isNaN || left < right ? left : right
    }
}

// Inside the enumeration the names of its own functions hide the library's.
private func libraryExp(_ x: Double) -> Double { exp(x) }
private func libraryExpm1(_ x: Double) -> Double { expm1(x) }
private func libraryLog(_ x: Double) -> Double { log(x) }
private func libraryLog1p(_ x: Double) -> Double { log1p(x) }
private func libraryPow(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
private func libraryTanh(_ x: Double) -> Double { tanh(x) }
private func libraryErf(_ x: Double) -> Double { erf(x) }
private func libraryErfc(_ x: Double) -> Double { erfc(x) }
