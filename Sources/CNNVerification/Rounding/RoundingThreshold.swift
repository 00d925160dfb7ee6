import CNNOperators

/// How many standard deviations of the expected rounding error an element may be off.
public enum RoundingThreshold {
    /// The chance that, if errors were Gaussian with the expected deviations, any element of an array passed the threshold.
    public static let familywiseError = 1e-6

    /// What the Gaussian threshold is multiplied with, because real errors are not quite what the model says: rounding errors
    /// of one layer are correlated, and evaluations sum in blocks, fuse nodes or transform (Winograd) where the model has plain sums.
    ///
    /// Calibrated on nine networks (AlexNet, VGG-16 and -19, GoogLeNet, ResNet-18 and -50, DenseNet-121, SqueezeNet 1.1,
    /// MobileNet v2 with random weights) and two inputs each, evaluated by ONNX Runtime 1.31, OpenVINO 2026.4, ncnn 1.0 (which uses
    /// Winograd's algorithm) and this package's fast and strict runtimes: the root mean square of the errors was between 0.04 and
    /// 0.52 expected deviations, the largest of all 86,000 errors 2.5. A plain Gaussian threshold of 6.1 is already twice that; the
    /// factor doubles it again, for networks and processors that were not tried.
    public static let safetyFactor = 2.0

    /// The threshold for an array of so many elements: the two-sided Gaussian quantile at `familywiseError / count`, times
    /// `safetyFactor`.
    public static func deviations(elementCount: Int) -> Double {
        gaussianQuantile(upperTail: familywiseError / 2 / Double(max(elementCount, 1))) * safetyFactor
    }

    /// z with P(Z > z) = `upperTail` for tails below 1e-3: the solution of `φ(z)·(1 − 1/z²)/z = tail` (the first terms of the
    /// asymptotic series; Abramowitz and Stegun, 26.2.12) by fixed-point iteration. It is off by less than 1 %.
    static func gaussianQuantile(upperTail: Double) -> Double {
        var z = 4.0
        for _ in 0..<50 {
            let factor = (1 - 1 / (z * z)) / (z * (2 * Double.pi).squareRoot())
            z = (2 * ElementaryFunctions.log(factor / upperTail)).squareRoot()
        }
        return z
    }
}
