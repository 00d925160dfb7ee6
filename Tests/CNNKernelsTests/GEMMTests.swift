import CNNKernelTable
import Testing

/// Sizes of a product, around the register tile's 6 to 12 rows and 8 to 32 columns.
struct ProductSize: Sendable, CustomTestStringConvertible {
    var rows: Int
    var columns: Int
    var depth: Int
    var testDescription: String { "\(rows)×\(depth)·\(depth)×\(columns)" }
}

@Suite("Matrix product kernels")
struct GEMMTests {
    static let sizes = [
        ProductSize(rows: 1, columns: 1, depth: 1), ProductSize(rows: 6, columns: 16, depth: 8),
        ProductSize(rows: 7, columns: 17, depth: 5), ProductSize(rows: 12, columns: 32, depth: 64),
        ProductSize(rows: 23, columns: 45, depth: 33), ProductSize(rows: 40, columns: 9, depth: 100),
        ProductSize(rows: 3, columns: 70, depth: 1), ProductSize(rows: 130, columns: 40, depth: 3000),
    ]

    @Test("packed product with both operands straight and transposed", arguments: TableUnderTest.all, sizes)
    func packedProduct(table: TableUnderTest, size: ProductSize) {
        let kernels = table.kernels
        let (m, n, k) = (size.rows, size.columns, size.depth)
        var numbers = SeededNumbers(seed: 11)
        let (a, b) = (numbers.floats(m * k), numbers.floats(k * n))
        let (rowBias, columnBias, residual) = (numbers.floats(m), numbers.floats(n), numbers.floats(m * n))
        let scale: Float = 0.75
        let (straightA, straightB) = (Buffer(a), Buffer(b))
        // Transposed copies, so that the strided view of them is the same matrix.
        let aT = Buffer((0..<k * m).map { a[$0 % m * k + $0 / m] })
        let bT = Buffer((0..<n * k).map { b[$0 % k * n + $0 / k] })
        let operands: [(StridedMatrix, StridedMatrix)] = [
            (StridedMatrix(straightA.constant, rowStride: k), StridedMatrix(straightB.constant, rowStride: n)),
            (
                StridedMatrix(aT.constant, rowStride: 1, columnStride: m),
                StridedMatrix(bT.constant, rowStride: 1, columnStride: k)
            ),
        ]
        var exact = [ExactSum](repeating: ExactSum(), count: m * n)
        for i in 0..<m {
            for j in 0..<n {
                for depth in 0..<k { exact[i * n + j].add(scale * a[i * k + depth], b[depth * n + j]) }
                exact[i * n + j].add(rowBias[i])
                exact[i * n + j].add(columnBias[j])
                exact[i * n + j].add(residual[i * n + j])
            }
        }
        let rowBiasBuffer = Buffer(rowBias)
        let columnBiasBuffer = Buffer(columnBias)
        var results: [[Float]] = []
        for (left, right) in operands {
            let packedLeft = Buffer(unwritten: kernels.packedLeftCount(rows: m, depth: k))
            let packedRight = Buffer(unwritten: kernels.packedRightCount(depth: k, columns: n))
            let leftPanels = 0..<kernels.leftPanels(rows: m)
            let rightPanels = 0..<kernels.rightPanels(columns: n)
            for panels in pieces(leftPanels, seed: 1) {
                kernels.packLeft(left, rows: m, depth: k, scale: scale, panels: panels, to: packedLeft.pointer)
            }
            for panels in pieces(rightPanels, seed: 2) {
                kernels.packRight(right, depth: k, columns: n, panels: panels, to: packedRight.pointer)
            }
            for (rowParts, columnParts) in [
                ([leftPanels], [rightPanels]), (pieces(leftPanels, seed: 3), pieces(rightPanels, seed: 4)),
            ] {
                // The residual lies in the output itself: C of Gemm, computed in place.
                let output = Buffer(residual)
                let arguments = GEMMArguments(
                    rows: m, columns: n, depth: k, left: packedLeft.constant, right: packedRight.constant,
                    output: output.pointer, outputRowStride: n, rowBias: rowBiasBuffer.constant,
                    columnBias: columnBiasBuffer.constant, residual: output.constant, residualRowStride: n,
                    activation: .relu)
                for rows in rowParts {
                    for columns in columnParts { kernels.gemm(arguments, rowPanels: rows, columnPanels: columns) }
                }
                #expect(output.isIntact && packedLeft.isIntact && packedRight.isIntact)
                results.append(output.values)
            }
        }
        for (index, sum) in exact.enumerated() {
            let difference = abs(Double(results[0][index]) - max(sum.value, 0))
            #expect(difference <= sum.bound(), "element \(index)")
        }
        #expect(results.dropFirst().allSatisfy { sameBits($0, results[0]) })
    }

    static let layers = [
        (batch: 1, inputs: 1, outputs: 1), (batch: 1, inputs: 120, outputs: 84), (batch: 2, inputs: 37, outputs: 10),
        (batch: 3, inputs: 400, outputs: 67), (batch: 5, inputs: 9, outputs: 131), (batch: 1, inputs: 1030, outputs: 5),
    ].map { DenseCase(batch: $0.batch, inputs: $0.inputs, outputs: $0.outputs) }

    struct DenseCase: Sendable, CustomTestStringConvertible {
        var batch: Int
        var inputs: Int
        var outputs: Int
        var testDescription: String { "batch \(batch), \(inputs) → \(outputs)" }
    }

    @Test("dense layers on unpacked weights, both orders", arguments: TableUnderTest.all, layers)
    func denseLayers(table: TableUnderTest, layer: DenseCase) {
        let kernels = table.kernels
        let (batch, inputs, outputs) = (layer.batch, layer.inputs, layer.outputs)
        var numbers = SeededNumbers(seed: 12)
        let x = numbers.floats(batch * inputs)
        let weights = numbers.floats(outputs * inputs)
        let bias = numbers.floats(outputs)
        let activation = Activation.leakyRelu(0.25)
        let scale: Float = 1.5
        let transposed = (0..<inputs * outputs).map { weights[$0 % outputs * inputs + $0 / outputs] }
        let (input, rows, columns, biasBuffer) = (Buffer(x), Buffer(weights), Buffer(transposed), Buffer(bias))

        func run(transposed isTransposed: Bool, batches: [Range<Int>], parts: [Range<Int>]) -> [Float] {
            let output = Buffer(unwritten: batch * outputs)
            for rowsOfBatch in batches where !rowsOfBatch.isEmpty {
                let arguments = DenseArguments(
                    batch: rowsOfBatch.count, inputs: inputs, outputs: outputs,
                    input: input.constant + rowsOfBatch.lowerBound * inputs, inputRowStride: inputs,
                    weights: isTransposed ? rows.constant : columns.constant,
                    weightRowStride: isTransposed ? inputs : outputs, bias: biasBuffer.constant,
                    output: output.pointer + rowsOfBatch.lowerBound * outputs, outputRowStride: outputs, scale: scale,
                    activation: activation)
                for part in parts {
                    if isTransposed {
                        kernels.denseTransposed(arguments, outputs: part)
                    } else {
                        kernels.dense(arguments, outputs: part)
                    }
                }
            }
            #expect(output.isIntact)
            return output.values
        }
        for isTransposed in [false, true] {
            let whole = run(transposed: isTransposed, batches: [0..<batch], parts: [0..<outputs])
            for row in 0..<batch {
                for output in 0..<outputs {
                    var sum = ExactSum()
                    for index in 0..<inputs {
                        sum.add(x[row * inputs + index] * scale, weights[output * inputs + index])
                    }
                    sum.add(bias[output])
                    let difference = abs(Double(whole[row * outputs + output]) - activation.exact(sum.value))
                    // Roundings besides the sum's: the scale here and there, the slope.
                    #expect(difference <= sum.bound(extra: 4), "row \(row), output \(output)")
                }
            }
            let cut = run(
                transposed: isTransposed, batches: pieces(0..<batch, seed: 1), parts: pieces(0..<outputs, seed: 2))
            #expect(sameBits(whole, cut), "bits depend on the partition")
        }
    }
}
