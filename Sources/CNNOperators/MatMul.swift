import CNNModels
import CNNTensors

/// The matrix product of NumPy's `matmul`: the last two axes are matrices `[…, M, K]` and `[…, K, N]`, the axes before them
/// are broadcast. A vector on the left is a row, one on the right a column; its axis leaves the result.
/// ONNX operator MatMul, versions 1, 9 and 13 (which differ in the element types only).
package struct MatMul: Operator {
    package static let definition = OperatorDefinition("MatMul", versions: [1, 9, 13]) { version in
        let types: TypeSet =
            version < 9 ? .ieeeFloats : version < 13 ? .matrixNumbersBeforeBfloat16 : .matrixNumbers
        return Signature(inputs: ["A": "T", "B": "T"], outputs: ["Y": "T"], types: ["T": types])
    } make: { _ in
        MatMul()
    }

    /// The factors with vectors made into matrices.
    private struct Factors {
        /// Batch axes of A and of B.
        var batchA: [Dimension?]
        var batchB: [Dimension?]
        var m: Dimension?
        var n: Dimension?
        var ka: Dimension?
        var kb: Dimension?
        /// Whether A, B is a vector, whose axis leaves the result.
        var hasRow: Bool
        var hasColumn: Bool

        /// - Throws: `OperatorError` for a scalar or matrices that do not chain.
        init?(_ a: SymbolicShape, _ b: SymbolicShape) throws {
            for (shape, name) in [(a, "A"), (b, "B")] where shape.rank == 0 {
                throw OperatorError("must have an axis, but is a scalar", subject: name)
            }
            guard let left = a.dimensions, let right = b.dimensions else { return nil }
            hasRow = left.count == 1
            hasColumn = right.count == 1
            batchA = Array(left.dropLast(2))
            batchB = Array(right.dropLast(2))
            m = hasRow ? 1 : left[left.count - 2]
            ka = left[left.count - 1]
            kb = hasColumn ? right[0] : right[right.count - 2]
            n = hasColumn ? 1 : right[right.count - 1]
            if let ka = ka?.value, let kb = kb?.value, ka != kb {
                throw OperatorError("A \(a) has \(ka) columns, but B \(b) has \(kb) rows")
            }
        }

        func result(batch: [Dimension?]) -> SymbolicShape {
            SymbolicShape(batch + (hasRow ? [] : [m]) + (hasColumn ? [] : [n]))
        }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let (a, b) = (try inputs.required(0, "A").shape, try inputs.required(1, "B").shape)
        guard let factors = try Factors(a, b) else { return [ValueFact(shape: .unknown)] }
        let batch = try Broadcasting.shape(of: [SymbolicShape(factors.batchA), SymbolicShape(factors.batchB)])
        return [ValueFact(shape: batch.dimensions.map(factors.result) ?? .unknown)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        guard let factors = try Factors(SymbolicShape(a.shape), SymbolicShape(b.shape)), let m = factors.m?.value,
            let n = factors.n?.value, let k = factors.ka?.value,
            let result = try infer([a, b].map { ValueFact(shape: SymbolicShape($0.shape)) })[0].shape.concrete
        else { throw OperatorError("no product follows from A \(a.shape) and B \(b.shape)") }
        let shape = try EvaluationLimit.shape(result.dimensions, of: .int64)
        let batch = try MatrixBatch(
            shapeA: Shape(a.shape.dimensions.dropLast(2)), shapeB: Shape(b.shape.dimensions.dropLast(2)), m: m, n: n, k: k)
        if a.dataType.isInteger {
            let product = try batch.product(a.words(), b.words()) { MatrixProduct.rowsTimesColumns($0, $1, m: m, n: n, k: k) }
            return [try Tensor(truncating: product, to: a.dataType, shape: shape)]
        }
        return [try Tensor(rounding: batch.sums().values(a, b), to: a.dataType, shape: shape)]
    }

    package func evaluateInDouble(_ inputs: [Tensor?]) throws -> [Tensor] {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        guard a.dataType.isFloatingPoint else { return try evaluate(inputs) }
        let (sums, shape) = try sums(a, b)
        return [try Tensor(sums.values(a, b), shape: shape)]
    }

    private func sums(_ a: Tensor, _ b: Tensor) throws -> (MatrixSums, Shape) {
        guard let factors = try Factors(SymbolicShape(a.shape), SymbolicShape(b.shape)), let m = factors.m?.value,
            let n = factors.n?.value, let k = factors.ka?.value,
            let result = try infer([a, b].map { ValueFact(shape: SymbolicShape($0.shape)) })[0].shape.concrete
        else { throw OperatorError("no product follows from A \(a.shape) and B \(b.shape)") }
        let shape = try EvaluationLimit.shape(result.dimensions, of: .float64)
        let batch = try MatrixBatch(
            shapeA: Shape(a.shape.dimensions.dropLast(2)), shapeB: Shape(b.shape.dimensions.dropLast(2)), m: m, n: n, k: k)
        return (try batch.sums(), shape)
    }

    // MARK: - Rounding

    /// γₖ|A||B| (Higham, equation (3.12)).
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        guard a.dataType.isFloatingPoint else { return [.exact] }
        let sums = try sums(a, b).0
        return [.elements(SumRounding.bounds(magnitudes: try sums.magnitudes(a, b), count: Double(sums.k), unit: unit))]
    }

    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        guard a.dataType.isFloatingPoint else { return [nil] }
        let sums = try sums(a, b).0
        let rounding = SumRounding(count: Double(sums.k), unit: unit)
        var result = try sums.variances(a, b, variances, rounding: rounding)
        try rounding.addDrift(to: &result, outputs: outputs)
        return [result]
    }

    package var formula: String? { "Y[…, i, j] = Σ over k of A[…, i, k] · B[…, k, j]" }

    package func summands(of element: Int, _ inputs: [Tensor?]) throws -> [Summand]? {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        guard a.dataType.isFloatingPoint else { return nil }
        let sums = try sums(a, b).0
        let (x, w) = (try a.doubles(), try b.doubles())
        let (pair, rest) = element.quotientAndRemainder(dividingBy: max(sums.m * sums.n, 1))
        let (i, j) = rest.quotientAndRemainder(dividingBy: max(sums.n, 1))
        return (0..<sums.k).map { k in
            Summand(
                "A[…, \(i), \(k)] · B[…, \(k), \(j)]",
                [
                    x[sums.starts[pair].left + i * sums.left.row + k * sums.left.column],
                    w[sums.starts[pair].right + k * sums.right.row + j * sums.right.column],
                ])
        }
    }

    package func multiplyAdds(_ inputs: [ValueFact?], _ outputs: [ValueFact]) throws -> Dimension? {
        guard let a = inputs.optional(0)?.shape, let b = inputs.optional(1)?.shape, let factors = try Factors(a, b),
            let k = factors.ka ?? factors.kb, let count = try outputs.first?.shape.elementCount()
        else { return nil }
        return try k * count
    }
}

/// Many matrix products, one for each pair of matrices that meet when the axes before them are broadcast.
private struct MatrixBatch {
    let shapeA: Shape
    let shapeB: Shape
    let m: Int
    let n: Int
    let k: Int

    /// The same products of real numbers.
    func sums() throws -> MatrixSums {
        let broadcasting = try Broadcasting([shapeA, shapeB], resultType: .int64)
        let pairs = zip(broadcasting.positions(of: shapeA), broadcasting.positions(of: shapeB))
        return MatrixSums(
            m: m, n: n, k: k, left: (k, 1), right: (n, 1),
            starts: m == 0 || n == 0 ? [] : pairs.map { ($0 * m * k, $1 * k * n) })
    }

    /// The products one after the other, `multiply` given an m×k and an n×k matrix.
    func product<Element>(_ a: [Element], _ b: [Element], multiply: ([Element], [Element]) -> [Element]) throws -> [Element] {
        let broadcasting = try Broadcasting([shapeA, shapeB], resultType: .int64)
        var result: [Element] = []
        if m == 0 || n == 0 { return result }
        result.reserveCapacity(broadcasting.shape.elementCount * m * n)
        for (indexA, indexB) in zip(broadcasting.positions(of: shapeA), broadcasting.positions(of: shapeB)) {
            let left = Array(a[indexA * m * k..<(indexA + 1) * m * k])
            let right = Array(b[indexB * k * n..<(indexB + 1) * k * n])
            result += multiply(left, right)
        }
        return result
    }
}
