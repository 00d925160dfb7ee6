/// The transforms of minimal filtering F(m, r) along one axis (A. Lavin and S. Gray, *Fast Algorithms for Convolutional Neural
/// Networks*, 2015): `y = Aᵀ[(G·w) ⊙ (Bᵀ·d)]` for m outputs y, r weights w and m + r − 1 inputs d. Bᵀ belongs to the points;
/// G and Aᵀ evaluate polynomials of r and m coefficients there.
protocol WinogradTransform {
    associatedtype Points: WinogradPoints
    /// m.
    static var size: Int { get }
    /// r.
    static var kernel: Int { get }
    /// Aᵀ·s: m outputs from the products at all points; both lie some floats apart.
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int)
}

extension WinogradTransform {
    /// m + r − 1, the inputs along one axis.
    @inline(__always) static var span: Int { size + kernel - 1 }

    /// G, `[m + r − 1][r]`: a point's powers times its scale; ∞ picks the highest coefficient.
    static func writeWeightMatrix(to matrix: UnsafeMutablePointer<Float>) {
        var next = matrix
        for (point, scale) in zip(Points.points, Points.scales) {
            var power = scale
            for _ in 0..<kernel {
                next.initialize(to: power)
                next += 1
                power *= point
            }
        }
        next.initialize(repeating: 0, count: kernel)
        next[kernel - 1] = 1
    }
}

enum TwoOfThree: WinogradTransform {
    typealias Points = FourPoints
    @inline(__always) static var size: Int { 2 }
    @inline(__always) static var kernel: Int { 3 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let s1 = load(source + sourceStep)
        let s2 = load(source + 2 * sourceStep)
        store(load(source) + (s1 + s2), target)
        store((s1 - s2) + load(source + 3 * sourceStep), target + targetStep)
    }
}

enum FourOfThree: WinogradTransform {
    typealias Points = SixPoints
    @inline(__always) static var size: Int { 4 }
    @inline(__always) static var kernel: Int { 3 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        // At a pair ±p the even powers multiply the sum, the odd ones the difference.
        let (sum1, difference1) = pair(source + sourceStep, sourceStep)
        let (sum2, difference2) = pair(source + 3 * sourceStep, sourceStep)
        store(load(source) + (sum1 + sum2), target)
        store(multiplyAdd(difference1, 2, difference2), target + targetStep)
        store(multiplyAdd(sum1, 4, sum2), target + 2 * targetStep)
        store(multiplyAdd(difference1, 8, difference2) + load(source + 5 * sourceStep), target + 3 * targetStep)
    }
}

enum TwoOfFive: WinogradTransform {
    typealias Points = SixPoints
    @inline(__always) static var size: Int { 2 }
    @inline(__always) static var kernel: Int { 5 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let (sum1, difference1) = pair(source + sourceStep, sourceStep)
        let (sum2, difference2) = pair(source + 3 * sourceStep, sourceStep)
        store(load(source) + (sum1 + sum2), target)
        store(multiplyAdd(difference1, 2, difference2) + load(source + 5 * sourceStep), target + targetStep)
    }
}

enum SixOfThree: WinogradTransform {
    typealias Points = EightPoints
    @inline(__always) static var size: Int { 6 }
    @inline(__always) static var kernel: Int { 3 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let (sum1, difference1) = pair(source + sourceStep, sourceStep)
        let (sum2, difference2) = pair(source + 3 * sourceStep, sourceStep)
        let (sum3, difference3) = pair(source + 5 * sourceStep, sourceStep)
        store(load(source) + (sum1 + sum2) + sum3, target)
        store(multiplyAdd(multiplyAdd(difference1, 2, difference2), 0.5, difference3), target + targetStep)
        store(multiplyAdd(multiplyAdd(sum1, 4, sum2), 0.25, sum3), target + 2 * targetStep)
        store(multiplyAdd(multiplyAdd(difference1, 8, difference2), 0.125, difference3), target + 3 * targetStep)
        store(multiplyAdd(multiplyAdd(sum1, 16, sum2), 0.0625, sum3), target + 4 * targetStep)
        store(
            multiplyAdd(multiplyAdd(difference1, 32, difference2), 0.03125, difference3) + load(source + 7 * sourceStep),
            target + 5 * targetStep)
    }
}

enum FourOfFive: WinogradTransform {
    typealias Points = EightPoints
    @inline(__always) static var size: Int { 4 }
    @inline(__always) static var kernel: Int { 5 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let (sum1, difference1) = pair(source + sourceStep, sourceStep)
        let (sum2, difference2) = pair(source + 3 * sourceStep, sourceStep)
        let (sum3, difference3) = pair(source + 5 * sourceStep, sourceStep)
        store(load(source) + (sum1 + sum2) + sum3, target)
        store(multiplyAdd(multiplyAdd(difference1, 2, difference2), 0.5, difference3), target + targetStep)
        store(multiplyAdd(multiplyAdd(sum1, 4, sum2), 0.25, sum3), target + 2 * targetStep)
        store(
            multiplyAdd(multiplyAdd(difference1, 8, difference2), 0.125, difference3) + load(source + 7 * sourceStep),
            target + 3 * targetStep)
    }
}

/// Sum and difference of the products at a pair of points ±p.
@inline(__always)
private func pair(_ source: UnsafePointer<Float>, _ step: Int) -> (sum: Vector, difference: Vector) {
    let positive = load(source)
    let negative = load(source + step)
    return (positive + negative, positive - negative)
}
