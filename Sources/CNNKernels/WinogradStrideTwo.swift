/// Minimal filtering of stride 2 along one axis. Output i is `Σ w(k)·d(2i + k)`: a filter of stride 1 with the weights of even k on the
/// inputs of even index, plus one with the odd weights on the odd inputs. Each is an F(m, ·) of its own, whose products lie one
/// behind the other; so m outputs take `2m + r − 2` products instead of m·r. (The polyphase decomposition of the decimating filter
/// bank: P. P. Vaidyanathan, *Multirate Systems and Filter Banks*, 1993, section 4.3.)
///
/// The two halves may have strides of their own, which theirs then is twice.
enum StrideTwo<Even: WinogradTransform, Odd: WinogradTransform>: WinogradTransform {
    typealias Weights = JoinedWeights<Even.Weights, Odd.Weights>
    @inline(__always) static var size: Int { Even.size }
    @inline(__always) static var kernel: Int { Even.kernel + Odd.kernel }
    @inline(__always) static var stride: Int { 2 * Even.stride }
    @inline(__always) static var weightSpan: Int { Even.weightSpan + Odd.weightSpan }

    @inline(__always)
    static func weightPoint(_ product: Int) -> Int {
        product < Even.span
            ? Even.weightPoint(product) : Even.weightSpan + Odd.weightPoint(product - Even.span)
    }

    @inline(__always)
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        Even.transformInput(source, 2 * sourceStep, target, targetStep)
        Odd.transformInput(source + sourceStep, 2 * sourceStep, target + Even.span * targetStep, targetStep)
    }

    @inline(__always)
    static func transformWeights<Source: WeightSource>(_ weight: Source, to target: inout some WeightTarget<Source.Value>) {
        Even.transformWeights(EverySecond(weight, from: 0), to: &target)
        Odd.transformWeights(EverySecond(weight, from: 1), to: &target)
    }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        Even.transformOutput(source, sourceStep, target, targetStep, adding: adding)
        Odd.transformOutput(source + Even.span * sourceStep, sourceStep, target, targetStep, adding: true)
    }
}

typealias TwoOfThreeStrideTwo = StrideTwo<TwoOfTwo, TwoOfOne>
typealias FourOfThreeStrideTwo = StrideTwo<FourOfTwo, FourOfOne>
typealias TwoOfFiveStrideTwo = StrideTwo<TwoOfThree, TwoOfTwo>
typealias FourOfFiveStrideTwo = StrideTwo<FourOfThree, FourOfTwo>
typealias FourOfSevenStrideTwo = StrideTwo<FourOfFour, FourOfThree>
typealias FourOfElevenStrideFour = StrideTwo<StrideTwo<FourOfThree, FourOfThree>, StrideTwo<FourOfThree, FourOfTwo>>

/// The points 0, 1, ∞.
enum TwoOfTwo: WinogradTransform {
    typealias Weights = TwoWeights
    @inline(__always) static var size: Int { 2 }
    @inline(__always) static var kernel: Int { 2 }

    @inline(__always)
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let d1 = load(source + sourceStep)
        store(load(source) - d1, target)
        store(d1, target + targetStep)
        store(load(source + 2 * sourceStep) - d1, target + 2 * targetStep)
    }

    @inline(__always)
    static func transformWeights<Source: WeightSource>(_ weight: Source, to target: inout some WeightTarget<Source.Value>) {
        target.append(weight[0])
        target.append(weight[0] + weight[1])
        target.append(weight[1])
    }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        let s1 = load(source + sourceStep)
        put(load(source) + s1, target, adding: adding)
        put(s1 + load(source + 2 * sourceStep), target + targetStep, adding: adding)
    }
}

/// The points 0, ±1, 2, ∞.
enum FourOfTwo: WinogradTransform {
    typealias Weights = TwoWeights
    @inline(__always) static var size: Int { 4 }
    @inline(__always) static var kernel: Int { 2 }

    @inline(__always)
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let d1 = load(source + sourceStep)
        let d2 = load(source + 2 * sourceStep)
        let d3 = load(source + 3 * sourceStep)
        let outer = d3 - d1
        let inner = d3 - d2
        store(multiplyAdd(outer, 2, load(source) - d2), target)
        store(multiplyAdd(inner, -2, d1), target + targetStep)
        store(multiplyAdd(inner, 2, d1 - d2), target + 2 * targetStep)
        store(outer, target + 3 * targetStep)
        store(multiplyAdd(load(source + 4 * sourceStep) - d2, -2, outer), target + 4 * targetStep)
    }

    @inline(__always)
    static func transformWeights<Source: WeightSource>(_ weight: Source, to target: inout some WeightTarget<Source.Value>) {
        target.append(weight[0].scaled(by: 1 / 2))
        target.append((weight[0] + weight[1]).scaled(by: -1 / 2))
        target.append((weight[1] - weight[0]).scaled(by: 1 / 6))
        var value = weight[0].scaled(by: 1 / 6)
        value.add(weight[1], times: 1 / 3)
        target.append(value)
        target.append(weight[1])
    }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        let (sum, difference) = pair(source + sourceStep, sourceStep)
        let s3 = load(source + 3 * sourceStep)
        put(load(source) + (sum + s3), target, adding: adding)
        put(multiplyAdd(difference, 2, s3), target + targetStep, adding: adding)
        put(multiplyAdd(sum, 4, s3), target + 2 * targetStep, adding: adding)
        put(
            multiplyAdd(difference, 8, s3) + load(source + 4 * sourceStep), target + 3 * targetStep, adding: adding)
    }
}

/// A single weight: its products are the outputs, and it is the same in all of them.
protocol OneWeightTransform: WinogradTransform where Weights == OneWeight {}

extension OneWeightTransform {
    @inline(__always) static var kernel: Int { 1 }
    @inline(__always) static var weightSpan: Int { 1 }
    @inline(__always) static func weightPoint(_ product: Int) -> Int { 0 }

    @inline(__always)
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        for index in 0..<size {
            store(load(source + index * sourceStep), target + index * targetStep)
        }
    }

    @inline(__always)
    static func transformWeights<Source: WeightSource>(_ weight: Source, to target: inout some WeightTarget<Source.Value>) {
        target.append(weight[0])
    }

    @inline(__always)
    static func transformOutput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int,
        adding: Bool
    ) {
        for index in 0..<size {
            put(load(source + index * sourceStep), target + index * targetStep, adding: adding)
        }
    }
}

enum TwoOfOne: OneWeightTransform {
    @inline(__always) static var size: Int { 2 }
}

enum FourOfOne: OneWeightTransform {
    @inline(__always) static var size: Int { 4 }
}
