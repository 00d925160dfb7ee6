/// Mean and variance of some numbers; the variance is the mean squared distance from the mean (population variance), taken
/// in a second pass, so that a large mean costs no digits.
struct Moments {
    var mean: Double
    var variance: Double

    /// `1/√(variance + epsilon)`
    func inverseDeviation(epsilon: Float) -> Double {
        1 / (variance + Double(epsilon)).squareRoot()
    }

    /// Replaces every row of `rowLength` numbers by `(x − mean) / √(variance + epsilon)` over that row.
    /// - Returns: the moments of the rows as they were.
    static func standardize(_ values: inout [Double], rowLength: Int, epsilon: Float) -> [Moments] {
        guard rowLength > 0 else { return [] }
        let count = Double(rowLength)
        return stride(from: 0, to: values.count, by: rowLength).map { start in
            let row = start..<start + rowLength
            var mean = 0.0
            for index in row { mean += values[index] }
            mean /= count
            var variance = 0.0
            for index in row { variance += (values[index] - mean) * (values[index] - mean) }
            let moments = Moments(mean: mean, variance: variance / count)
            let factor = moments.inverseDeviation(epsilon: epsilon)
            for index in row { values[index] = (values[index] - mean) * factor }
            return moments
        }
    }
}
