/// The points at which Cook and Toom's construction evaluates the polynomials, and what follows from them alone: the transform
/// of the input. F(m, r) needs m + r − 1 points, the last of which is ∞; so F(4, 3) and F(2, 5) share theirs.
///
/// The points are those of small numerators and denominators, for whose powers the transforms lose least (B. Barabasz,
/// A. Anderson, K. M. Soodhalter, D. Gregg, *Error Analysis and Improving the Accuracy of Winograd Convolution for Deep
/// Neural Networks*, 2020).
protocol WinogradPoints {
    /// The finite points, in the order in which the transforms use them.
    static var points: [Float] { get }
    /// What the weights' transform is scaled by at each finite point: one over the product of its differences from the
    /// other points, up to the sign and factor that `transformInput` carries.
    static var scales: [Float] { get }
    /// Bᵀ·d: all points' values from as many inputs; both lie some floats apart.
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int)
}

/// 0, ±1, ∞.
enum FourPoints: WinogradPoints {
    static var points: [Float] { [0, 1, -1] }
    static var scales: [Float] { [1, 0.5, 0.5] }

    @inline(__always)
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let d0 = load(source)
        let d1 = load(source + sourceStep)
        let d2 = load(source + 2 * sourceStep)
        let d3 = load(source + 3 * sourceStep)
        store(d0 - d2, target)
        store(d1 + d2, target + targetStep)
        store(d2 - d1, target + 2 * targetStep)
        store(d3 - d1, target + 3 * targetStep)
    }
}

/// 0, ±1, ±2, ∞.
enum SixPoints: WinogradPoints {
    static var points: [Float] { [0, 1, -1, 2, -2] }
    static var scales: [Float] { [1 / 4, -1 / 6, -1 / 6, 1 / 24, 1 / 24] }

    @inline(__always)
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let d0 = load(source)
        let d1 = load(source + sourceStep)
        let d2 = load(source + 2 * sourceStep)
        let d3 = load(source + 3 * sourceStep)
        let d4 = load(source + 4 * sourceStep)
        let d5 = load(source + 5 * sourceStep)
        // The rows of a pair ±p share their even part and their odd part.
        let even1 = multiplyAdd(d4, -4, d2)
        let odd1 = multiplyAdd(d3, -4, d1)
        let even2 = d4 - d2
        let odd2 = d3 - d1
        store(multiplyAdd(multiplyAdd(d4, -5, d2), 4, d0), target)
        store(even1 + odd1, target + targetStep)
        store(even1 - odd1, target + 2 * targetStep)
        store(multiplyAdd(even2, 2, odd2), target + 3 * targetStep)
        store(multiplyAdd(even2, -2, odd2), target + 4 * targetStep)
        store(multiplyAdd(multiplyAdd(d5, -5, d3), 4, d1), target + 5 * targetStep)
    }
}

/// 0, ±1, ±2, ±½, ∞.
enum EightPoints: WinogradPoints {
    static var points: [Float] { [0, 1, -1, 2, -2, 0.5, -0.5] }
    static var scales: [Float] { [1, -2 / 9, -2 / 9, 1 / 90, 1 / 90, 32 / 45, 32 / 45] }

    @inline(__always)
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let d0 = load(source)
        let d1 = load(source + sourceStep)
        let d2 = load(source + 2 * sourceStep)
        let d3 = load(source + 3 * sourceStep)
        let d4 = load(source + 4 * sourceStep)
        let d5 = load(source + 5 * sourceStep)
        let d6 = load(source + 6 * sourceStep)
        let d7 = load(source + 7 * sourceStep)
        let even1 = multiplyAdd(d2 + d6, -4.25, d4)
        let odd1 = multiplyAdd(d1 + d5, -4.25, d3)
        let even2 = multiplyAdd(multiplyAdd(d6, -1.25, d4), 0.25, d2)
        let odd2 = multiplyAdd(multiplyAdd(2 * d5, -2.5, d3), 0.5, d1)
        let even3 = multiplyAdd(multiplyAdd(d6, -5, d4), 4, d2)
        let odd3 = multiplyAdd(multiplyAdd(0.5 * d5, -2.5, d3), 2, d1)
        store(multiplyAdd(d0 - d6, 5.25, d4 - d2), target)
        store(even1 + odd1, target + targetStep)
        store(even1 - odd1, target + 2 * targetStep)
        store(even2 + odd2, target + 3 * targetStep)
        store(even2 - odd2, target + 4 * targetStep)
        store(even3 + odd3, target + 5 * targetStep)
        store(even3 - odd3, target + 6 * targetStep)
        store(multiplyAdd(d7 - d1, 5.25, d3 - d5), target + 7 * targetStep)
    }
}
