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
}
