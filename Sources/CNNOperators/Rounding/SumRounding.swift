import CNNTensors

/// The rounding errors of sums of products.
struct SumRounding {
    /// The addends of one sum; as Double, since beside an empty output an Int may not hold them and the roundings after them.
    let count: Double
    let unit: RoundingUnit
    /// What the standard deviation of the sum's own rounding is multiplied with.
    var growth = 1.0

    /// γₙ·Σ|addend|, where n additions and multiplications stand one on top of the other at most, and what underflow adds.
    static func bounds(magnitudes: [Double], count: Double, unit: RoundingUnit) -> [Double] {
        let (gamma, underflow) = (unit.gamma(max(count, 1)), (count + 1) * unit.smallest)
        return magnitudes.map { gamma * $0 + underflow }
    }

    /// The part of a sum's own rounding variance that goes with each squared addend. Added one after the other, addends of random
    /// sign make partial sums whose squares grow linearly: after j addends j·s² with s² the mean squared addend. Each addition
    /// rounds its partial sum with a relative variance u²/3, in all u²/3·n/2·Σ addend². Each product is rounded once; factors
    /// that are cut first add their own errors.
    var perSquare: Double {
        (unit.variance * (count / 2 + 1)) * growth * growth
            + 2 * unit.factorRoundoff * unit.factorRoundoff / 3
    }

    /// For each x: its variance and the share of the sum's own rounding, κ·x².
    func factorVariances(_ values: [Double], variances: [Double]?) -> [Double] {
        let factor = perSquare
        guard let variances else { return values.map { factor * $0 * $0 } }
        return zip(values, variances).map { $1 + factor * $0 * $0 }
    }

    /// Adds what a sum that does not cancel contributes: partial sums that grow steadily to the result y, u²/3·n/3·y², and the
    /// rounding of the result itself.
    func addDrift(to variances: inout [Double], outputs: [Tensor]) throws {
        guard let output = outputs.first else { return }
        let factor = unit.variance * (count / 3 + 1) * growth * growth
        let underflow = unit.smallest * unit.smallest
        for (index, value) in try output.doubles().enumerated() { variances[index] += factor * value * value + underflow }
    }
}
