/// The rounding errors of `scale · (x − mean)/√(variance + ε) + bias`, where mean and variance are those of a row of numbers.
///
/// The mean is off by γₙ·mean|x| at most. The variance may be computed in two passes or as mean x² − mean², which loses
/// digits where the mean is large against the deviation; the bound allows for that: γₙ₊₄·(mean x² + mean²).
struct NormalizationRounding {
    /// Of one row, in its exact form.
    let mean: Double
    let inverseDeviation: Double
    /// The bounds on the error of the mean and on the relative error of `1/√(variance + ε)`.
    private let meanError: Double
    private let relativeError: Double
    private let unit: RoundingUnit

    init(row: some Collection<Double>, epsilon: Float, unit: RoundingUnit) {
        let count = Double(max(row.count, 1))
        var (sum, magnitudes, squares) = (0.0, 0.0, 0.0)
        for x in row {
            sum += x
            magnitudes += x.magnitude
            squares += x * x
        }
        mean = sum / count
        var distances = 0.0
        for x in row { distances += (x - mean) * (x - mean) }
        let shifted = distances / count + Double(epsilon)
        inverseDeviation = 1 / shifted.squareRoot()
        self.unit = unit
        meanError = unit.gamma(Double(row.count) + 1) * magnitudes / count + unit.smallest
        let varianceError =
            unit.gamma(Double(row.count) + 4) * (squares / count + mean * mean + shifted) + meanError * meanError
            + unit.smallest
        let relative = varianceError / shifted
        // |1/√(1 + t) − 1| ≤ 0.83·|t| for |t| ≤ ½; beyond that nothing is promised. Root and quotient round three times.
        relativeError = relative <= 0.5 ? 0.83 * relative + unit.gamma(4) : .infinity
    }

    /// The bound for one element of the row, with its scale and bias.
    func bound(_ x: Double, scale: Double, bias: Double) -> Double {
        let factor = scale.magnitude * inverseDeviation
        let distance = (x - mean).magnitude
        // The scale may be multiplied with the factor and the mean first: s·x·f + (b − s·m·f).
        let terms = factor * (x.magnitude + mean.magnitude) + bias.magnitude
        return factor * meanError * (1 + relativeError) + factor * distance * relativeError + unit.gamma(6) * terms
            + unit.smallest * (1 + factor)
    }

    /// The bounds for values in rows, with the scale and the bias at each position.
    static func bounds(
        _ values: [Double], rowLength: Int, epsilon: Float, unit: RoundingUnit, scale: (Int) -> Double, bias: (Int) -> Double
    ) -> [Double] {
        var result: [Double] = []
        guard rowLength > 0 else { return result }
        result.reserveCapacity(values.count)
        for start in stride(from: 0, to: values.count, by: rowLength) {
            let range = start..<min(start + rowLength, values.count)
            let row = NormalizationRounding(row: values[range], epsilon: epsilon, unit: unit)
            for index in range { result.append(row.bound(values[index], scale: scale(index), bias: bias(index))) }
        }
        return result
    }
}
