import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Dropout")
struct DropoutTests {
    @Test("In inference the data pass and the mask keeps all, in every version", arguments: [1, 6, 7, 10, 12, 13, 22])
    func inference(opset: Int) throws {
        let x = try Tensor([1, -2, .nan] as [Float])
        let ratio = opset < 12 ? [Attribute("ratio", .float(0.9))] : []
        let outputs = try evaluate("Dropout", opset: opset, [x], outputs: 2, attributes: ratio)
        #expect(outputs[0] == x)
        #expect(outputs[1].dataType == (opset < 10 ? .float32 : .bool))
        #expect(try outputs[1].doubles() == [1, 1, 1])
    }

    @Test("Training with a seed draws NumPy's mask and scales what is kept", arguments: [12, 13, 22])
    func training(opset: Int) throws {
        // numpy.random.seed(0); numpy.random.uniform(0, 1, 6) is 0.549, 0.715, 0.603, 0.545, 0.424, 0.646.
        let x = try Tensor([1, 2, 3, 4, 5, 6] as [Float])
        let outputs = try evaluate(
            "Dropout", opset: opset, [x, Tensor(scalar: Float(0.6)), Tensor(bools: [true], shape: .scalar)], outputs: 2,
            attributes: [Attribute("seed", .int(0))])
        #expect(try outputs[1].integers() == [0, 1, 1, 0, 0, 1])
        let scale = 1 / (1 - Double(Float(0.6)))
        #expect(try outputs[0].doubles() == [0, 2, 3, 0, 0, 6].map { Double(Float($0 * scale)) })
        let kept = try evaluate(
            "Dropout", opset: opset, [x, Tensor(scalar: Float(0)), Tensor(bools: [true], shape: .scalar)])
        #expect(kept[0] == x)
    }

    @Test("The generator is NumPy's RandomState")
    func generator() {
        // The first numbers of numpy.random.RandomState(seed).random_sample()
        for (seed, expected) in [(UInt32(0), 0.5488135039273248), (1, 0.417022004702574), (42, 0.3745401188473625)] {
            var generator = MersenneTwister(seed: seed)
            #expect(generator.nextUniform() == expected)
        }
        var generator = MersenneTwister(seed: 0)
        // The thousandth number of seed 0 lies beyond the first refill of the state.
        #expect((0..<1000).map { _ in generator.nextUniform() }.last == 0.6771411441114241)
    }

    @Test("A mask without a seed is not the same every time, so it is never computed ahead")
    func determinism() throws {
        #expect(try !OperatorUnderTest("Dropout", opset: 12, inputs: [true]).operator.isDeterministic)
        let seeded = try OperatorUnderTest("Dropout", opset: 12, inputs: [true], attributes: [Attribute("seed", .int(3))])
        #expect(seeded.operator.isDeterministic)
    }

    @Test("A ratio outside of 0 ..< 1 is refused in training", arguments: [Float(-0.1), 1, .nan])
    func refusals(ratio: Float) throws {
        #expect(throws: OperatorError.self) {
            let training = try Tensor(bools: [true], shape: .scalar)
            _ = try evaluate("Dropout", opset: 13, [Tensor.counting(3), Tensor(scalar: ratio), training])
        }
    }
}
