import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors
import CNNZoo
import Testing

@testable import CNNVerification

/// Small networks with seeded weights and inputs.
private enum Trial {
    static func input(_ model: Model, seed: UInt64, batch: Int = 1) throws -> [String: Tensor] {
        var state = seed
        return try model.graph.requiredInputs.reduce(into: [:]) { inputs, info in
            let sizes = info.type?.tensorShape?.dimensions.map { dimension -> Int in
                if case .known(let size) = dimension.size { Int(size) } else { batch }
            }
            let shape = try Shape(sizes ?? [])
            let values = (0..<shape.elementCount).map { _ -> Float in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
            }
            inputs[info.name] = try Tensor(values, shape: shape)
        }
    }

    static func run(_ model: Model, _ inputs: [String: Tensor], _ mode: SessionOptions.Mode = .strict) throws -> [String:
        Tensor]
    {
        try Session(model, options: SessionOptions(threads: 1, mode: mode)).run(inputs)
    }

    /// The model with one float32 initializer's numbers changed.
    static func changing(_ model: Model, _ name: String, _ body: (Float) -> Float) throws -> Model {
        var model = model
        for index in model.graph.initializers.indices where model.graph.initializers[index].name == name {
            let tensor = model.graph.initializers[index].tensor
            model.graph.initializers[index].tensor = try Tensor(tensor.elements(as: Float.self).map(body), shape: tensor.shape)
        }
        return model
    }

    static func layers(_ model: Model, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        try Session(model, options: SessionOptions(threads: 1, mode: .strict)).run(inputs, keepingAll: true)
    }
}

@Suite("Judging outputs by rounding")
struct RoundingAnalysisTests {
    private static let threshold1000 = 12.2

    @Test("The threshold is twice the Gaussian quantile of one error in a million for all elements together")
    func threshold() {
        // z for 5e-10 is 6.11 (tables of the normal distribution).
        #expect((RoundingThreshold.deviations(elementCount: 1000) - 2 * 6.11).magnitude < 0.1)
        #expect((RoundingThreshold.gaussianQuantile(upperTail: 1e-6) - 4.753).magnitude < 0.05)
    }

    @Test("Evaluations in float32 agree, in every mode and order", arguments: [UInt64(1), 2, 3])
    func agrees(seed: UInt64) throws {
        let model = try Zoo.model(named: "lenet5", seed: seed)
        let inputs = try Trial.input(model, seed: seed, batch: 3)
        let output = try #require(model.graph.outputs.first?.name)
        let expected = try #require(try RoundingAnalysis(model).expectations(for: inputs)[output])
        for mode in SessionOptions.Mode.allCases {
            let judgement = try expected.judge(#require(try Trial.run(model, inputs, mode)[output]))
            #expect(judgement.agrees, "\(judgement)")
            // The deviation describes the error: neither far too wide nor far too narrow.
            #expect(judgement.rootMeanSquare > 0.02 && judgement.rootMeanSquare < 2)
        }
    }

    @Test("A change of 0.1 % in one weight tensor is outside wherever it moves an output by more than rounding")
    func detectsChanges() throws {
        let model = try Zoo.model(named: "lenet5", seed: 4)
        let inputs = try Trial.input(model, seed: 4, batch: 2)
        let output = try #require(model.graph.outputs.first?.name)
        let expected = try #require(try RoundingAnalysis(model).expectations(for: inputs)[output])
        let original = try #require(try Trial.run(model, inputs)[output]).doubles()
        var (moved, caught) = (0, 0)
        for initializer in model.graph.initializers where initializer.tensor.dataType == .float32 {
            let changed = try Trial.run(Trial.changing(model, initializer.name) { $0 * 1.001 }, inputs)
            let values = try #require(changed[output])
            let deviations = try #require(expected.deviations)
            let isMoved = zip(try values.doubles(), zip(original, deviations)).contains {
                ($0 - $1.0).magnitude > 2 * Self.threshold1000 * $1.1
            }
            guard isMoved else { continue }
            moved += 1
            if try !expected.judge(values).agrees { caught += 1 }
        }
        // All weights; the biases of a new network are zeros.
        #expect(moved == 5)
        #expect(caught == moved)
    }

    @Test("Half-precision weights are named, and so are results stored in 16 bits", arguments: [DataType.float16, .bfloat16])
    func precision(type: DataType) throws {
        let model = try Zoo.model(named: "lenet5", seed: 6)
        let inputs = try Trial.input(model, seed: 6, batch: 2)
        let output = try #require(model.graph.outputs.first?.name)
        var narrowed = model
        for index in model.graph.initializers.indices where model.graph.initializers[index].tensor.dataType == .float32 {
            let tensor = model.graph.initializers[index].tensor
            let narrow = try Tensor(rounding: tensor.doubles(), to: type, shape: tensor.shape)
            narrowed.graph.initializers[index].tensor = try Tensor(
                rounding: narrow.doubles(), to: .float32, shape: tensor.shape)
        }
        let analysis = try RoundingAnalysis(model)
        let ours = try Trial.run(model, inputs)
        let expected = try #require(try analysis.expectations(for: inputs)[output])
        func finding(_ reference: Tensor) throws -> PrecisionFinding.Kind? {
            #expect(try !expected.judge(reference).agrees)
            return try analysis.precisionFinding(for: reference, of: output, expectation: expected, inputs: inputs)?.kind
        }
        let weights = try #require(try Trial.run(narrowed, inputs)[output])
        #expect(try finding(weights) == (type == .float16 ? .float16Weights : .bfloat16Weights))
        let plain = try #require(ours[output])
        let stored = try Tensor(
            rounding: Tensor(rounding: plain.doubles(), to: type, shape: plain.shape).doubles(), to: .float32,
            shape: plain.shape)
        #expect(try finding(stored) == (type == .float16 ? .float16Output : .bfloat16Output))
    }

    @Test("A value that is not a number on one side is outside")
    func notANumber() throws {
        let shape = try Shape([2])
        let expectation = RoundingExpectation(
            shape: shape, dataType: .float32, exact: try Tensor([1, 2] as [Double]), deviations: [1, 1])
        #expect(try !expectation.judge(Tensor([1, .nan] as [Float])).agrees)
        #expect(try expectation.judge(Tensor([1.5, 2] as [Float])).agrees)
    }
}

@Suite("How far a bound lies above the errors")
struct SlackTests {
    @Test("The median of unit over difference, of the elements that differ, to one part in 128", arguments: [1, 2, 3, 8, 1001])
    func median(count: Int) throws {
        var random = SeededNumbers(state: UInt64(count))
        let units = (0..<count).map { _ in 1000 * Double(1.5 + random.next()) }
        let judgement = try RoundingJudgement(
            basis: .bound, actual: units.map { _ in 1 } + [5], expected: units.map { _ in 0 } + [5], units: units + [1],
            threshold: .infinity, shape: Shape([count + 1]))
        let exact = units.sorted()[count / 2]
        let median = try #require(judgement.medianSlack)
        #expect((median / exact - 1).magnitude <= 1.0 / 128)
    }
}

@Suite("Checking layers")
struct LayerCheckTests {
    private func report(_ model: Model, _ reference: [String: Tensor], _ inputs: [String: Tensor]) throws -> LayerReport {
        try LayerCheck(model, options: SessionOptions(threads: 1, mode: .strict)).run(inputs, reference: { reference[$0] })
    }

    @Test("Our own layers pass, every value is checked, and nothing differs")
    func passes() throws {
        let model = try Zoo.model(named: "lenet5", seed: 1)
        let inputs = try Trial.input(model, seed: 1, batch: 2)
        let report = try report(model, Trial.layers(model, inputs), inputs)
        #expect(report.agrees)
        #expect(report.missing.isEmpty)
        #expect(report.layers.count == model.graph.nodes.count)
        #expect(report.layers.allSatisfy { $0.isolated?.maxAbsolute == 0 && $0.cumulative?.maxAbsolute == 0 })
        #expect(report.layers.allSatisfy { $0.reference?.basis == .bound || $0.reference?.basis == .exact })
        // A bound below the error would be violated; one a thousand times above it would let faults pass.
        #expect(1...1000 ~= (try #require(report.medianBoundOverError)))
    }

    @Test("A fault within the bound of a long sum is named once the reference is known to be wrong")
    func locatesWithinBounds() throws {
        let model = try Zoo.model(named: "lenet5", seed: 3)
        let inputs = try Trial.input(model, seed: 3)
        let node = try #require(model.graph.nodes.first { $0.name.isEmpty == false && $0.operatorType == "Gemm" })
        // Relative errors of 2⁻¹⁷ of the factors of 120 products come to a fifth of the bound and to forty deviations.
        var random = SeededNumbers(state: 5)
        let faulty = try Trial.changing(model, node.inputs[1]) { $0 * (1 + 0x1p-17 * random.next()) }
        let values = try Trial.layers(faulty, inputs)
        let check = try LayerCheck(model, options: SessionOptions(threads: 1, mode: .strict))
        #expect(try check.run(inputs, reference: { values[$0] }).agrees)
        #expect(try check.locate(inputs, reference: { values[$0] }).firstFailure?.nodeName == node.name)
        let own = try Trial.layers(model, inputs)
        #expect(try check.locate(inputs, reference: { own[$0] }).agrees)
    }

    @Test("The node with changed weights is named, those behind it are not blamed, and its worst element is explained")
    func localises() throws {
        let model = try Zoo.model(named: "lenet5", seed: 2)
        let inputs = try Trial.input(model, seed: 2)
        var random = SeededNumbers(state: 11)
        for node in model.graph.nodes where ["Conv", "Gemm"].contains(node.operatorType) {
            let weights = try #require(node.inputs.dropFirst().first)
            let faulty = try Trial.changing(model, weights) { $0 * (1 + 1e-3 * random.next()) }
            let report = try report(model, Trial.layers(faulty, inputs), inputs)
            #expect(report.firstFailure?.nodeName == node.name)
            #expect(report.failures.count == 1)
            let failure = try #require(report.firstFailure)
            #expect(failure.ours?.agrees == true)
            #expect((failure.referenceDistance?.maxAbsolute ?? 0) > (failure.ourDistance?.maxAbsolute ?? 1))
            let explanation = try #require(report.explanation)
            #expect(explanation.termCount > 1)
            let sum = explanation.largestTerms.reduce(0) { $0 + $1.value } + explanation.restOfTerms
            #expect((sum - explanation.exactValue).magnitude < 1e-12)
            #expect(explanation.largestTerms.count <= 8)
            // What follows is off from the start, but by itself right.
            let last = try #require(report.layers.last)
            if last.value != failure.value {
                #expect((last.cumulative?.relative ?? 0) > 1e-5)
                #expect((last.isolated?.relative ?? 1) < 1e-5)
            }
        }
    }

    @Test("Values that the reference lacks are bridged: the next one that it has is judged by the expected deviation")
    func bridges() throws {
        let model = try Zoo.model(named: "lenet5", seed: 3)
        let inputs = try Trial.input(model, seed: 3)
        var layers = try Trial.layers(model, inputs)
        let second = try #require(model.graph.nodes.dropFirst().first?.outputs.first)
        layers[second] = nil
        let passed = try report(model, layers, inputs)
        #expect(passed.agrees)
        #expect(passed.missing == [second])
        let bridged = try #require(passed.layers.first { !$0.reconstructedInputs.isEmpty })
        #expect(bridged.reference?.basis == .deviation)
        let weights = try #require(model.graph.nodes.first?.inputs.dropFirst().first)
        let faulty = try Trial.changing(model, weights) { $0 * 1.01 }
        var broken = try Trial.layers(faulty, inputs)
        let first = try #require(model.graph.nodes.first?.outputs.first)
        broken[first] = nil
        broken[second] = nil
        #expect(try report(model, broken, inputs).firstFailure?.nodeIndex == 2)
    }

    @Test("A value of another shape or type than the model's is left out and named; the check goes on")
    func wrongShape() throws {
        let model = try Zoo.model(named: "lenet5", seed: 3)
        let inputs = try Trial.input(model, seed: 3)
        var layers = try Trial.layers(model, inputs)
        let first = try #require(model.graph.nodes.first?.outputs.first)
        let shape = try #require(layers[first]).shape
        layers[first] = try Tensor([1] as [Float])
        let shorter = try report(model, layers, inputs)
        #expect(shorter.agrees)
        #expect(shorter.missing.isEmpty)
        let reason = "its shape is \(shape), the reference's [1]: 4 axes against 1"
        #expect(shorter.omissions == ["value '\(first)' was not compared: \(reason)"])
        #expect(shorter.layers.first { $0.value == first }?.reference == nil)
        #expect(shorter.layers.last?.reference?.agrees == true)
        layers[first] = try Tensor([Int32](repeating: 1, count: shape.elementCount), shape: shape)
        let whole = try report(model, layers, inputs)
        #expect(whole.omissions == ["value '\(first)' was not compared: its type is float32, the reference's int32"])
    }
}

/// Numbers between −1 and 1, the same in every run.
private struct SeededNumbers {
    var state: UInt64

    mutating func next() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
    }
}
