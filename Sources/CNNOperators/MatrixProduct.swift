/// Matrix products of whole numbers as words (see `Tensor.words`), modulo 2^64, in row-major order throughout. For real numbers
/// see `MatrixSums`.
enum MatrixProduct {
    /// `Σ over p of left[i, p] · right[j, p]` for an m×k and an n×k matrix, as an m×n matrix.
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

    /// `Σ over p of left[i, p] · right[p, j]` for an m×k and a k×n matrix, as an m×n matrix.
    static func rowsTimesColumns(_ left: [Int64], _ right: [Int64], m: Int, n: Int, k: Int) -> [Int64] {
        m == 0 || n == 0 ? [] : rowsTimesRows(left, transposed(right, rows: k, columns: n), m: m, n: n, k: k)
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
