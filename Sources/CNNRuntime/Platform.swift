import CCPUFeatures

// The one place of this module that knows the operating system's thread interface.
#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension SessionOptions {
    /// Processors that the system lets this process use.
    public static var processorCount: Int { Int(cpu_allowed_count()) }
}
