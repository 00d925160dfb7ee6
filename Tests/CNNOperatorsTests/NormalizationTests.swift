import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

/// Numbers whose standardization is exact: mean 0 or 10, variance 4 (without `epsilon`).
@Suite("Normalization")
struct NormalizationTests {
    private let noEpsilon = [Attribute("epsilon", .float(0))]

    private func doubles(_ values: [Double], _ dimensions: Int...) throws -> Tensor {
        try Tensor(values, shape: Shape(dimensions))
    }

    // MARK: - BatchNormalization

    /// X `[2, 2, 1]` of channels (1, 5) and (2, 4), scale, B, mean, var.
    private func batchInputs() throws -> [Tensor] {
        [
            try doubles([1, 2, 5, 4], 2, 2, 1), try doubles([2, 1], 2), try doubles([0, 100], 2), try doubles([1, 0], 2),
            try doubles([4, 1], 2),
        ]
    }

    private func legacy(_ opset: Int) -> [Attribute] {
        opset < 6 ? noEpsilon + [Attribute("consumed_inputs", .ints([0, 0, 0, 1, 1]))] : noEpsilon
    }

    @Test("In inference by the given mean and variance, in every version", arguments: [1, 6, 7, 9, 14, 15])
    func batchInference(opset: Int) throws {
        let y = try evaluate("BatchNormalization", opset: opset, batchInputs(), attributes: legacy(opset))[0]
        #expect(try y.doubles() == [0, 102, 4, 104])
    }

    @Test("In training by the batch's own, and the running statistics move", arguments: [6, 7, 9, 14, 15])
    func batchTraining(opset: Int) throws {
        let attributes =
            legacy(opset) + [Attribute("momentum", .float(0.75))]
            + (opset >= 14 ? [Attribute("training_mode", .int(1))] : [])
        let outputs = try evaluate(
            "BatchNormalization", opset: opset, batchInputs(), outputs: opset >= 14 ? 3 : 5, attributes: attributes)
        // Channel 0 has mean 3 and variance 4, channel 1 mean 3 and variance 1.
        #expect(try outputs[0].doubles() == [-2, 99, 2, 101])
        #expect(try outputs[1].doubles() == [1.5, 0.75])
        #expect(try outputs[2].doubles() == [4, 1])
        if opset < 14 { #expect(try outputs[3].doubles() == [3, 3] && outputs[4].doubles() == [4, 1]) }
    }

    @Test("A node marked 'is_test' infers, however many outputs it names")
    func isTest() throws {
        let outputs = try evaluate(
            "BatchNormalization", opset: 6, batchInputs(), outputs: 5, attributes: noEpsilon + [Attribute("is_test", .int(1))])
        #expect(try outputs[0].doubles() == [0, 102, 4, 104])
        #expect(try outputs[1].doubles() == [1, 0])
    }

    @Test("'spatial' 0: every element of an image has its own statistics", arguments: [6, 7])
    func notSpatial(opset: Int) throws {
        let parameters = try [[1, 1, 2, 2], [0, 0, 0, 1], [1, 2, 3, 4], [1, 1, 4, 4]].map { try doubles($0, 2, 2) }
        let y = try evaluate(
            "BatchNormalization", opset: opset, [doubles([1, 2, 3, 4, 2, 3, 5, 6], 2, 2, 2)] + parameters,
            attributes: noEpsilon + [Attribute("spatial", .int(0))])[0]
        #expect(try y.doubles() == [0, 0, 0, 1, 1, 1, 2, 3])
    }

    @Test("Statistics may have another type than X from version 14 on, parameters from 15 on")
    func mixedTypes() throws {
        var inputs = try batchInputs()
        inputs[0] = try Tensor(rounding: inputs[0].doubles(), to: .float16, shape: inputs[0].shape)
        inputs[1] = try Tensor(rounding: inputs[1].doubles(), to: .float32, shape: inputs[1].shape)
        inputs[2] = try Tensor(rounding: inputs[2].doubles(), to: .float32, shape: inputs[2].shape)
        let outputs = try evaluate("BatchNormalization", opset: 15, inputs, outputs: 3, attributes: noEpsilon)
        #expect(outputs.map(\.dataType) == [.float16, .float64, .float64])
        #expect(throws: OperatorError.self) { try evaluate("BatchNormalization", opset: 14, inputs) }
    }

    @Test("Training mode is remarked; parameters of another size are refused")
    func batchRemarks() throws {
        let training = try OperatorUnderTest(
            "BatchNormalization", opset: 15, inputs: Array(repeating: true, count: 5),
            outputs: 3, attributes: [Attribute("training_mode", .int(1))])
        let facts = [ValueFact.float(.symbol("N"), nil, 4, 4)] + Array(repeating: ValueFact.float(3), count: 4)
        let outputs = try training.operator.infer(facts)
        #expect(outputs[0].remarks.count == 1)
        #expect(outputs[1].shape.description == "[3]")
        var inputs = try batchInputs()
        inputs[3] = try doubles([0, 0, 0], 3)
        #expect { try evaluate("BatchNormalization", opset: 9, inputs) } throws: {
            ($0 as? OperatorError)?.subject == "mean"
        }
    }

    // MARK: - Instance, group and layer normalization

    @Test("Each channel of each image by its own", arguments: [1, 6, 22])
    func instance(opset: Int) throws {
        let x = try doubles([8, 12, 0, 4, -2, 2, 1, 5], 2, 2, 2)
        let y = try evaluate(
            "InstanceNormalization", opset: opset, [x, doubles([1, 10], 2), doubles([0, 0.5], 2)], attributes: noEpsilon)[0]
        #expect(try y.doubles() == [-1, 1, -9.5, 10.5, -1, 1, -9.5, 10.5])
    }

    @Test("Groups of channels; scale and bias by group in version 18, by channel in 21")
    func group() throws {
        let x = try doubles([8, 12, 0, 4], 1, 4, 1)
        let groups = noEpsilon + [Attribute("num_groups", .int(2))]
        let byGroup = try evaluate(
            "GroupNormalization", opset: 18, [x, doubles([1, 10], 2), doubles([0, 0.5], 2)], attributes: groups)[0]
        #expect(try byGroup.doubles() == [-1, 1, -9.5, 10.5])
        let byChannel = try evaluate(
            "GroupNormalization", opset: 21, [x, doubles([1, 2, 3, 4], 4), doubles([0, 0, 0, 1], 4)],
            attributes: groups + [Attribute("stash_type", .int(1))])[0]
        #expect(try byChannel.doubles() == [-1, 2, -3, 5])
        #expect(throws: OperatorError.self) {
            try evaluate("GroupNormalization", opset: 21, [x, doubles([1, 2], 2), doubles([0, 0], 2)], attributes: groups)
        }
        #expect(throws: OperatorError.self) {
            let three = [Attribute("num_groups", .int(3))]
            _ = try evaluate("GroupNormalization", opset: 18, [x, x, x], attributes: three)
        }
    }

    @Test("Over the axes from 'axis' on, with the statistics in the stash type", arguments: [-2, 1])
    func layer(axis: Int64) throws {
        let x = try Tensor([8, 12, 8, 12, 0, 4, 0, 4] as [Float], shape: Shape([2, 2, 2]))
        let scale = try Tensor([1, 10] as [Float])
        let bias = try Tensor([0.5, 0] as [Float], shape: Shape([2, 1]))
        let outputs = try evaluate(
            "LayerNormalization", opset: 17, [x, scale, bias], outputs: 3,
            attributes: noEpsilon + [Attribute("axis", .int(axis))])
        #expect(try outputs[0].doubles() == [-0.5, 10.5, -1, 10, -0.5, 10.5, -1, 10])
        #expect(outputs[1].shape.dimensions == [2, 1, 1])
        #expect(try outputs[1].doubles() == [10, 2])
        #expect(try outputs[2].doubles() == [0.5, 0.5])
        let half = try evaluate(
            "LayerNormalization", opset: 17, [x, scale], outputs: 3, attributes: [Attribute("stash_type", .int(16))])
        #expect(half.map(\.dataType) == [.float32, .bfloat16, .bfloat16])
        #expect(throws: OperatorError.self) {
            try evaluate("LayerNormalization", opset: 17, [x, Tensor([1, 2, 3] as [Float])])
        }
    }

    @Test("Division by the norm along an axis; a norm of 0 gives 0", arguments: [1, 22])
    func lp(opset: Int) throws {
        let x = try doubles([3, -4, 0, 0], 2, 2)
        #expect(try evaluate("LpNormalization", opset: opset, [x])[0].doubles() == [0.6, -0.8, 0, 0])
        let first = [Attribute("p", .int(1)), Attribute("axis", .int(0))]
        #expect(try evaluate("LpNormalization", opset: opset, [x], attributes: first)[0].doubles() == [1, -1, 0, 0])
        #expect(throws: OperatorError.self) {
            try evaluate("LpNormalization", opset: opset, [x], attributes: [Attribute("p", .int(3))])
        }
    }

    // MARK: - Local response normalization

    @Test("The window of channels is longer behind if its size is even, and ends at the last channel", arguments: [1, 13])
    func localResponse(opset: Int) throws {
        let x = try doubles([1, 2, 3, 4], 1, 4, 1)
        func sums(size: Int64) throws -> [Double] {
            // With bias 0, beta 1 and alpha = size the output is x / Σ x².
            let attributes = [
                Attribute("size", .int(size)), Attribute("alpha", .float(Float(size))), Attribute("beta", .float(1)),
                Attribute("bias", .float(0)),
            ]
            let y = try evaluate("LRN", opset: opset, [x], attributes: attributes)[0].doubles()
            return zip([1, 2, 3, 4], y).map { ($0 / $1).rounded() }
        }
        #expect(try sums(size: 1) == [1, 4, 9, 16])
        #expect(try sums(size: 2) == [5, 13, 25, 16])
        #expect(try sums(size: 3) == [5, 14, 29, 25])
        #expect(try sums(size: 100) == [30, 30, 30, 30])
    }

    @Test("Default coefficients are AlexNet's but for the bias of 1")
    func localResponseDefaults() throws {
        let x = try doubles([10], 1, 1, 1)
        let y = try evaluate("LRN", opset: 13, [x], attributes: [Attribute("size", .int(5))])[0].doubles()[0]
        // 10 / (1 + 0.0001/5·100)^0.75, with float32's 0.0001
        #expect(abs(y - 9.985026202342672) < 1e-8)
    }
}
