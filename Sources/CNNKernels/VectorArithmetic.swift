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

/// Asks for `count` floats, to lie in the second-level cache when they are read. Addresses past the end do no harm.
@inline(always)
func prefetch(_ pointer: UnsafePointer<Float>, count: Int) {
    for offset in stride(from: 0, to: count, by: 64 / MemoryLayout<Float>.stride) {
        cpu_prefetch(pointer + offset)
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
    @inline(always)
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

@inline(never)
private func loadPartial(_ count: Int, _ pointer: UnsafePointer<Float>) -> Vector {
    var vector = Vector.zero
    withUnsafeMutableBytes(of: &vector) { bytes in
        if count > 0 {
            bytes.baseAddress.unsafelyUnwrapped.copyMemory(from: pointer, byteCount: count * MemoryLayout<Float>.stride)
        }
    }
    return vector
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
@inline(always)
func horizontalSum(_ vector: Vector) -> Float {
    #if KERNELS_AVX512
        let eight = vector.lowHalf + vector.highHalf
        let four = eight.lowHalf + eight.highHalf
    #elseif KERNELS_AVX2 || arch(arm64)
        let four = vector.lowHalf + vector.highHalf
    #else
        let four = vector
    #endif
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
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
}
