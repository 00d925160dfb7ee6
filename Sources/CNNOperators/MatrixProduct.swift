/// Matrix products for reference evaluation: both factors with the summed axis innermost, so that every result is the dot
/// product of two contiguous rows.
enum MatrixProduct {
    /// The product `Σ over p of left[i, p] · right[j, p]` of an m×k and an n×k matrix, m×n in row-major order, in Double.
    static func rowsTimesRows(_ left: [Double], _ right: [Double], m: Int, n: Int, k: Int) -> [Double] {
        var result = [Double](repeating: 0, count: m * n)
        result.withUnsafeMutableBufferPointer { result in
            left.withUnsafeBufferPointer { left in
                right.withUnsafeBufferPointer { right in
                    guard let result = result.baseAddress, let left = left.baseAddress, let right = right.baseAddress else {
                        return
                    }
                    rowsTimesRows(left, right, m: m, n: n, k: k, into: result)
                }
            }
        }
        return result
    }

    /// The same for whole numbers as words (see `Tensor.words`), modulo 2^64.
    static func rowsTimesRows(_ left: [Int64], _ right: [Int64], m: Int, n: Int, k: Int) -> [Int64] {
        var result: [Int64] = []
        result.reserveCapacity(m * n)
        for i in 0..<m {
            for j in 0..<n {
                var sum: Int64 = 0
                for p in 0..<k { sum &+= left[i * k + p] &* right[j * k + p] }
                result.append(sum)
            }
        }
        return result
    }

    /// The same as the first where the values lie; `result` has room for m·n numbers.
    ///
    /// The terms are added in eight interleaved partial sums: the order is fixed, and eight sums run side by side.
    static func rowsTimesRows(
        _ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, m: Int, n: Int, k: Int,
        into result: UnsafeMutablePointer<Double>
    ) {
        for i in 0..<m {
            for j in 0..<n { result[i * n + j] = dot(left + i * k, right + j * k, count: k) }
        }
    }

    private static func dot(_ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, count: Int) -> Double {
        var sums = SIMD8<Double>(repeating: 0)
        var index = 0
        while index + 8 <= count {
            let (a, b) = (UnsafeRawPointer(left + index), UnsafeRawPointer(right + index))
            sums += a.loadUnaligned(as: SIMD8<Double>.self) * b.loadUnaligned(as: SIMD8<Double>.self)
            index += 8
        }
        var sum = sums.sum()
        while index < count {
            sum += left[index] * right[index]
            index += 1
        }
        return sum
    }

    /// The transpose of a matrix of `rows` × `columns` in row-major order.
    static func transposed<Element>(_ matrix: [Element], rows: Int, columns: Int) -> [Element] {
        var result: [Element] = []
        result.reserveCapacity(matrix.count)
        for column in 0..<columns {
            for row in 0..<rows { result.append(matrix[row * columns + column]) }
        }
        return result
    }
}
