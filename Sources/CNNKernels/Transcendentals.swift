#if KERNELS_AVX512
    typealias IntegerVector = SIMD16<Int32>
#elseif KERNELS_AVX2 || arch(arm64)
    typealias IntegerVector = SIMD8<Int32>
#else
    typealias IntegerVector = SIMD4<Int32>
#endif

@inline(__always)
private func bits(_ vector: Vector) -> IntegerVector {
    unsafeBitCast(vector, to: IntegerVector.self)
}

@inline(__always)
private func float(_ bits: IntegerVector) -> Vector {
    unsafeBitCast(bits, to: Vector.self)
}

@inline(__always)
func absolute(_ x: Vector) -> Vector {
    float(bits(x) & IntegerVector(repeating: 0x7FFF_FFFF))
}

/// `magnitude` with the sign of `sign`.
@inline(__always)
private func copySign(_ magnitude: Vector, _ sign: Vector) -> Vector {
    float(bits(magnitude) | (bits(sign) & IntegerVector(repeating: Int32.min)))
}

/// 2ⁿ for −126 ≤ n ≤ 127.
@inline(__always)
private func powerOfTwo(_ n: IntegerVector) -> Vector {
    float((n &+ IntegerVector(repeating: 127)) &<< IntegerVector(repeating: 23))
}

/// `x = n·ln 2 + r` with |r| ≤ ½ ln 2. ln 2 is cut in two, the first part with so few digits that `n` times it is exact.
@inline(__always)
private func reduce(_ x: Vector) -> (n: IntegerVector, r: Vector) {
    // Adding 1.5·2²³ rounds to an integer, which then stands in the low bits.
    let shifter = Vector(repeating: 0x1.8p23)
    let shifted = multiplyAdd(shifter, x, Vector(repeating: 0x1.715476p0))
    let n = shifted - shifter
    var r = multiplyAdd(x, n, Vector(repeating: -0x1.63p-1))
    r = multiplyAdd(r, n, Vector(repeating: 0x1.bd0106p-13))
    return (bits(shifted) &- bits(shifter), r)
}

/// `(eʳ − 1 − r) / r²` for |r| ≤ ½ ln 2: the series to r⁷, whose remainder is below 0.1 ulp of eʳ.
@inline(__always)
private func exponentialTail(_ r: Vector) -> Vector {
    var p = Vector(repeating: 1 / 5040)
    p = multiplyAdd(Vector(repeating: 1 / 720), p, r)
    p = multiplyAdd(Vector(repeating: 1 / 120), p, r)
    p = multiplyAdd(Vector(repeating: 1 / 24), p, r)
    p = multiplyAdd(Vector(repeating: 1 / 6), p, r)
    return multiplyAdd(Vector(repeating: 1 / 2), p, r)
}

/// eˣ. NaN for NaN.
@inline(__always)
func exponential(_ x: Vector) -> Vector {
    var limited = x
    // Beyond these the result is ∞ and 0 anyway, and n stays small enough for the two steps below.
    limited.replace(with: Vector(repeating: 89), where: x .> 89)
    limited.replace(with: Vector(repeating: -104), where: x .< -104)
    let (n, r) = reduce(limited)
    let y = 1 + multiplyAdd(r, exponentialTail(r), r * r)
    // In two steps, because 2ⁿ alone overflows before the result does, and vanishes before it is subnormal.
    let half = n &>> IntegerVector(repeating: 1)
    return y * powerOfTwo(half) * powerOfTwo(n &- half)
}

/// eˣ − 1 for x ≤ 88, exact for small x too. NaN for NaN.
@inline(__always)
func exponentialMinusOne(_ x: Vector) -> Vector {
    var limited = x
    limited.replace(with: Vector(repeating: -20), where: x .< -20)
    let (n, r) = reduce(limited)
    let tail = multiplyAdd(r, exponentialTail(r), r * r)
    let scale = powerOfTwo(n)
    return multiplyAdd(scale - 1, tail, scale)
}

/// `1 / (1 + e⁻ˣ)`, from e^−|x|, which cannot overflow.
@inline(__always)
func sigmoid(_ x: Vector) -> Vector {
    let e = exponential(-absolute(x))
    let numerator = Vector(repeating: 1).replacing(with: e, where: x .< 0)
    return numerator / (1 + e)
}

/// tanh x = (e²ˣ − 1) / (e²ˣ + 1), without cancellation for small x.
@inline(__always)
func hyperbolicTangent(_ x: Vector) -> Vector {
    var twice = 2 * absolute(x)
    // tanh 10 rounds to 1.
    twice.replace(with: Vector(repeating: 20), where: twice .> 20)
    let e = exponentialMinusOne(twice)
    return copySign(e / (e + 2), x)
}

/// Natural logarithm: NaN below 0, −∞ at 0.
@inline(__always)
func logarithm(_ x: Vector) -> Vector {
    // Subnormal numbers are scaled up, so that the exponent can be read from the bits.
    let isTiny = x .< 0x1p-126
    let scaled = x.replacing(with: x * 0x1p23, where: isTiny)
    // m in [√½, √2): the constant subtracted is the bits of √½.
    let raw = bits(scaled) &- IntegerVector(repeating: 0x3F35_04F3)
    let exponent = raw &>> IntegerVector(repeating: 23)
    let mantissa = float((raw & IntegerVector(repeating: 0x007F_FFFF)) &+ IntegerVector(repeating: 0x3F35_04F3))
    // An integer below 2²² to a Float without a conversion: its bits under 1.5·2²³.
    let shifter = Vector(repeating: 0x1.8p23)
    var n = float(bits(shifter) &+ exponent) - shifter
    n.replace(with: n - 23, where: isTiny)
    // log m = 2 artanh s with s = f/(2 + f): the odd series in s to s⁹, |s| ≤ 0.172, remainder below 0.1 ulp. The leading
    // f − f²/2 is exact enough to stand apart.
    let f = mantissa - 1
    let s = f / (2 + f)
    let z = s * s
    var p = Vector(repeating: 2 / 9)
    p = multiplyAdd(Vector(repeating: 2 / 7), p, z)
    p = multiplyAdd(Vector(repeating: 2 / 5), p, z)
    p = multiplyAdd(Vector(repeating: 2 / 3), p, z)
    let half = 0.5 * f * f
    let low = multiplyAdd(s * (half + p * z), n, Vector(repeating: -0x1.bd0106p-13))
    var result = multiplyAdd(f - (half - low), n, Vector(repeating: 0x1.63p-1))
    result.replace(with: x, where: x .== .infinity)
    result.replace(with: Vector(repeating: -.infinity), where: x .== 0)
    result.replace(with: Vector(repeating: .nan), where: (x .< 0) .| (x .!= x))
    return result
}

/// `x^(−¼)` for x ≥ 2⁻⁶⁴: 0 for ∞, NaN for NaN. Newton's iteration q·(5 − x·q⁴)/4 from a guess that takes the bits of a Float for its
/// logarithm and is off by 4 %; its error e becomes 5/2·e², so that three steps reach rounding.
@inline(__always)
func inverseFourthRoot(_ x: Vector) -> Vector {
    let quarter = bits(x) &>> IntegerVector(repeating: 2)
    var q = float(IntegerVector(repeating: 0x4F58_0000) &- quarter)
    let scaled = -0.25 * x
    for _ in 0..<3 {
        let square = q * q
        q *= multiplyAdd(Vector(repeating: 1.25), scaled, square * square)
    }
    q.replace(with: Vector.zero, where: x .== .infinity)
    return q
}
