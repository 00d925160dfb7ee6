public func kernelTable() -> SIMD8<Float> { SIMD8<Float>(repeating: 1) }
