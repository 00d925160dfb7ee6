import CNNKernelTable
import Testing

@Suite("Dense kernels")
struct DenseTests {
    static let layers = [
        (batch: 1, inputs: 1, outputs: 1), (batch: 1, inputs: 120, outputs: 84), (batch: 2, inputs: 37, outputs: 10),
        (batch: 3, inputs: 400, outputs: 67), (batch: 5, inputs: 9, outputs: 131), (batch: 1, inputs: 1030, outputs: 5),
        (batch: 2, inputs: 700, outputs: 2077),
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

    @Test("rows of weights whose input is 0 are left out where they may be", arguments: TableUnderTest.all, layers)
    func zeroInputs(table: TableUnderTest, layer: DenseCase) {
        let (batch, inputs, outputs) = (layer.batch, layer.inputs, layer.outputs)
        var numbers = SeededNumbers(seed: 13)
        // Many are 0 in the whole batch, more in one image of it.
        let isZero = numbers.floats(inputs).map { $0 < 0.25 }
        var x = numbers.floats(batch * inputs).enumerated().map { isZero[$0 % inputs] || $1 < -0.5 ? 0 : $1 }
        if inputs > 8 { (x[1], x[2], x[8]) = (.infinity, -0.0, .nan) }
        let weights = numbers.floats(inputs * outputs)
        let isUnread = (0..<inputs).map { input in (0..<batch).allSatisfy { x[$0 * inputs + input] == 0 } }
        let poisoned = weights.enumerated().map { isUnread[$0 / outputs] ? .nan : $1 }

        func run(_ weights: [Float], skipsZeros: Bool, parts: [Range<Int>]) -> [Float] {
            let (input, matrix) = (Buffer(x), Buffer(weights))
            let output = Buffer(unwritten: batch * outputs)
            let arguments = DenseArguments(
                batch: batch, inputs: inputs, outputs: outputs, input: input.constant, inputRowStride: inputs,
                weights: matrix.constant, weightRowStride: outputs, output: output.pointer, outputRowStride: outputs,
                skipsZeros: skipsZeros)
            for part in parts { table.kernels.dense(arguments, outputs: part) }
            #expect(output.isIntact)
            return output.values
        }
        let all = run(weights, skipsZeros: false, parts: [0..<outputs])
        for part in [[0..<outputs], pieces(0..<outputs, seed: 3)] {
            #expect(sameBits(run(poisoned, skipsZeros: true, parts: part), all))
        }
        if isUnread.contains(true) {
            #expect(run(poisoned, skipsZeros: false, parts: [0..<outputs]).allSatisfy { $0.isNaN })
        }
    }
}
