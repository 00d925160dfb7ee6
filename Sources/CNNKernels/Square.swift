/// Four times four numbers, a row each vector.
struct Square {
    let row0: SIMD4<Float>
    let row1: SIMD4<Float>
    let row2: SIMD4<Float>
    let row3: SIMD4<Float>

    @inline(__always)
    init(_ row0: SIMD4<Float>, _ row1: SIMD4<Float>, _ row2: SIMD4<Float>, _ row3: SIMD4<Float>) {
        (self.row0, self.row1, self.row2, self.row3) = (row0, row1, row2, row3)
    }

    /// Rows that lie `step` floats apart.
    @inline(__always)
    init(_ source: UnsafePointer<Float>, step: Int) {
        func row(_ index: Int) -> SIMD4<Float> {
            UnsafeRawPointer(source + index * step).loadUnaligned(as: SIMD4<Float>.self)
        }
        self.init(row(0), row(1), row(2), row(3))
    }

    /// Rows as columns.
    @inline(__always)
    var transposed: Square {
        let (low01, high01) = Self.interleave(row0, row1)
        let (low23, high23) = Self.interleave(row2, row3)
        return Square(
            SIMD4(lowHalf: low01.lowHalf, highHalf: low23.lowHalf),
            SIMD4(lowHalf: low01.highHalf, highHalf: low23.highHalf),
            SIMD4(lowHalf: high01.lowHalf, highHalf: high23.lowHalf),
            SIMD4(lowHalf: high01.highHalf, highHalf: high23.highHalf))
    }

    @inline(__always)
    func store(_ target: UnsafeMutablePointer<Float>, step: Int) {
        func put(_ row: SIMD4<Float>, _ index: Int) {
            UnsafeMutableRawPointer(target + index * step).storeBytes(of: row, as: SIMD4<Float>.self)
        }
        put(row0, 0)
        put(row1, 1)
        put(row2, 2)
        put(row3, 3)
    }

    @inline(__always)
    private static func interleave(_ even: SIMD4<Float>, _ odd: SIMD4<Float>) -> (low: SIMD4<Float>, high: SIMD4<Float>) {
        var (low, high) = (SIMD4<Float>.zero, SIMD4<Float>.zero)
        (low.evenHalf, low.oddHalf) = (even.lowHalf, odd.lowHalf)
        (high.evenHalf, high.oddHalf) = (even.highHalf, odd.highHalf)
        return (low, high)
    }
}
