/// The transforms of minimal filtering F(m, r) along one axis (A. Lavin and S. Gray, *Fast Algorithms for Convolutional Neural
/// Networks*, 2015): `y = Aᵀ[(G·w) ⊙ (Bᵀ·d)]` for m outputs y, r weights w and the inputs d that they see, as many as there are
/// products.
protocol WinogradTransform {
    /// Room for r values.
    associatedtype Weights: WeightRow
    /// m.
    static var size: Int { get }
    /// r.
    static var kernel: Int { get }
    /// How many inputs an output lies behind the one before.
    static var stride: Int { get }
    /// Rows of G that differ: as many as there are products, unless some products have the same weight.
    static var weightSpan: Int { get }
    /// Which of those rows the weight of a product is.
    static func weightPoint(_ product: Int) -> Int
    /// Bᵀ·d; inputs and results lie some floats apart.
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int)
    /// G·w: asks for the weights, any of them several times, and hands each row's value to `target`.
    static func transformWeights<Source: WeightSource>(_ weight: Source, to target: inout some WeightTarget<Source.Value>)
    /// Aᵀ·s: m outputs from all products, both some floats apart; added to what is there or in its place.
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool)
}

extension WinogradTransform {
    @inline(__always) static var stride: Int { 1 }

    /// The inputs along one axis, and the products.
    @inline(__always) static var span: Int { (size - 1) * stride + kernel }

    @inline(__always) static var weightSpan: Int { span }
    @inline(__always) static func weightPoint(_ product: Int) -> Int { product }
}

/// Transforms of stride 1, whose Bᵀ and G belong to the points; Aᵀ evaluates polynomials of m coefficients there.
protocol PointTransform: WinogradTransform {
    associatedtype Points: WinogradPoints
}

extension PointTransform {
    @inline(__always)
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        Points.transformInput(source, sourceStep, target, targetStep)
    }

    @inline(__always)
    static func transformWeights<Source: WeightSource>(_ weight: Source, to target: inout some WeightTarget<Source.Value>) {
        Points.transformWeights(kernel: kernel, weight, to: &target)
    }
}

enum TwoOfThree: PointTransform {
    typealias Weights = ThreeWeights
    typealias Points = FourPoints
    @inline(__always) static var size: Int { 2 }
    @inline(__always) static var kernel: Int { 3 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        let s1 = load(source + sourceStep)
        let s2 = load(source + 2 * sourceStep)
        put(load(source) + (s1 + s2), target, adding: adding)
        put((s1 - s2) + load(source + 3 * sourceStep), target + targetStep, adding: adding)
    }
}

enum FourOfThree: PointTransform {
    typealias Weights = ThreeWeights
    typealias Points = SixPoints
    @inline(__always) static var size: Int { 4 }
    @inline(__always) static var kernel: Int { 3 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        // At a pair ±p the even powers multiply the sum, the odd ones the difference.
        let (sum1, difference1) = pair(source + sourceStep, sourceStep)
        let (sum2, difference2) = pair(source + 3 * sourceStep, sourceStep)
        put(load(source) + (sum1 + sum2), target, adding: adding)
        put(multiplyAdd(difference1, 2, difference2), target + targetStep, adding: adding)
        put(multiplyAdd(sum1, 4, sum2), target + 2 * targetStep, adding: adding)
        put(multiplyAdd(difference1, 8, difference2) + load(source + 5 * sourceStep), target + 3 * targetStep, adding: adding)
    }
}

enum FourOfFour: PointTransform {
    typealias Weights = FourWeights
    typealias Points = SevenPoints
    @inline(__always) static var size: Int { 4 }
    @inline(__always) static var kernel: Int { 4 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        let (sum1, difference1) = pair(source + sourceStep, sourceStep)
        let (sum2, difference2) = pair(source + 3 * sourceStep, sourceStep)
        let s6 = load(source + 6 * sourceStep)
        put(load(source) + (sum1 + sum2) + s6, target, adding: adding)
        put(multiplyAdd(multiplyAdd(difference1, 2, difference2), 0.5, s6), target + targetStep, adding: adding)
        put(multiplyAdd(multiplyAdd(sum1, 4, sum2), 0.25, s6), target + 2 * targetStep, adding: adding)
        put(
            multiplyAdd(multiplyAdd(difference1, 8, difference2), 0.125, s6) + load(source + 5 * sourceStep),
            target + 3 * targetStep, adding: adding)
    }
}

enum TwoOfFive: PointTransform {
    typealias Weights = FiveWeights
    typealias Points = SixPoints
    @inline(__always) static var size: Int { 2 }
    @inline(__always) static var kernel: Int { 5 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        let (sum1, difference1) = pair(source + sourceStep, sourceStep)
        let (sum2, difference2) = pair(source + 3 * sourceStep, sourceStep)
        put(load(source) + (sum1 + sum2), target, adding: adding)
        put(multiplyAdd(difference1, 2, difference2) + load(source + 5 * sourceStep), target + targetStep, adding: adding)
    }
}

enum SixOfThree: PointTransform {
    typealias Weights = ThreeWeights
    typealias Points = EightPoints
    @inline(__always) static var size: Int { 6 }
    @inline(__always) static var kernel: Int { 3 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        let (sum1, difference1) = pair(source + sourceStep, sourceStep)
        let (sum2, difference2) = pair(source + 3 * sourceStep, sourceStep)
        let (sum3, difference3) = pair(source + 5 * sourceStep, sourceStep)
        put(load(source) + (sum1 + sum2) + sum3, target, adding: adding)
        put(multiplyAdd(multiplyAdd(difference1, 2, difference2), 0.5, difference3), target + targetStep, adding: adding)
        put(multiplyAdd(multiplyAdd(sum1, 4, sum2), 0.25, sum3), target + 2 * targetStep, adding: adding)
        put(multiplyAdd(multiplyAdd(difference1, 8, difference2), 0.125, difference3), target + 3 * targetStep, adding: adding)
        put(multiplyAdd(multiplyAdd(sum1, 16, sum2), 0.0625, sum3), target + 4 * targetStep, adding: adding)
        put(
            multiplyAdd(multiplyAdd(difference1, 32, difference2), 0.03125, difference3) + load(source + 7 * sourceStep),
            target + 5 * targetStep, adding: adding)
    }
}

enum FourOfFive: PointTransform {
    typealias Weights = FiveWeights
    typealias Points = EightPoints
    @inline(__always) static var size: Int { 4 }
    @inline(__always) static var kernel: Int { 5 }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        let (sum1, difference1) = pair(source + sourceStep, sourceStep)
        let (sum2, difference2) = pair(source + 3 * sourceStep, sourceStep)
        let (sum3, difference3) = pair(source + 5 * sourceStep, sourceStep)
        put(load(source) + (sum1 + sum2) + sum3, target, adding: adding)
        put(multiplyAdd(multiplyAdd(difference1, 2, difference2), 0.5, difference3), target + targetStep, adding: adding)
        put(multiplyAdd(multiplyAdd(sum1, 4, sum2), 0.25, sum3), target + 2 * targetStep, adding: adding)
        put(
            multiplyAdd(multiplyAdd(difference1, 8, difference2), 0.125, difference3) + load(source + 7 * sourceStep),
            target + 3 * targetStep, adding: adding)
    }
}

/// Sum and difference of the products at a pair of points ±p.
@inline(__always)
func pair(_ source: UnsafePointer<Float>, _ step: Int) -> (sum: Vector, difference: Vector) {
    let positive = load(source)
    let negative = load(source + step)
    return (positive + negative, positive - negative)
}

@inline(__always)
func put(_ value: Vector, _ target: UnsafeMutablePointer<Float>, adding: Bool) {
    store(adding ? load(target) + value : value, target)
}
