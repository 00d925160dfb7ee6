import CCPUFeatures
import CNNKernelTable
import CNNKernels

#if arch(x86_64)
    import CNNKernelsAVX2
    import CNNKernelsAVX512
#endif

/// Picks the kernels for the processor this runs on.
package enum KernelSelection {
    /// The tables that this processor can run, fastest first. The last is always the baseline.
    package static let available: [any KernelTable] = {
        var tables: [any KernelTable] = []
        #if arch(x86_64)
            let features = cpu_features_detect()
            if features.avx512 != 0 { tables.append(CNNKernelsAVX512.Kernels()) }
            if features.avx2_fma != 0 { tables.append(CNNKernelsAVX2.Kernels()) }
        #endif
        tables.append(CNNKernels.Kernels())
        return tables
    }()

    /// The fastest table that this processor can run.
    package static var best: any KernelTable { available[0] }

    /// The table called `name` ("avx512", "avx2", "baseline"), or nil if it is unknown or this processor cannot run it.
    package static func named(_ name: String) -> (any KernelTable)? {
        available.first { $0.name == name }
    }
}
