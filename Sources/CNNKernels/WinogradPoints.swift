/// The points at which Cook and Toom's construction evaluates the polynomials, and what follows from them: the transform of the input,
/// and that of weights of any number. F(m, r) needs m + r − 1 points, the last of which is ∞; so F(4, 3) and F(2, 5) share theirs.
///
/// The points are those of small numerators and denominators, for whose powers the transforms lose least (B. Barabasz,
/// A. Anderson, K. M. Soodhalter, D. Gregg, *Error Analysis and Improving the Accuracy of Winograd Convolution for Deep
/// Neural Networks*, 2020).
protocol WinogradPoints {
    /// Bᵀ·d: all points' values from as many inputs; both lie some floats apart.
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int)
    /// G·w: hands each point's value of `kernel` weights to `target`. A value is scaled by one over the product of the point's differences
    /// from the other points, up to the sign and factor that `transformInput` carries; ∞ picks the highest coefficient.
    static func transformWeights<Source: WeightSource>(
        kernel: Int, _ weight: Source, to target: inout some WeightTarget<Source.Value>)
}

extension WinogradPoints {
    /// The scaled values at ±`point`, which share their even part and, but for the sign, their odd part.
    @inline(__always)
    static func evaluatePair<Source: WeightSource>(
        at point: Float, scale: Float, kernel: Int, _ weight: Source, to target: inout some WeightTarget<Source.Value>
    ) {
        var power = scale * point
        var even = weight[0].scaled(by: scale)
        var odd = weight[1].scaled(by: power)
        for exponent in 2..<kernel {
            power *= point
            if exponent % 2 == 0 {
                even.add(weight[exponent], times: power)
            } else {
                odd.add(weight[exponent], times: power)
            }
        }
        target.append(even + odd)
        target.append(even - odd)
    }

    /// The scaled value at `point`.
    @inline(__always)
    static func evaluate<Source: WeightSource>(
        at point: Float, scale: Float, kernel: Int, _ weight: Source, to target: inout some WeightTarget<Source.Value>
    ) {
        var power = scale
        var value = weight[0].scaled(by: scale)
        for exponent in 1..<kernel {
            power *= point
            value.add(weight[exponent], times: power)
        }
        target.append(value)
    }
}

/// 0, ±1, ∞.
enum FourPoints: WinogradPoints {
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

    @inline(__always)
    static func transformWeights<Source: WeightSource>(
        kernel: Int, _ weight: Source, to target: inout some WeightTarget<Source.Value>
    ) {
        target.append(weight[0])
        evaluatePair(at: 1, scale: 1 / 2, kernel: kernel, weight, to: &target)
        target.append(weight[kernel - 1])
    }
}

/// 0, ±1, ±2, ∞.
enum SixPoints: WinogradPoints {
    @inline(__always)
    static func transformInput(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        transform(
            load(source), load(source + sourceStep), load(source + 2 * sourceStep), load(source + 3 * sourceStep),
            load(source + 4 * sourceStep), load(source + 5 * sourceStep), target, targetStep)
    }

    @inline(__always)
    static func transform(
        _ d0: Vector, _ d1: Vector, _ d2: Vector, _ d3: Vector, _ d4: Vector, _ d5: Vector,
        _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
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

    @inline(__always)
    static func transformWeights<Source: WeightSource>(
        kernel: Int, _ weight: Source, to target: inout some WeightTarget<Source.Value>
    ) {
        target.append(weight[0].scaled(by: 1 / 4))
        evaluatePair(at: 1, scale: -1 / 6, kernel: kernel, weight, to: &target)
        evaluatePair(at: 2, scale: 1 / 24, kernel: kernel, weight, to: &target)
        target.append(weight[kernel - 1])
    }
}

/// 0, ±1, ±2, ∞, ½: the polynomials of six points, times x − ½.
enum SevenPoints: WinogradPoints {
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
        SixPoints.transform(
            multiplyAdd(d1, -0.5, d0), multiplyAdd(d2, -0.5, d1), multiplyAdd(d3, -0.5, d2), multiplyAdd(d4, -0.5, d3),
            multiplyAdd(d5, -0.5, d4), multiplyAdd(d6, -0.5, d5), target, targetStep)
        store(multiplyAdd(multiplyAdd(d5, -5, d3), 4, d1), target + 6 * targetStep)
    }

    @inline(__always)
    static func transformWeights<Source: WeightSource>(
        kernel: Int, _ weight: Source, to target: inout some WeightTarget<Source.Value>
    ) {
        target.append(weight[0].scaled(by: -1 / 2))
        evaluate(at: 1, scale: -1 / 3, kernel: kernel, weight, to: &target)
        evaluate(at: -1, scale: 1 / 9, kernel: kernel, weight, to: &target)
        evaluate(at: 2, scale: 1 / 36, kernel: kernel, weight, to: &target)
        evaluate(at: -2, scale: -1 / 60, kernel: kernel, weight, to: &target)
        target.append(weight[kernel - 1])
        evaluate(at: 0.5, scale: 32 / 45, kernel: kernel, weight, to: &target)
    }
}

/// 0, ±1, ±2, ±½, ∞.
enum EightPoints: WinogradPoints {
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
    static func transformWeights<Source: WeightSource>(
        kernel: Int, _ weight: Source, to target: inout some WeightTarget<Source.Value>
    ) {
        target.append(weight[0])
        evaluatePair(at: 1, scale: -2 / 9, kernel: kernel, weight, to: &target)
        evaluatePair(at: 2, scale: 1 / 90, kernel: kernel, weight, to: &target)
        evaluatePair(at: 0.5, scale: 32 / 45, kernel: kernel, weight, to: &target)
        target.append(weight[kernel - 1])
    }
}
