/// The norm `(Σ |x|^p)^(1/p)` in its two steps.
package struct PNorm: Sendable {
    package let p: Double

    /// Reads the attribute `p`, a float in version 1 of the pooling operators and a whole number after it; 2 by default.
    /// - Throws: `OperatorError` unless it is positive.
    package init(_ attributes: AttributeReader) throws {
        p =
            attributes.version == 1
            ? Double(try attributes.float("p", default: 2)) : Double(try attributes.int("p", default: 2))
        guard p > 0, p.isFinite else { throw OperatorError("must be positive, but is \(p)", subject: "p") }
    }

    /// A norm of this order.
    package init(order: Int) {
        p = Double(order)
    }

    package func summand(_ x: Double) -> Double {
        p == 1 ? x.magnitude : p == 2 ? x * x : ElementaryFunctions.pow(x.magnitude, p)
    }

    package func root(_ sum: Double) -> Double {
        p == 1 ? sum : p == 2 ? sum.squareRoot() : ElementaryFunctions.pow(sum, 1 / p)
    }

    /// The bound for the norm of so many numbers: all addends are positive, so nothing cancels. The relative error of the sum is
    /// divided by p in the root; powers other than squares have errors of their own.
    func roundingBound(_ norm: Double, count: Double, unit: RoundingUnit) -> Double {
        let powers = p == 1 || p == 2 ? 0 : 2 * ElementaryRounding.power(norm, unit: unit)
        return (unit.gamma(count + 4) + ElementaryRounding.relative * unit.roundoff) * norm + powers
            + count * unit.smallest
    }
}
