import CNNKernelTable

/// `sum + left·right`: one instruction where the processor has it. Plain SSE has not, and a call of `fmaf` for each lane is
/// a hundred times slower than rounding twice.
@inline(__always)
func multiplyAdd(_ sum: Vector, _ left: Vector, _ right: Vector) -> Vector {
    #if KERNELS_AVX2 || KERNELS_AVX512 || arch(arm64)
        sum.addingProduct(left, right)
    #else
        sum + left * right
    #endif
}

@inline(__always)
func load(_ pointer: UnsafePointer<Float>) -> Vector {
    UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

@inline(__always)
func load(_ pointer: UnsafeMutablePointer<Float>) -> Vector {
    UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

@inline(__always)
func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: Vector.self)
}

/// An `Activation` with its constants spread over vectors, once per call.
struct VectorActivation {
    let slope: Vector
    let lower: Vector
    let upper: Vector
    let isLeaky: Bool

    @inline(__always)
    init(_ activation: Activation) {
        slope = Vector(repeating: activation.slope)
        lower = Vector(repeating: activation.lower)
        upper = Vector(repeating: activation.upper)
        isLeaky = activation.slope != 1
    }

    /// Written as selections so that NaN passes: `x < lower ? lower : x` is x86's `max(lower, x)`, which returns its second
    /// operand when one is NaN.
    @inline(__always)
    func callAsFunction(_ x: Vector) -> Vector {
        var y = x
        if isLeaky {
            y.replace(with: x * slope, where: x .< 0)
        }
        y.replace(with: lower, where: y .< lower)
        y.replace(with: upper, where: y .> upper)
        return y
    }
}
