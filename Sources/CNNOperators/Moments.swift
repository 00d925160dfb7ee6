/// Mean and variance of some numbers; the variance is the mean squared distance from the mean (population variance), taken
/// in a second pass, so that a large mean costs no digits.
struct Moments {
    var mean: Double
    var variance: Double

    init(_ values: some Collection<Double>) {
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        self.mean = mean
        variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    }

    init(mean: Double, variance: Double) {
        self.mean = mean
        self.variance = variance
    }

    /// `1/√(variance + epsilon)`
    func inverseDeviation(epsilon: Double) -> Double {
        1 / (variance + epsilon).squareRoot()
    }
}
