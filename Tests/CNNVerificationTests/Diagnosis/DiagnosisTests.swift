import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors
import Testing

@testable import CNNVerification

@Suite("Diagnosis")
struct DiagnosisTests {
    /// The mistakes that a model is changed by, each with what shows it.
    static let nodeMistakes: [(Mistake, String, @Sendable (inout Model) throws -> Void)] = [
        (.batchNormalizationEpsilon, "bn", { $0.change("bn") { $0.set("epsilon", .float(1e-3)) } }),
        (.batchNormalizationSwap, "bn", { $0.change("bn") { $0.inputs.swapAt(3, 4) } }),
        (.batchNormalizationTraining, "bn", { $0.change("bn") { $0.set("training_mode", .int(1)) } }),
        (.leakyReluSlope, "leaky", { $0.change("leaky") { $0.set("alpha", .float(0.3)) } }),
        (.lrnAlpha, "lrn", { $0.change("lrn") { $0.set("alpha", .float(2.5)) } }),
        (.lrnSize, "lrn", { $0.change("lrn") { $0.set("size", .int(11)) } }),
        (.countIncludePad, "pool", { $0.change("pool") { $0.set("count_include_pad", .int(1)) } }),
        (.padsSide, "conv", { $0.change("conv") { $0.set("pads", .ints([2, 2, 0, 0])) } }),
        (.flippedKernels, "conv", { try $0.changeWeights("conv.weight") { flipped($0, taps: 9) } }),
        (.droppedBias, "gemm", { try $0.changeWeights("gemm.bias") { $0.map { _ in 0 } } }),
        (.transposedWeights, "gemm", { try $0.changeWeights("gemm.weight") { transposed($0, rows: 72, columns: 6) } }),
        (.halfPrecisionWeights, "gemm", { try $0.changeWeights("gemm.weight") { $0.map { Double(Float16($0)) } } }),
        (
            .flattenOrder, "flatten",
            { model in
                model.change("flatten") { $0.inputs = ["moved"] }
                model.graph.nodes.insert(
                    Node(
                        "Transpose", inputs: ["pool"], outputs: ["moved"], attributes: [Attribute("perm", .ints([0, 2, 3, 1]))]),
                    at: 5)
            }
        ),
    ]

    @Test("A mistake at a node is named, and so is the node", arguments: nodeMistakes.indices)
    func mistakeAtNode(index: Int) throws {
        let (mistake, node, change) = Self.nodeMistakes[index]
        let network = try FaultyNetwork(batch: mistake == .batchNormalizationTraining ? 3 : 1)
        let references = try network.outputs(change)
        let diagnosis = try Diagnosis(
            of: network.model, inputs: ["image": network.image], references: references,
            options: SessionOptions(threads: 1))
        let first = try #require(diagnosis.findings.first)
        #expect(first.explains, "\(diagnosis.text)")
        #expect(first.mistake == mistake, "\(diagnosis.text)")
        #expect("\(first.place)".contains("'\(node)'"))
        #expect(diagnosis.text.contains("explains the difference"))
    }

    @Test("A mistake in the input is named")
    func mistakeInInput() throws {
        let network = try FaultyNetwork()
        let cases: [(Mistake, Tensor)] = [
            (.channelOrder, try network.image.reversingChannels()),
            (.inputScale, try network.image.mapChannels { $1 * 255 }),
            (
                .inputNormalization,
                try network.image.mapChannels { ($1 - [0.485, 0.456, 0.406][$0]) / [0.229, 0.224, 0.225][$0] }
            ),
            (.inputLayout, try network.image.transposed([0, 2, 3, 1]).reshaped(network.image.shape)),
            (.inputScale, try network.image.reversingChannels().mapChannels { $1 * 255 }),
        ]
        for (mistake, image) in cases {
            let diagnosis = try Diagnosis(
                of: network.model, inputs: ["image": network.image], references: try network.outputs(image: image),
                options: SessionOptions(threads: 1))
            #expect(diagnosis.findings.first?.mistake == mistake, "\(diagnosis.text)")
            #expect(diagnosis.isExplained)
            #expect(diagnosis.findings.first?.place == .input("image"))
        }
    }

    @Test("A mistake in the output is named")
    func mistakeInOutput() throws {
        let network = try FaultyNetwork(batch: 4)
        let scores = try #require(try network.outputs()["scores"])
        let logits = try network.outputs { model in
            model.change("softmax") { node in
                node.operatorType = "Identity"
                node.attributes = []
            }
        }
        let items = (0..<24).map { index in [2, 0, 3, 1][index / 6] * 6 + index % 6 }
        let classes = (0..<24).map { index in index / 6 * 6 + 5 - index % 6 }
        let cases: [(Mistake, [String: Tensor])] = [
            (.softmax, logits), (.batchOrder, ["scores": try scores.gathering(items, shape: scores.shape)]),
            (.classOrder, ["scores": try scores.gathering(classes, shape: scores.shape)]),
        ]
        for (mistake, references) in cases {
            let diagnosis = try Diagnosis(
                of: network.model, inputs: ["image": network.image], references: references,
                options: SessionOptions(threads: 1))
            #expect(diagnosis.findings.first?.mistake == mistake, "\(diagnosis.text)")
            #expect(diagnosis.isExplained)
        }
    }

    @Test("What nobody does by mistake is explained by nothing")
    func unexplainable() throws {
        let network = try FaultyNetwork()
        let references = try network.outputs { model in
            var numbers = Numbers(seed: 3)
            try model.changeWeights("conv.weight") { $0.map { $0 * (1 + 0.1 * Double(numbers.next())) } }
        }
        let diagnosis = try Diagnosis(
            of: network.model, inputs: ["image": network.image], references: references, options: SessionOptions(threads: 1))
        #expect(!diagnosis.isExplained)
        #expect(diagnosis.isExhaustive)
        #expect(diagnosis.text.contains("no known mistake explains this"))
    }

    @Test("With the values between nodes, the guilty node's mistake is found on the node alone; Dropout left on too")
    func guiltyNode() throws {
        var builder = GraphBuilder(name: "dropout", opset: 17)
        var numbers = Numbers(seed: 5)
        let input = builder.input("x", dimensions: [1, 20])
        let hidden = builder.relu(try builder.gemm(input, weights: try numbers.tensor(32, 20), name: "first"))
        let dropped = try builder.dropout(hidden, name: "drop")
        builder.output(try builder.gemm(dropped, weights: try numbers.tensor(4, 32), name: "second"), dimensions: [1, 4])
        let model = try builder.model()
        let x = try numbers.tensor(1, 20)
        var references = try ReferenceEvaluator(model).run(["x": x], keepingAll: true)
        let kept = try #require(references["drop"]).doubles().enumerated().map { $0.offset % 3 == 0 ? 0 : $0.element * 2 }
        references["drop"] = try Tensor(rounding: kept, to: .float32, shape: Shape([1, 32]))
        references["second"] = nil
        let diagnosis = try Diagnosis(
            of: model, inputs: ["x": x], references: references, guiltyNode: 2, options: SessionOptions(threads: 1))
        #expect(diagnosis.findings.first?.mistake == .dropout, "\(diagnosis.text)")
        #expect(diagnosis.text.contains("Dropout left on"))
    }

    @Test("A mistake made at all nodes of a kind is said of all")
    func everywhere() throws {
        var builder = GraphBuilder(name: "leaky", opset: 17)
        var numbers = Numbers(seed: 9)
        var x = builder.input("x", dimensions: [1, 16])
        for _ in 0..<3 { x = builder.leakyRelu(try builder.gemm(x, weights: try numbers.tensor(16, 16)), alpha: 0.01) }
        builder.output(x, dimensions: [1, 16])
        let model = try builder.model()
        var faulty = model
        for name in ["leakyrelu1", "leakyrelu2", "leakyrelu3"] { faulty.change(name) { $0.set("alpha", .float(0.2)) } }
        let image = try numbers.tensor(1, 16)
        let layers = try ReferenceEvaluator(faulty).run(["x": image], keepingAll: true)
        let outputs = layers.filter { $0.key == "leakyrelu3" }
        for (references, guilty) in [(outputs, nil), (layers, 1)] {
            let diagnosis = try Diagnosis(
                of: model, inputs: ["x": image], references: references, guiltyNode: guilty,
                options: SessionOptions(threads: 1))
            let first = try #require(diagnosis.findings.first)
            #expect(first.mistake == .leakyReluSlope && first.explains)
            #expect("\(first.place)" == " at all 3 nodes of LeakyRelu that it applies to", "\(diagnosis.text)")
        }
    }

    private static func flipped(_ values: [Double], taps: Int) -> [Double] {
        values.indices.map { values[$0 - $0 % taps + taps - 1 - $0 % taps] }
    }

    /// The elements of a matrix read as `rows` by `columns`, in the order of its transpose.
    private static func transposed(_ values: [Double], rows: Int, columns: Int) -> [Double] {
        (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } }
    }
}
