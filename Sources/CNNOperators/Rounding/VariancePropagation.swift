import CNNTensors

extension Operator {
    /// Variances by differences: each input in turn is moved by one standard deviation up and down, and what that changes in
    /// the outputs, halved and squared, is added up. This is exact to first order where an output element depends on one
    /// element of an input (`dependence`). Elsewhere the signs are drawn at random, and the mean over several draws estimates
    /// the sum of the squares. To it comes the variance of the operator's own rounding: a third of the square of its bound, as
    /// for an error spread evenly within it.
    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        try differencedVariance(inputs, variances: variances, outputs: outputs, unit: unit)
    }

    /// The default of `roundingVariance`, for operators that have a better form for some of their attributes only.
    package func differencedVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        let own =
            try roundingBound(inputs, outputs: outputs, unit: unit)
            ?? outputs.map { output in
                .elements(try GenericBound.elements(of: output, inputs: inputs, unit: unit))
            }
        var totals = zip(outputs, own).map { output, bound -> [Double]? in
            guard output.dataType == .float64 else { return nil }
            guard case .elements(let elements) = bound else { return Array(repeating: 0, count: output.shape.elementCount) }
            return elements.map { $0 * $0 / 3 }
        }
        try addDifferences(to: &totals, inputs, variances)
        return totals
    }

    /// Adds what the inputs' errors make of the outputs, by differences.
    package func addDifferences(to totals: inout [[Double]?], _ inputs: [Tensor?], _ variances: [[Double]?]) throws {
        let wide = try inputs.map { try $0?.widened() }
        for (position, variances) in variances.enumerated() {
            guard let variances, let input = wide[position], input.dataType == .float64 else { continue }
            let values = try input.doubles()
            let draws = dependence == .one ? 1 : VariancePropagation.draws
            var signs = SignSource()
            for _ in 0..<draws {
                var (above, below) = (values, values)
                for index in values.indices where variances[index] > 0 {
                    let step = variances[index].squareRoot() * (dependence == .one ? 1 : signs.next())
                    above[index] += step
                    below[index] -= step
                }
                var moved = wide
                moved[position] = try Tensor(above, shape: input.shape)
                let upper = try evaluateInDouble(moved)
                moved[position] = try Tensor(below, shape: input.shape)
                let lower = try evaluateInDouble(moved)
                for output in totals.indices where totals[output] != nil {
                    try VariancePropagation.add(upper[output], lower[output], draws: draws, to: &totals[output])
                }
            }
        }
    }
}

/// What the estimate of variances by differences is made of.
enum VariancePropagation {
    /// Enough that the estimate, a χ² variable with as many degrees of freedom, is below a tenth of the truth in one of 10⁵
    /// elements only.
    static let draws = 12

    static func add(_ upper: Tensor, _ lower: Tensor, draws: Int, to total: inout [Double]?) throws {
        let (high, low) = (try upper.doubles(), try lower.doubles())
        guard var sums = total, high.count == sums.count, low.count == sums.count else { return }
        total = nil
        for index in sums.indices {
            // Infinities of one sign differ by nothing.
            guard high[index] != low[index] else { continue }
            let half = (high[index] - low[index]) / 2
            sums[index] += half * half / Double(draws)
        }
        total = sums
    }
}

/// +1 and −1, always in the same order (SplitMix64, Steele, Lea and Flood 2014).
struct SignSource {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func next() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return (word ^ (word >> 31)) & 1 == 0 ? 1 : -1
    }
}

/// The rule for operators that state no bound. It is a convention, not a theorem, and whoever uses it says so.
package enum GenericBound {
    /// `64·u·max(|y|, largest |x|)` with the largest finite element of all inputs.
    package static func elements(of output: Tensor, inputs: [Tensor?], unit: RoundingUnit) throws -> [Double] {
        guard output.dataType.isFloatingPoint else { return [] }
        var largest = 0.0
        for case let input? in inputs where input.dataType.isFloatingPoint {
            for value in try input.doubles() where value.isFinite { largest = max(largest, value.magnitude) }
        }
        return try output.doubles().map { 64 * unit.roundoff * max($0.magnitude, largest) + unit.smallest }
    }
}
