#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

// The C library's float32 functions: an implementation that is not ours.
func exp32(_ x: Float) -> Float { expf(x) }
func log32(_ x: Float) -> Float { logf(x) }
func tanh32(_ x: Float) -> Float { tanhf(x) }
func erf32(_ x: Float) -> Float { erff(x) }
