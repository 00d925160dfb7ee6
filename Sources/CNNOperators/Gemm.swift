import CNNModels
import CNNTensors

/// The general matrix product: `Y = alpha · A' · B' + beta · C`, where A' is A or, with `transA`, its transpose.
/// A' is `[M, K]`, B' `[K, N]`, Y `[M, N]`; C is broadcast to Y from trailing axes.
/// ONNX operator Gemm: versions 1 and 6 broadcast C only where the attribute `broadcast` says so, 7 always; 9 and 13 add
/// element types, 11 makes C optional.
package struct Gemm: Operator {
    package let alpha: Float
    package let beta: Float
    package let transposesA: Bool
    package let transposesB: Bool
    /// Whether C may have another shape than Y.
    private let broadcastsC: Bool

    package static let definition = OperatorDefinition("Gemm", versions: [1, 6, 7, 9, 11, 13]) { version in
        let types: TypeSet =
            version < 9 ? .ieeeFloats : version < 13 ? .matrixNumbersBeforeBfloat16 : .matrixNumbers
        return Signature(
            inputs: version < 11 ? ["A": "T", "B": "T", "C": "T"] : ["A": "T", "B": "T", "C?": "T"], outputs: ["Y": "T"],
            types: ["T": types])
    } make: { attributes in
        try Gemm(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        alpha = try attributes.float("alpha", default: 1)
        beta = try attributes.float("beta", default: 1)
        // Any number but 0 transposes: exporters have written others than 1.
        transposesA = try attributes.int("transA", default: 0) != 0
        transposesB = try attributes.int("transB", default: 0) != 0
        broadcastsC = attributes.version < 7 ? try attributes.int("broadcast", default: 0) != 0 : true
    }

    /// The sizes M, K (of A and of B) and N as far as they are known.
    private func sizes(_ a: SymbolicShape, _ b: SymbolicShape) throws -> (
        m: Dimension?, ka: Dimension?, kb: Dimension?, n: Dimension?
    ) {
        for (shape, name) in [(a, "A"), (b, "B")] {
            if let rank = shape.rank, rank != 2 { throw OperatorError("must be a matrix, but is \(shape)", subject: name) }
        }
        let (a, b) = (a.dimensions ?? [nil, nil], b.dimensions ?? [nil, nil])
        return (
            transposesA ? a[1] : a[0], transposesA ? a[0] : a[1], transposesB ? b[1] : b[0], transposesB ? b[0] : b[1]
        )
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let (a, b) = (try inputs.required(0, "A").shape, try inputs.required(1, "B").shape)
        let (m, ka, kb, n) = try sizes(a, b)
        if let left = ka?.value, let right = kb?.value, left != right {
            throw OperatorError(
                "A \(a)\(transposesA ? " transposed" : "") has \(left) columns, but B \(b)\(transposesB ? " transposed" : "")"
                    + " has \(right) rows")
        }
        if let c = inputs.optional(2) { try checkBias(c.shape, against: SymbolicShape([m, n])) }
        return [ValueFact(shape: SymbolicShape([m, n]))]
    }

    private func checkBias(_ c: SymbolicShape, against y: SymbolicShape) throws {
        if broadcastsC { return try Broadcasting.check(c, fits: y, subject: "C") }
        guard let sizes = c.dimensions, let outputSizes = y.dimensions else { return }
        let fits =
            sizes.count == outputSizes.count
            && zip(sizes, outputSizes).allSatisfy { $0?.value == nil || $1?.value == nil || $0 == $1 }
        guard fits else { throw OperatorError("is \(c), but without 'broadcast' it must be \(y)", subject: "C") }
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        let shape = try shape(inputs)
        let k = transposesA ? a.shape[0] : a.shape[1]
        // A factor of 0 leaves C out altogether, even where it is infinite or not a number.
        let bias = beta == 0 ? nil : inputs.optional(2)
        if a.dataType.isInteger {
            return [try Tensor(truncating: wholeProduct(a, b, bias, shape, k: k), to: a.dataType, shape: shape)]
        }
        return [try Tensor(rounding: values(inputs, shape), to: a.dataType, shape: shape)]
    }

    package func evaluateInDouble(_ inputs: [Tensor?]) throws -> [Tensor] {
        let a = try inputs.required(0, "A")
        guard a.dataType.isFloatingPoint else { return try evaluate(inputs) }
        let shape = try shape(inputs)
        return [try Tensor(values(inputs, shape), shape: shape)]
    }

    /// The shape of Y, of which the sums in 8 bytes an element stay within the limit.
    private func shape(_ inputs: [Tensor?]) throws -> Shape {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        guard
            let shape = try infer(inputs.map { $0.map { ValueFact(dataType: nil, shape: SymbolicShape($0.shape)) } })[0]
                .shape.concrete
        else { throw OperatorError("A \(a.shape) and B \(b.shape) make no matrix") }
        return try EvaluationLimit.shape(shape.dimensions, of: .float64)
    }

    private func values(_ inputs: [Tensor?], _ shape: Shape) throws -> [Double] {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        var y = try sums(a, shape).values(a, b)
        if alpha != 1 { for index in y.indices { y[index] *= Double(alpha) } }
        try addBias(inputs, shape, to: &y) { Double(beta) * $0 }
        return y
    }

    private func sums(_ a: Tensor, _ shape: Shape) -> MatrixSums {
        let (m, n, k) = (shape[0], shape[1], transposesA ? a.shape[0] : a.shape[1])
        return MatrixSums(
            m: m, n: n, k: k, left: transposesA ? (1, m) : (k, 1), right: transposesB ? (1, k) : (n, 1), starts: [(0, 0)])
    }

    /// Adds a form of C, broadcast, to every element.
    private func addBias(_ inputs: [Tensor?], _ shape: Shape, to y: inout [Double], form: (Double) -> Double) throws {
        guard beta != 0, let bias = inputs.optional(2) else { return }
        let values = try bias.doubles()
        for (index, position) in try positions(of: bias, in: shape).enumerated() { y[index] += form(values[position]) }
    }

    // MARK: - Rounding

    /// γₙ(|α||A'||B'| + |β||C|), n counting the additions and the factors (Higham, equation (3.12)).
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        guard a.dataType.isFloatingPoint else { return [.exact] }
        let shape = try shape(inputs)
        let sums = sums(a, shape)
        var magnitudes = try sums.magnitudes(a, b)
        if alpha != 1 { for index in magnitudes.indices { magnitudes[index] *= Double(alpha.magnitude) } }
        try addBias(inputs, shape, to: &magnitudes) { (Double(beta) * $0).magnitude }
        return [.elements(SumRounding.bounds(magnitudes: magnitudes, count: Double(sums.k) + 3, unit: unit))]
    }

    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        guard a.dataType.isFloatingPoint else { return [nil] }
        let shape = try shape(inputs)
        let sums = sums(a, shape)
        let rounding = SumRounding(count: Double(sums.k) + 3, unit: unit)
        var result = try sums.variances(a, b, variances, rounding: rounding)
        for index in result.indices { result[index] *= Double(alpha) * Double(alpha) }
        if let ofBias = variances.optional(2), let bias = inputs.optional(2) {
            var moved = inputs
            moved[2] = try Tensor(ofBias, shape: bias.shape)
            try addBias(moved, shape, to: &result) { Double(beta) * Double(beta) * $0 }
        }
        try rounding.addDrift(to: &result, outputs: outputs)
        return [result]
    }

    package var formula: String? {
        "Y[i, j] = \(alpha) · Σ over k of A\(transposesA ? "ᵀ" : "")[i, k] · B\(transposesB ? "ᵀ" : "")[k, j] + \(beta) · C"
    }

    package func summands(of element: Int, _ inputs: [Tensor?]) throws -> [Summand]? {
        let (a, b) = (try inputs.required(0, "A"), try inputs.required(1, "B"))
        guard a.dataType.isFloatingPoint else { return nil }
        let shape = try shape(inputs)
        let sums = sums(a, shape)
        let (i, j) = element.quotientAndRemainder(dividingBy: max(sums.n, 1))
        let (x, w) = (try a.doubles(), try b.doubles())
        var summands = (0..<sums.k).map { k in
            Summand(
                "\(alpha == 1 ? "" : "\(alpha) · ")A\(transposesA ? [k, i] : [i, k]) · B\(transposesB ? [j, k] : [k, j])",
                [Double(alpha), x[i * sums.left.row + k * sums.left.column], w[k * sums.right.row + j * sums.right.column]])
        }
        var bias = [Double](repeating: 0, count: shape.elementCount)
        try addBias(inputs, shape, to: &bias) { Double(beta) * $0 }
        if inputs.optional(2) != nil { summands.append(Summand("\(beta == 1 ? "" : "\(beta) · ")C", [bias[element]])) }
        return summands
    }

    /// Wraps on overflow as NumPy does; factors other than 1 are applied in Double and the result is cut to a whole number.
    private func wholeProduct(_ a: Tensor, _ b: Tensor, _ bias: Tensor?, _ shape: Shape, k: Int) throws -> [Int64] {
        let (m, n) = (shape[0], shape[1])
        let left = rows(of: try a.words(), m: m, k: k)
        var y =
            transposesB
            ? MatrixProduct.rowsTimesRows(left, try b.words(), m: m, n: n, k: k)
            : MatrixProduct.rowsTimesColumns(left, try b.words(), m: m, n: n, k: k)
        var addends = [Int64](repeating: 0, count: y.count)
        if let bias {
            let values = try bias.words()
            addends = try positions(of: bias, in: shape).map { values[$0] }
        }
        if alpha == 1, beta == 1 || bias == nil {
            for index in y.indices { y[index] &+= addends[index] }
            return y
        }
        for index in y.indices {
            let scaled = Double(alpha) * Double(y[index]) + Double(beta) * Double(addends[index])
            guard let whole = Int64(exactly: scaled.rounded(.towardZero)) else {
                throw TensorError.valueOutOfRange("\(scaled)", a.dataType)
            }
            y[index] = whole
        }
        return y
    }

    /// A' with K innermost.
    private func rows<Element>(of a: [Element], m: Int, k: Int) -> [Element] {
        transposesA ? MatrixProduct.transposed(a, rows: k, columns: m) : a
    }

    private func positions(of bias: Tensor, in shape: Shape) throws -> BroadcastPositions {
        try Broadcasting([bias.shape, shape], resultType: bias.dataType).positions(of: bias.shape)
    }

    package func multiplyAdds(_ inputs: [ValueFact?], _ outputs: [ValueFact]) throws -> Dimension? {
        guard let a = inputs.optional(0)?.shape, let b = inputs.optional(1)?.shape else { return nil }
        let (m, ka, kb, n) = try sizes(a, b)
        return try SymbolicShape([m, ka ?? kb, n]).elementCount()
    }
}
