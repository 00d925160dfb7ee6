import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Propagation of variances")
struct VariancePropagationTests {
    private static let cases: [(type: String, shapes: [[Int]], attributes: [Attribute])] = [
        ("Conv", [[1, 3, 6, 6], [4, 3, 3, 3], [4]], [Attribute("pads", .ints([1, 1, 1, 1]))]),
        ("ConvTranspose", [[1, 3, 5, 5], [3, 2, 3, 3]], [Attribute("strides", .ints([2, 2]))]),
        ("Gemm", [[3, 20], [20, 5], [5]], [Attribute("alpha", .float(0.5)), Attribute("beta", .float(2))]),
        ("MatMul", [[2, 3, 20], [20, 4]], []),
        ("Softmax", [[2, 10]], []), ("LogSoftmax", [[2, 10]], []),
        ("LRN", [[1, 6, 3, 3]], [Attribute("size", .int(3)), Attribute("alpha", .float(0.5))]),
        ("AveragePool", [[1, 2, 5, 5]], [Attribute("kernel_shape", .ints([3, 3])), Attribute("pads", .ints([1, 1, 1, 1]))]),
        ("GlobalAveragePool", [[2, 3, 4, 4]], []), ("ReduceMean", [[3, 8]], [Attribute("axes", .ints([1]))]),
        ("MaxPool", [[1, 2, 5, 5]], [Attribute("kernel_shape", .ints([2, 2]))]), ("Tanh", [[30]], []),
        ("Mul", [[5, 4], [4]], []),
        ("InstanceNormalization", [[1, 2, 12], [2], [2]], []),
        ("BatchNormalization", [[2, 3, 5], [3], [3], [3], [3]], []),
    ]

    /// Random errors of known variance in the first input, many times over, against what is propagated.
    @Test("Propagated variances are those of many random evaluations", arguments: 0..<15)
    func monteCarlo(index: Int) throws {
        let (type, shapes, attributes) = Self.cases[index]
        var random = RandomNumbers(seed: UInt64(200 + index))
        var inputs = try shapes.map { try random.tensor($0) }
        if type == "BatchNormalization" { inputs[4] = try random.tensor([3], positive: true) }
        let node = try OperatorUnderTest(type, opset: 13, inputs: inputs.map { _ in true }, attributes: attributes)
        let wide = try inputs.map { try $0.widened() }
        let outputs = try node.operator.evaluateInDouble(wide)
        let x = try wide[0].doubles()
        let deviations = x.map { _ in 1e-5 * Double.random(in: 0.5...2, using: &random) }
        let variances: [[Double]?] = [deviations.map { $0 * $0 }] + Array(repeating: nil, count: inputs.count - 1)
        // Arithmetic that does not round leaves what is propagated alone.
        let exact = RoundingUnit(roundoff: 0, smallest: 0)
        let propagated = try #require(
            try node.operator.roundingVariance(wide, variances: variances, outputs: outputs, unit: exact)[0])
        let y = try outputs[0].doubles()
        var sums = [Double](repeating: 0, count: y.count)
        let draws = 400
        for _ in 0..<draws {
            var moved = wide
            moved[0] = try Tensor(
                zip(x, deviations).map { $0 + $1 * (Bool.random(using: &random) ? 1 : -1) }, shape: wide[0].shape)
            for (position, value) in try node.operator.evaluateInDouble(moved)[0].doubles().enumerated() {
                sums[position] += (value - y[position]) * (value - y[position]) / Double(draws)
            }
        }
        let (total, expected) = (sums.reduce(0, +), propagated.reduce(0, +))
        // Over all elements the estimate of 400 draws is within a few per cent; one element within a factor (χ² of 400 degrees,
        // and of 12 where variances are estimated by differences).
        #expect(total / expected > 0.7 && total / expected < 1.4, "\(type): \(total) against \(expected)")
        for (seen, stated) in zip(sums, propagated) where seen > 1e-6 * total {
            #expect(stated > seen / 12 && stated < seen * 6, "\(type): \(seen) against \(stated)")
        }
    }
}
