import CNNModels
import CNNOperators
import CNNTensors
import Testing

@testable import CNNZoo

/// One network after the other: VGG-19's weights alone are half a gigabyte.
@Suite("Zoo", .serialized)
struct ZooTests {
    /// Trainable numbers: all that the file holds but the running statistics of normalisation and dropout's ratios.
    private func parameterCount(_ model: Model) -> Int {
        model.graph.initializers
            .filter {
                !$0.name.hasSuffix(".running_mean") && !$0.name.hasSuffix(".running_var") && !$0.name.hasSuffix(".ratio")
            }
            .reduce(0) { $0 + $1.tensor.shape.elementCount }
    }

    @Test("More classes than memory holds are refused before any is taken", arguments: [99_999_999_999, Int.max])
    func tooManyClasses(_ count: Int) {
        #expect(throws: ZooError.weightsTooLarge([count, 84])) { try Zoo.model(named: "lenet5", classes: count) }
    }

    /// Sources of the numbers:
    /// - LeNet-5: 156 + 2,416 + 48,120 + 10,164 + 850, layer by layer (c1, c3, c5, f6, output).
    /// - AlexNet: the file `bvlc_alexnet` of the ONNX Model Zoo; GoogLeNet: its `bvlc_googlenet` (`inception_v1`).
    /// - ZFNet: 14,208 + 614,656 + 885,120 + 1,327,488 + 884,992 + 37,752,832 + 16,781,312 + 4,097,000.
    /// - All others: `num_params` in the documentation of torchvision's pre-trained weights.
    @Test(
        "As many parameters as published",
        arguments: [
            ("lenet5", 61_706), ("alexnet", 60_965_224), ("zfnet", 62_357_608), ("vgg11", 132_863_336),
            ("vgg13", 133_047_848), ("vgg16", 138_357_544), ("vgg19", 143_667_240), ("googlenet", 6_998_552),
            ("resnet18", 11_689_512), ("resnet34", 21_797_672), ("resnet50", 25_557_032), ("resnet101", 44_549_160),
            ("resnet152", 60_192_808), ("densenet121", 7_978_856), ("densenet169", 14_149_480),
            ("densenet201", 20_013_928),
        ])
    func parameters(name: String, count: Int) throws {
        let model = try Zoo.model(named: name)
        #expect(parameterCount(model) == count)
        // Every shape follows, up to the scores, and contradicts no declaration.
        let inferred = try BoundModel(model).infer()
        let classes = name == "lenet5" ? 10 : 1000
        #expect(inferred.facts["scores"]?.shape == SymbolicShape([.symbol("N"), Dimension(classes)]))
    }

    @Test("The names are those that are tested, each once")
    func names() {
        #expect(Zoo.names.count == 16)
        #expect(Set(Zoo.names).count == 16)
        #expect(Zoo.names.first == "lenet5")
    }

    @Test("The same seed gives the same model, another seed other weights")
    func seeds() throws {
        let model = try Zoo.model(named: "lenet5", seed: 1)
        #expect(try Zoo.model(named: "lenet5", seed: 1) == model)
        #expect(try Zoo.model(named: "lenet5", seed: 2) != model)
    }

    @Test("SplitMix64 gives its published numbers")
    func generator() {
        // The first words for seed 1234567 of the reference implementation (Vigna, splitmix64.c).
        var generator = SplitMix64(seed: 1_234_567)
        let words = (0..<3).map { _ in generator.next() }
        #expect(words == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }

    @Test("Weights lie within He's bounds and have his variance")
    func weights() throws {
        let model = try Zoo.model(named: "lenet5")
        let weights = try #require(model.graph.initializers.first { $0.name == "c5.weight" }).tensor.doubles()
        let bound = (6.0 / 400).squareRoot()
        #expect(weights.allSatisfy { $0.magnitude <= bound })
        // 48,000 numbers: the sample's variance is within 5 standard errors, √(0.8/48000), of 2/400.
        let variance = weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)
        #expect((variance / (2.0 / 400) - 1).magnitude < 5 * (0.8 / 48_000).squareRoot())
    }

    @Test("Other numbers of classes and operator sets; what does not exist is refused")
    func options() throws {
        let model = try Zoo.model(named: "lenet5", classes: 3, opset: 21)
        #expect(model.opsetVersion(domain: "") == 21)
        #expect(model.graph.outputs[0].type?.tensorShape?.dimensions[1].size == .known(3))
        for opset in [7, 9, 12, 28] { _ = try BoundModel(Zoo.model(named: "googlenet", opset: opset)).infer() }
        #expect(throws: ZooError.unknownName("lenet6")) { try Zoo.model(named: "lenet6") }
        #expect(throws: ZooError.invalidClassCount(0)) { try Zoo.model(named: "lenet5", classes: 0) }
        #expect(throws: ZooError.unsupportedOpset(6)) { try Zoo.model(named: "lenet5", opset: 6) }
    }
}
