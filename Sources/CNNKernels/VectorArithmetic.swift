import CCPUFeatures
import CNNKernelTable

/// `sum + left·right`: one instruction where the processor has it. Plain SSE has not, and a call of `fmaf` for each lane is
/// a hundred times slower than rounding twice.
@inline(always)
func multiplyAdd(_ sum: Vector, _ left: Vector, _ right: Vector) -> Vector {
    #if KERNELS_AVX2 || KERNELS_AVX512 || arch(arm64)
        sum.addingProduct(left, right)
    #else
        sum + left * right
    #endif
}

@inline(always)
func multiplyAdd(_ sum: Vector, _ left: Float, _ right: Vector) -> Vector {
    multiplyAdd(sum, Vector(repeating: left), right)
}

@inline(always)
func load(_ pointer: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

@inline(always)
func load(_ pointer: UnsafeMutablePointer<Float>) -> Vector {
    UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

@inline(always)
func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: Vector.self)
}

extension UnsafeMutablePointer<Vector> {
    /// The lanes one after the other.
    @inline(__always)
    var floats: UnsafeMutablePointer<Float> { UnsafeMutableRawPointer(self).assumingMemoryBound(to: Float.self) }
}

/// Asks for `count` floats, to lie in the second-level cache when they are read. Addresses past the end do no harm.
@inline(always)
func prefetch(_ pointer: UnsafePointer<Float>, count: Int) {
    var offset = 0
    while offset < count {
        cpu_prefetch(pointer + offset)
        offset += 64 / MemoryLayout<Float>.stride
    }
}

/// An `Activation` with its constants spread over vectors, once per call.
struct VectorActivation {
    let slope: Vector
    let lower: Vector
    let upper: Vector
    let isLeaky: Bool

    @inline(always)
    init(_ activation: Activation) {
        slope = Vector(repeating: activation.slope)
        lower = Vector(repeating: activation.lower)
        upper = Vector(repeating: activation.upper)
        isLeaky = activation.slope != 1
    }

    /// Written as selections so that NaN passes, in the one form that is x86's `max(lower, x)`, which returns its second operand
    /// when one is NaN: `lower > x ? lower : x`.
    @inline(__always)
    func callAsFunction(_ x: Vector) -> Vector {
        var y = x
        if isLeaky {
            y.replace(with: x * slope, where: x .< 0)
        }
        y.replace(with: lower, where: lower .> y)
        y.replace(with: upper, where: upper .< y)
        return y
    }
}

/// The first `count` lanes from memory, the others zero; all lanes for a `count` of a vector or more.
@inline(always)
func loadFirst(_ count: Int, _ pointer: UnsafePointer<Float>) -> Vector {
    if count >= Vector.scalarCount { return load(pointer) }
    return loadPartial(count, pointer)
}

/// From pieces of powers of two, in registers: from bytes copied to memory a vector could be read only when all of them have arrived.
@inline(never)
private func loadPartial(_ count: Int, _ pointer: UnsafePointer<Float>) -> Vector {
    #if KERNELS_AVX512
        if count < 8 { return Vector(lowHalf: loadEight(count, pointer), highHalf: .zero) }
        return Vector(lowHalf: loadEight(8, pointer), highHalf: loadEight(count - 8, pointer + 8))
    #elseif KERNELS_AVX2 || arch(arm64)
        loadEight(count, pointer)
    #else
        loadFour(count, pointer)
    #endif
}

@inline(__always)
private func loadEight(_ count: Int, _ pointer: UnsafePointer<Float>) -> SIMD8<Float> {
    if count < 4 { return SIMD8(lowHalf: loadFour(count, pointer), highHalf: .zero) }
    return SIMD8(lowHalf: loadFour(4, pointer), highHalf: loadFour(count - 4, pointer + 4))
}

@inline(__always)
private func loadFour(_ count: Int, _ pointer: UnsafePointer<Float>) -> SIMD4<Float> {
    switch count {
    case ...0: .zero
    case 1: SIMD4(pointer[0], 0, 0, 0)
    case 2: SIMD4(pointer[0], pointer[1], 0, 0)
    case 3: SIMD4(pointer[0], pointer[1], pointer[2], 0)
    default: UnsafeRawPointer(pointer).loadUnaligned(as: SIMD4<Float>.self)
    }
}

/// Stores the first `count` lanes; all for a `count` of a vector or more.
@inline(always)
func storeFirst(_ count: Int, _ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    if count >= Vector.scalarCount {
        store(vector, pointer)
    } else {
        storePartial(count, vector, pointer)
    }
}

@inline(never)
private func storePartial(_ count: Int, _ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    withUnsafeBytes(of: vector) { bytes in
        if count > 0 {
            UnsafeMutableRawPointer(pointer).copyMemory(
                from: bytes.baseAddress.unsafelyUnwrapped, byteCount: count * MemoryLayout<Float>.stride)
        }
    }
}

/// The sum of all lanes, by halves: the same order for every call.
@inline(__always)
func horizontalSum(_ vector: Vector) -> Float {
    let four = sumOfQuarters(vector)
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
}

/// The same of four vectors.
@inline(__always)
func horizontalSums(_ first: Vector, _ second: Vector, _ third: Vector, _ fourth: Vector) -> SIMD4<Float> {
    @inline(__always)
    func twos(_ left: Vector, _ right: Vector) -> SIMD4<Float> {
        let (left, right) = (sumOfQuarters(left), sumOfQuarters(right))
        return SIMD4(lowHalf: left.lowHalf, highHalf: right.lowHalf) + SIMD4(lowHalf: left.highHalf, highHalf: right.highHalf)
    }
    let (low, high) = (twos(first, second), twos(third, fourth))
    return SIMD4(lowHalf: low.evenHalf, highHalf: high.evenHalf) + SIMD4(lowHalf: low.oddHalf, highHalf: high.oddHalf)
}

@inline(__always)
private func sumOfQuarters(_ vector: Vector) -> SIMD4<Float> {
    #if KERNELS_AVX512
        let eight = vector.lowHalf + vector.highHalf
        return eight.lowHalf + eight.highHalf
    #elseif KERNELS_AVX2 || arch(arm64)
        return vector.lowHalf + vector.highHalf
    #else
        return vector
    #endif
}

/// The larger of each pair; NaN where either is NaN, as in NumPy's `maximum`.
@inline(always)
func maximum(_ left: Vector, _ right: Vector) -> Vector {
    right.replacing(with: left, where: (left .> right) .| (left .!= left))
}

/// The smaller of each pair; NaN where either is NaN.
@inline(always)
func minimum(_ left: Vector, _ right: Vector) -> Vector {
    right.replacing(with: left, where: (left .< right) .| (left .!= left))
}

/// The largest lane; NaN where any is NaN.
@inline(always)
func horizontalMaximum(_ vector: Vector) -> Float {
    var result = vector[0]
    for lane in 1..<Vector.scalarCount {
        result = maximum(result, vector[lane])
    }
    return result
}

@inline(always)
func maximum(_ left: Float, _ right: Float) -> Float {
    left > right || left != left ? left : right
}

extension Activation {
    /// The same on one number.
    @inline(always)
    func apply(_ x: Float) -> Float {
        let y = slope != 1 && x < 0 ? x * slope : x
        let raised = y < lower ? lower : y
        return raised > upper ? upper : raised
    }

    /// The same on four numbers. Not one function for vectors of any width: generic selections are compiled lane by lane.
    @inline(__always)
    func apply(_ x: SIMD4<Float>) -> SIMD4<Float> {
        var y = x
        if slope != 1 {
            y.replace(with: x * slope, where: x .< 0)
        }
        let (lower, upper) = (SIMD4(repeating: lower), SIMD4(repeating: upper))
        y.replace(with: lower, where: lower .> y)
        y.replace(with: upper, where: upper .< y)
        return y
    }
}
