/// Matrix products for reference evaluation, in row-major order throughout.
enum MatrixProduct {
    /// `Σ over p of left[i, p] · right[j, p]` for an m×k and an n×k matrix, as an m×n matrix in Double.
    static func rowsTimesRows(_ left: [Double], _ right: [Double], m: Int, n: Int, k: Int) -> [Double] {
        product(left, right, count: m * n) { rowsTimesRows($0, $1, m: m, n: n, k: k, into: $2) }
    }

    /// `Σ over p of left[i, p] · right[p, j]` for an m×k and a k×n matrix, as an m×n matrix in Double.
    static func rowsTimesColumns(_ left: [Double], _ right: [Double], m: Int, n: Int, k: Int) -> [Double] {
        // Whole rows of the right matrix are added up, so that it is read in the order in which it lies.
        product(left, right, count: m * n) { left, right, result in
            for i in 0..<m {
                for p in 0..<k {
                    let factor = left[i * k + p]
                    for j in 0..<n { result[i * n + j] += factor * right[p * n + j] }
                }
            }
        }
    }

    /// `rowsTimesRows` for whole numbers as words (see `Tensor.words`), modulo 2^64.
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

    /// `rowsTimesColumns` for whole numbers as words, modulo 2^64.
    static func rowsTimesColumns(_ left: [Int64], _ right: [Int64], m: Int, n: Int, k: Int) -> [Int64] {
        m == 0 || n == 0 ? [] : rowsTimesRows(left, transposed(right, rows: k, columns: n), m: m, n: n, k: k)
    }

    /// The same as `rowsTimesRows` of arrays, where the values lie; `result` has room for m·n numbers.
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

    /// Zeros that `body` adds the product to; without elements there is nothing to add.
    private static func product(
        _ left: [Double], _ right: [Double], count: Int,
        body: (UnsafePointer<Double>, UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
    ) -> [Double] {
        var result = [Double](repeating: 0, count: count)
        result.withUnsafeMutableBufferPointer { result in
            left.withUnsafeBufferPointer { left in
                right.withUnsafeBufferPointer { right in
                    guard let result = result.baseAddress, let left = left.baseAddress, let right = right.baseAddress else {
                        return
                    }
                    body(left, right, result)
                }
            }
        }
        return result
    }

    /// The transpose of a matrix of `rows` × `columns`.
    static func transposed<Element>(_ matrix: [Element], rows: Int, columns: Int) -> [Element] {
        var result: [Element] = []
        result.reserveCapacity(matrix.count)
        for column in 0..<columns {
            for row in 0..<rows { result.append(matrix[row * columns + column]) }
        }
        return result
    }
}
