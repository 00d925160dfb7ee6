/// The transforms of Winograd's minimal filtering F(m, 3) along one axis (Lavin and Gray, *Fast Algorithms for Convolutional
/// Neural Networks*, 2015): `y = Aᵀ[(G·w) ⊙ (Bᵀ·d)]` for m outputs y, three weights w and m + 2 inputs d.
protocol WinogradTransform {
    /// m.
    static var size: Int { get }
    /// G, m + 2 rows of three.
    static var weightMatrix: [[Double]] { get }
    /// Bᵀ·d: `size + 2` vectors from `source`, `sourceStep` floats apart, to `target`.
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int)
    /// Aᵀ·s: `size + 2` vectors to `size` vectors.
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int)
}

extension WinogradTransform {
    /// m + 2, the inputs along one axis.
    @inline(__always) static var span: Int { size + 2 }
}

/// F(2, 3): points 0, ±1.
enum WinogradTwo: WinogradTransform {
    @inline(__always) static var size: Int { 2 }
    static var weightMatrix: [[Double]] { [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]] }

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
        store(d1 - d3, target + 3 * targetStep)
    }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let s0 = load(source)
        let s1 = load(source + sourceStep)
        let s2 = load(source + 2 * sourceStep)
        let s3 = load(source + 3 * sourceStep)
        store(s0 + s1 + s2, target)
        store(s1 - s2 - s3, target + targetStep)
    }
}

/// F(4, 3): points 0, ±1, ±2.
enum WinogradFour: WinogradTransform {
    @inline(__always) static var size: Int { 4 }
    static var weightMatrix: [[Double]] {
        [
            [1.0 / 4, 0, 0], [-1.0 / 6, -1.0 / 6, -1.0 / 6], [-1.0 / 6, 1.0 / 6, -1.0 / 6],
            [1.0 / 24, 1.0 / 12, 1.0 / 6], [1.0 / 24, -1.0 / 12, 1.0 / 6], [0, 0, 1],
        ]
    }

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
        // Rows of Bᵀ come in pairs ±: the even part and the odd part are shared.
        let even1 = multiplyAdd(d4, -4, d2)
        let odd1 = multiplyAdd(d3, -4, d1)
        let even2 = d4 - d2
        let odd2 = 2 * (d3 - d1)
        store(multiplyAdd(multiplyAdd(d4, -5, d2), 4, d0), target)
        store(even1 + odd1, target + targetStep)
        store(even1 - odd1, target + 2 * targetStep)
        store(even2 + odd2, target + 3 * targetStep)
        store(even2 - odd2, target + 4 * targetStep)
        store(multiplyAdd(multiplyAdd(d5, -5, d3), 4, d1), target + 5 * targetStep)
    }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let s0 = load(source)
        let s1 = load(source + sourceStep)
        let s2 = load(source + 2 * sourceStep)
        let s3 = load(source + 3 * sourceStep)
        let s4 = load(source + 4 * sourceStep)
        let s5 = load(source + 5 * sourceStep)
        let sum1 = s1 + s2
        let difference1 = s1 - s2
        let sum2 = s3 + s4
        let difference2 = s3 - s4
        store(s0 + sum1 + sum2, target)
        store(multiplyAdd(difference1, 2, difference2), target + targetStep)
        store(multiplyAdd(sum1, 4, sum2), target + 2 * targetStep)
        store(multiplyAdd(difference1, 8, difference2) + s5, target + 3 * targetStep)
    }
}

/// F(6, 3): points 0, ±1, ±2, ±½.
enum WinogradSix: WinogradTransform {
    @inline(__always) static var size: Int { 6 }
    static var weightMatrix: [[Double]] {
        [
            [1, 0, 0], [-2.0 / 9, -2.0 / 9, -2.0 / 9], [-2.0 / 9, 2.0 / 9, -2.0 / 9], [1.0 / 90, 1.0 / 45, 2.0 / 45],
            [1.0 / 90, -1.0 / 45, 2.0 / 45], [32.0 / 45, 16.0 / 45, 8.0 / 45], [32.0 / 45, -16.0 / 45, 8.0 / 45], [0, 0, 1],
        ]
    }

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

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let s0 = load(source)
        let s1 = load(source + sourceStep)
        let s2 = load(source + 2 * sourceStep)
        let s3 = load(source + 3 * sourceStep)
        let s4 = load(source + 4 * sourceStep)
        let s5 = load(source + 5 * sourceStep)
        let s6 = load(source + 6 * sourceStep)
        let s7 = load(source + 7 * sourceStep)
        let sum1 = s1 + s2
        let difference1 = s1 - s2
        let sum2 = s3 + s4
        let difference2 = s3 - s4
        let sum3 = s5 + s6
        let difference3 = s5 - s6
        store(s0 + sum1 + sum2 + sum3, target)
        store(multiplyAdd(multiplyAdd(difference1, 2, difference2), 0.5, difference3), target + targetStep)
        store(multiplyAdd(multiplyAdd(sum1, 4, sum2), 0.25, sum3), target + 2 * targetStep)
        store(multiplyAdd(multiplyAdd(difference1, 8, difference2), 0.125, difference3), target + 3 * targetStep)
        store(multiplyAdd(multiplyAdd(sum1, 16, sum2), 0.0625, sum3), target + 4 * targetStep)
        store(multiplyAdd(multiplyAdd(difference1, 32, difference2), 0.03125, difference3) + s7, target + 5 * targetStep)
    }
}
