import CNNRuntime
import CNNTensors
import Testing

@testable import CNNVerification

@Suite("Verifying a model")
struct ModelVerificationTests {
    @Test("another way of computing is within rounding, end to end and layer by layer")
    func rounding() throws {
        let network = try NetworkUnderVerification()
        for layers in [false, true] {
            let report = try network.report(against: network, layers: layers)
            #expect(report.verdict == .passed)
            #expect((report.layers != nil) == layers)
            #expect(report.outputs.first?.rounding?.culprit == .neither)
            #expect(report.outputs.first?.comparison.tolerance == nil)
        }
    }

    @Test("a wrong epsilon is outside rounding, and the layers name its node alone")
    func wrongEpsilon() throws {
        let network = try NetworkUnderVerification(epsilon: 1e-3)
        let other = try NetworkUnderVerification(epsilon: 1e-5)
        let plain = try network.report(against: other, layers: false)
        #expect(plain.verdict == .mismatch)
        #expect(plain.outputs.first?.rounding?.culprit == .reference)
        let report = try network.report(against: other, layers: true)
        let layers = try #require(report.layers)
        #expect(layers.firstFailure?.nodeName == "norm")
        #expect(layers.failures.map(\.nodeName) == ["norm"])
        let text = report.text()
        #expect(text.contains("first bad node: node 'norm'"))
        #expect(text.contains("the reference is wrong, ours is right"))
    }

    @Test("a fixed tolerance compares the values between nodes as outputs, without a check of layers")
    func fixedTolerance() throws {
        let network = try NetworkUnderVerification()
        let values = try network.values()
        let references = ReferenceArrays(values.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) })
        let report = try network.verification(tolerance: .fixed(.standard)).report(network.input(), references: references)
        #expect(report.verdict == .passed)
        #expect(report.layers == nil)
        #expect(report.outputs.count == values.count)
    }

    @Test("an output of another shape or type stays uncompared, with layers too")
    func incomparable() throws {
        let network = try NetworkUnderVerification()
        var values = try network.values()
        values["scores"] = try values["scores"]?.reshaped(Shape([10, 2]))
        let references = ReferenceArrays(values.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) })
        #expect(try network.verification().report(network.input(), references: references).verdict == .incomplete)
    }
}

@Suite("Flips of the best class")
struct ClassFlipsTests {
    @Test("a flip between scores that rounding cannot tell apart is a near tie, any other is not")
    func nearTies() throws {
        let shape = try Shape([3, 3])
        // The second item's two best lie 0.001 apart, the third's 1.
        let reference = try Tensor([3, 1, 0, 2, 2.001, 0, 1, 2, 0] as [Float], shape: shape)
        let actual = try Tensor([3, 1, 0, 2.001, 2, 0, 2, 1, 0] as [Float], shape: shape)
        let allowed = [Double](repeating: 0.01, count: 9)
        let flips = try #require(try ClassFlips(actual: actual, reference: reference, allowed: allowed))
        #expect((flips.top1.flipped, flips.top1.nearTies) == (2, 1))
        #expect(flips.top5 == nil)
        #expect(flips.summary == "2 of 3 items differ in the best class, 1 of them near ties in the reference's own scores")
        #expect(try ClassFlips(actual: actual, reference: actual, allowed: allowed)?.summary == nil)
    }
}

@Suite("A model that verifies itself")
struct SelfCheckTests {
    private func report(_ check: SelfCheck, _ network: NetworkUnderVerification) throws -> SelfCheckReport {
        try check.report { try Session(network.model, options: network.options).run($0) }
    }

    @Test("the model passes its own check, read back from its metadata, whatever computes it")
    func passes() throws {
        let network = try NetworkUnderVerification()
        let carried = try SelfCheck.make(for: network.model).attached(to: network.model)
        let check = try #require(try SelfCheck(in: carried))
        #expect(check == (try SelfCheck.make(for: network.model)))
        #expect(try report(check, network).verdict == .passed)
        #expect(try SelfCheck(in: network.model) == nil)
        // Attached again, it takes the old one's place.
        #expect(check.attached(to: carried).metadata.count == 1)
    }

    @Test("a change of the model beyond rounding fails it")
    func tampered() throws {
        let check = try SelfCheck.make(for: NetworkUnderVerification().model)
        let result = try report(check, NetworkUnderVerification(epsilon: 1.1e-3))
        #expect(result.verdict == .mismatch)
        #expect(result.text().hasSuffix("mismatch: the model is not the one that was exported (0 of 1 outputs agree)"))
    }

    @Test("a check with NaN or infinity in its numbers verifies nothing")
    func nonFinite() throws {
        let network = try NetworkUnderVerification()
        let check = try SelfCheck.make(for: network.model)
        let output = try #require(check.outputs.first)
        func statistic(_ value: Double, _ sigma: Double) -> String {
            JSON.object([JSON.Member("value", .number(value)), JSON.Member("sigma", .number(sigma))]).text()
        }
        for (value, sigma) in [(Double.nan, 1.0), (output.mean.value, .infinity)] {
            let text = check.json.text().replacing(
                statistic(output.mean.value, output.mean.sigma), with: statistic(value, sigma))
            var model = network.model
            model.metadata = [.init(key: SelfCheck.key, value: text)]
            let result = try report(#require(try SelfCheck(in: model)), network)
            #expect(result.verdict == .incomplete)
            #expect(
                result.omissions == ["output 'scores' was not compared: the check has NaN or infinity for 1 of its 19 numbers"])
        }
    }

    @Test("an output that the check says nothing of leaves it incomplete, a mismatch outweighs it")
    func uncheckedOutput() throws {
        let network = try NetworkUnderVerification()
        let check = try SelfCheck.make(for: network.model)
        for (epsilon, verdict) in [(Float(1e-3), VerificationReport.Verdict.incomplete), (1.1e-3, .mismatch)] {
            let other = try NetworkUnderVerification(epsilon: epsilon)
            let result = try check.report { inputs in
                let outputs = try Session(other.model, options: other.options).run(inputs)
                return outputs.merging(["extra": try Tensor([1] as [Float])]) { first, _ in first }
            }
            #expect(result.verdict == verdict)
            #expect(result.omissions == ["the check says nothing of output 'extra'"])
            #expect(result.text().contains("incomplete: the check says nothing of output 'extra'"))
        }
    }

    @Test("a check for one batch does not fit a model of another, and fits a symbolic one")
    func fits() throws {
        let network = try NetworkUnderVerification()
        let check = try SelfCheck.make(for: network.model)
        #expect(check.fits(network.model))
        #expect(check.fits(try network.model.withBatch(.fixed(1))))
        #expect(!check.fits(try network.model.withBatch(.fixed(4))))
        #expect(try SelfCheck(in: SelfCheck.removed(from: check.attached(to: network.model))) == nil)
    }

    @Test("the inputs are the published sequence, exact in float32")
    func inputs() throws {
        let tensor = try SeededInput.tensor(.float32, .vector(3), seed: 1_234_567, position: 0)
        // SplitMix64's first published words for this seed, in quarters.
        let words: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        ]
        let sum = words.reduce(0) { total, word in total + (0..<4).reduce(0) { $0 + Int(word >> UInt64(16 * $1) & 0xFFFF) } }
        #expect(try tensor.elements(as: Float.self).first == Float(Double(sum) / 65536 - 6))
    }

    @Test(
        "what is no check is refused with a reason",
        arguments: ["", "{}", #"{"schema": 1, "seed": 1, "inputs": [], "outputs": []}"#])
    func refused(text: String) throws {
        var model = try NetworkUnderVerification().model
        model.metadata = [.init(key: SelfCheck.key, value: text)]
        #expect(throws: SelfCheckError.self) { try SelfCheck(in: model) }
    }
}
