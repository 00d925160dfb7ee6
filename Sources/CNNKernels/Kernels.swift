import CNNKernelTable

#if KERNELS_AVX512
    typealias Vector = SIMD16<Float>
#elseif KERNELS_AVX2 || arch(arm64)
    // On arm64 a vector is two registers of four lanes: thirty-two of them hold the same register tile as AVX2's sixteen.
    typealias Vector = SIMD8<Float>
#else
    typealias Vector = SIMD4<Float>
#endif

/// The inner loops as this module's instruction set computes them. One source, compiled once for each.
package struct Kernels: KernelTable {
    package init() {}

    package var name: String {
        #if KERNELS_AVX512
            "avx512"
        #elseif KERNELS_AVX2
            "avx2"
        #else
            "baseline"
        #endif
    }

    package var channelBlock: Int { Vector.scalarCount }
}
