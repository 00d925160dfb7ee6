import CNNKernelTable

#if KERNELS_AVX512
    typealias DoubleVector = SIMD8<Double>
#elseif KERNELS_AVX2 || arch(arm64)
    typealias DoubleVector = SIMD4<Double>
#else
    typealias DoubleVector = SIMD2<Double>
#endif

/// One row of a tile: two vectors of sums.
private struct DoubleRow {
    var sum0 = DoubleVector.zero
    var sum1 = DoubleVector.zero

    @inline(__always)
    mutating func add(_ x: Double, _ right0: DoubleVector, _ right1: DoubleVector) {
        let x = DoubleVector(repeating: x)
        #if KERNELS_AVX2 || KERNELS_AVX512 || arch(arm64)
            sum0.addProduct(x, right0)
            sum1.addProduct(x, right1)
        #else
            sum0 += x * right0
            sum1 += x * right1
        #endif
    }

    @inline(__always)
    func store(_ target: UnsafeMutablePointer<Double>) {
        UnsafeMutableRawPointer(target).storeBytes(of: sum0, as: DoubleVector.self)
        UnsafeMutableRawPointer(target + DoubleVector.scalarCount).storeBytes(of: sum1, as: DoubleVector.self)
    }
}

/// Four rows by two vectors: 8 of 16 registers.
private struct FourRows {
    var row0 = DoubleRow()
    var row1 = DoubleRow()
    var row2 = DoubleRow()
    var row3 = DoubleRow()

    @inline(__always)
    mutating func add(_ left: UnsafePointer<Double>, _ right0: DoubleVector, _ right1: DoubleVector) {
        row0.add(left[0], right0, right1)
        row1.add(left[1], right0, right1)
        row2.add(left[2], right0, right1)
        row3.add(left[3], right0, right1)
    }

    @inline(__always)
    func store(_ target: UnsafeMutablePointer<Double>) {
        let stride = 2 * DoubleVector.scalarCount
        row0.store(target)
        row1.store(target + stride)
        row2.store(target + 2 * stride)
        row3.store(target + 3 * stride)
    }
}

extension Kernels {
    /// With 32 registers a tile has twelve rows (24 sums), with 16 it has four.
    package var doubleTileRows: Int {
        #if KERNELS_AVX512
            12
        #else
            4
        #endif
    }

    package var doubleTileColumns: Int { 2 * DoubleVector.scalarCount }

    package func multiplyDoubleTile(
        left: UnsafePointer<Double>, right: UnsafePointer<Double>, depth: Int, into tile: UnsafeMutablePointer<Double>
    ) {
        accumulateDoubleTile(left, right, depth, tile)
    }
}

/// A function of its own, so that the sums stay in registers.
@inline(never)
private func accumulateDoubleTile(
    _ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, _ depth: Int, _ tile: UnsafeMutablePointer<Double>
) {
    let count = DoubleVector.scalarCount
    var (left, right) = (left, right)
    var rows = FourRows()
    #if KERNELS_AVX512
        var more = FourRows()
        var last = FourRows()
    #endif
    for _ in 0..<depth {
        let right0 = UnsafeRawPointer(right).loadUnaligned(as: DoubleVector.self)
        let right1 = UnsafeRawPointer(right + count).loadUnaligned(as: DoubleVector.self)
        rows.add(left, right0, right1)
        #if KERNELS_AVX512
            more.add(left + 4, right0, right1)
            last.add(left + 8, right0, right1)
            left += 12
        #else
            left += 4
        #endif
        right += 2 * count
    }
    rows.store(tile)
    #if KERNELS_AVX512
        more.store(tile + 8 * count)
        last.store(tile + 16 * count)
    #endif
}
