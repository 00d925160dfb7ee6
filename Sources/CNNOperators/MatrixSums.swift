import CNNTensors

/// Sums of products in Double of matrices that lie anywhere: for each pair of matrices an m×k by a k×n product.
struct MatrixSums {
    let m: Int
    let n: Int
    let k: Int
    /// How far apart rows and columns of the factors lie.
    let left: (row: Int, column: Int)
    let right: (row: Int, column: Int)
    /// Where the matrices of each pair begin.
    let starts: [(left: Int, right: Int)]

    /// The products one after the other, each m×n.
    func sums(_ a: FactorNumbers, _ b: FactorNumbers) -> [Double] {
        var result = [Double](repeating: 0, count: starts.count * m * n)
        let threads = EvaluationThreads.count
        result.withUnsafeMutableBufferPointer { result in
            guard let base = result.baseAddress else { return }
            a.read {
                b.read {
                    for (index, start) in starts.enumerated() {
                        let rows = FactorMatrix(
                            numbers: a, start: start.left, rowStride: left.row, columnStride: left.column, columns: k)
                        let columns = FactorMatrix(
                            numbers: b, start: start.right, rowStride: right.row, columnStride: right.column, columns: n)
                        BlockedProduct(
                            rows: m, columns: n, depth: k, left: rows, right: columns, rowStride: n, itemColumns: n,
                            itemStride: 0
                        ).add(to: base + index * m * n, threads: threads)
                    }
                }
            }
        }
        return result
    }

    func values(_ a: Tensor, _ b: Tensor) throws -> [Double] {
        sums(try FactorNumbers(a), try FactorNumbers(b))
    }

    func magnitudes(_ a: Tensor, _ b: Tensor) throws -> [Double] {
        sums(try FactorNumbers(a, form: .magnitude), try FactorNumbers(b, form: .magnitude))
    }

    /// Σ var A·B² + A²·var B + κ·A²B², where κ is the share of the sums' own rounding.
    func variances(_ a: Tensor, _ b: Tensor, _ variances: [[Double]?], rounding: SumRounding) throws -> [Double] {
        let ofB = variances.optional(1)
        // The own rounding goes with the factor that is the smaller array.
        let joinsA = a.shape.elementCount <= b.shape.elementCount
        let ofA = joinsA ? try rounding.factorVariances(a.doubles(), variances: variances.optional(0)) : variances.optional(0)
        let joinedB = joinsA ? ofB : try rounding.factorVariances(b.doubles(), variances: ofB)
        var result = [Double](repeating: 0, count: starts.count * m * n)
        func add(_ left: FactorNumbers, _ right: FactorNumbers) {
            for (index, value) in sums(left, right).enumerated() { result[index] += value }
        }
        if let ofA { add(try FactorNumbers(Tensor(ofA, shape: a.shape)), try FactorNumbers(b, form: .square)) }
        if let joinedB { add(try FactorNumbers(a, form: .square), try FactorNumbers(Tensor(joinedB, shape: b.shape))) }
        return result
    }
}
