import CNNModels
import CNNOperators
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("A session")
struct SessionTests {
    /// Convolutions of every method, pooling, a residual, a classifier.
    private static func network(images: Int) throws -> NetworkUnderTest {
        var network = NetworkUnderTest(seed: 11)
        let x = try network.input("x", [images, 3, 17, 17])
        let first = network.node("Relu", [try network.convolution(x, inputs: 3, outputs: 32)])
        let second = try network.convolution(first, inputs: 32, outputs: 32)
        let sum = network.node("Relu", [network.node("Add", [second, first])])
        let depthwise = network.node(
            "Conv", [sum, try network.weights([32, 1, 3, 3])], attributes: [Attribute("group", .int(32))])
        let grouped = network.node(
            "Conv", [depthwise, try network.weights([30, 16, 1, 1])], attributes: [Attribute("group", .int(2))])
        let pooled = network.node("GlobalAveragePool", [grouped])
        let flat = network.node("Flatten", [pooled])
        let attributes = [Attribute("transB", .int(1))]
        network.output(
            network.node("Softmax", [network.node("Gemm", [flat, try network.weights([10, 30])], attributes: attributes)]))
        return network
    }

    @Test("may be used from many tasks at once")
    func concurrentRuns() async throws {
        let network = try Self.network(images: 2)
        let session = try Session(network.model, options: SessionOptions(threads: 2))
        let expected = try session.run(network.inputs)
        let inputs = network.inputs
        try await withThrowingTaskGroup(of: [String: Tensor].self) { group in
            for _ in 0..<16 { group.addTask { try session.run(inputs) } }
            for try await result in group { #expect(result == expected) }
        }
    }

    @Test("ends its threads when it is dropped")
    func threadsEnd() throws {
        let network = try Self.network(images: 1)
        // Each would leave two threads behind: the system's limit would be met long before the end.
        for _ in 0..<300 {
            let session = try Session(network.model, options: SessionOptions(threads: 3))
            _ = try session.run(network.inputs)
        }
    }

    @Test("makes plans for every shape it meets")
    func shapes() throws {
        var network = NetworkUnderTest(seed: 12)
        let x = try network.input("x", [1, 4, 8, 8])
        network.output(try network.convolution(x, inputs: 4, outputs: 6))
        let session = try Session(network.model)
        let reference = try ReferenceEvaluator(network.model)
        for sizes in [[1, 4, 8, 8], [2, 4, 5, 9], [1, 4, 8, 8], [3, 4, 1, 1]] {
            let input = ["x": try network.numbers.tensor(sizes)]
            let (actual, expected) = (try session.run(input), try reference.run(input))
            #expect(actual.mapValues(\.shape) == expected.mapValues(\.shape))
        }
    }

    @Test("follows shapes that are given as values")
    func shapesByValue() throws {
        var network = NetworkUnderTest(seed: 13)
        let x = try network.input("x", [2, 12])
        var model = network.model
        model.graph.inputs.append(ValueInfo(name: "shape", dataType: .int64, dimensions: ["rank"]))
        model.graph.nodes = [
            Node("Reshape", inputs: [x, "shape"], outputs: ["y"]), Node("Relu", inputs: ["y"], outputs: ["z"]),
        ]
        model.graph.outputs = [ValueInfo(name: "z", type: nil)]
        let session = try Session(model)
        let input = try #require(network.inputs["x"])
        for sizes: [Int64] in [[4, 6], [3, 8], [4, -1], [24, 1]] {
            let inputs = ["x": input, "shape": try Tensor(sizes)]
            #expect(try session.run(inputs)["z"] == ReferenceEvaluator(model).run(inputs)["z"])
        }
    }

    @Test("lets a caller replace a constant that is an input's default")
    func defaults() throws {
        var network = NetworkUnderTest(seed: 14)
        let x = try network.input("x", [1, 2, 3, 3])
        let weights = try network.weights([2, 2, 1, 1])
        network.output(network.node("Conv", [x, weights]))
        var model = network.model
        model.graph.inputs.append(ValueInfo(name: weights, dataType: .float32, dimensions: [2, 2, 1, 1]))
        let session = try Session(model)
        let reference = try ReferenceEvaluator(model)
        var inputs = network.inputs
        _ = try session.run(inputs)
        let zeros = try Tensor([Float](repeating: 0, count: 4), shape: Shape([2, 2, 1, 1]))
        inputs[weights] = zeros
        #expect(try session.run(inputs) == reference.run(inputs))
    }

    @Test("keeps every value on request")
    func keepingAll() throws {
        let network = try Self.network(images: 2)
        let values = try Session(network.model).run(network.inputs, keepingAll: true)
        #expect(Set(values.keys) == Set(network.graph.nodes.flatMap(\.outputs)))
    }

    @Test("tells what each step took")
    func profile() throws {
        let network = try Self.network(images: 1)
        let (outputs, steps) = try Session(network.model).profile(network.inputs)
        #expect(outputs.count == 1)
        #expect(steps.contains { $0.operators == ["Conv", "Add", "Relu"] })
        #expect(steps.allSatisfy { $0.start >= 0 && $0.seconds >= 0 })
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.start + $0.seconds <= $1.start })
        for step in steps {
            let (start, end) = (step.start, step.start + step.seconds)
            #expect(step.parts.allSatisfy { $0.start >= start && $0.start + $0.seconds <= end }, "\(step)")
        }
        // The classifier: 30 inputs, 10×30 weights, 10 outputs.
        let classifier = try #require(steps.first { $0.operators == ["Gemm"] })
        #expect(classifier.bytesMoved == 4 * (30 + 300 + 10))
        #expect(classifier.multiplyAdds == 300)
    }

    @Test("tells its memory, and keeps packed weights near the size of the model's")
    func memory() throws {
        var network = NetworkUnderTest(seed: 17)
        var x = try network.input("x", [1, 64, 14, 14])
        for _ in 0..<2 { x = try network.convolution(x, inputs: 64, outputs: 64) }
        let pooled = network.node(
            "MaxPool", [x], attributes: [Attribute("kernel_shape", .ints([7, 7])), Attribute("strides", .ints([7, 7]))])
        network.output(network.node("Conv", [pooled, try network.weights([4096, 64, 1, 1])]))
        let session = try Session(network.model, options: SessionOptions(mode: .fast))
        let memory = try session.memory(for: network.inputs)
        #expect(memory.weightBytes == 4 * (2 * 64 * (64 * 9 + 1) + 4096 * 64))
        #expect(memory.packedBytes >= 4 * (2 * 64 * 64 * 9 + 4096 * 64))
        // Winograd's F(4×4, 3×3) would take four times the weights of each convolution.
        #expect(Double(memory.packedBytes) <= 1.15 * Double(memory.weightBytes))
        let methods = try session.profile(network.inputs).steps.map(\.algorithm)
        #expect(methods.contains { $0.hasPrefix("winograd") }, "what the limit leaves room for is used: \(methods)")
        // A convolution's input and output are in use at once.
        #expect(memory.activationLowerBound >= 2 * 4 * 64 * 14 * 14)
        #expect(memory.activationBytes >= memory.activationLowerBound)
        #expect(try #require(MemoryUse.peakResidentBytes) > memory.packedBytes)
    }

    @Test(
        "takes Winograd for a small convolution where all of the network stays in the cache",
        arguments: InstructionSet.available, [16, 1024])
    func methodInCache(_ instructionSet: InstructionSet, classes: Int) throws {
        var network = NetworkUnderTest(seed: 19)
        let x = try network.input("x", [1, 8, 16, 16])
        let sum = network.node("Conv", [x, try network.weights([16, 8, 3, 3])])
        network.output(network.node("MatMul", [network.node("Flatten", [sum]), try network.weights([3136, classes])]))
        let session = try Session(network.model, options: SessionOptions(mode: .fast, instructionSet: instructionSet))
        let methods = try session.profile(network.inputs).steps.map(\.algorithm)
        // 200 KB of weights stay in the cache beside the convolution's; 13 MB drive these out in every run.
        #expect(methods.contains { $0.hasPrefix("winograd") } == (classes == 16), "\(methods)")
        let roundings = 8 * 9 + 3136 + 2
        try network.expectAgreement(roundings: roundings, options: SessionOptions(mode: .fast, instructionSet: instructionSet))
    }

    @Test("reads the weights of a convolution over the whole map where they lie", arguments: SessionOptions.Mode.allCases)
    func wholeMap(mode: SessionOptions.Mode) throws {
        var network = NetworkUnderTest(seed: 18)
        let x = try network.input("x", [3, 20, 5, 4])
        let sum = network.node("Conv", [x, try network.weights([33, 20, 5, 4]), try network.weights([33])])
        network.output(network.node("Relu", [sum]))
        let session = try Session(network.model, options: SessionOptions(mode: mode))
        let steps = try session.profile(network.inputs).steps
        #expect(steps.contains { $0.operators == ["Conv", "Relu"] && $0.multiplyAdds == 3 * 33 * 400 })
        let packed = try session.memory(for: network.inputs).packedBytes
        #expect(mode == .fast ? packed == 0 : packed >= 4 * 33 * 400)
    }

    @Test("refuses what cannot be done", arguments: [0, -1, 1025])
    func threadCount(_ threads: Int) throws {
        let network = try Self.network(images: 1)
        #expect(throws: SessionError.invalidThreadCount(threads)) {
            try Session(network.model, options: SessionOptions(threads: threads))
        }
    }

    @Test("refuses a model that takes more memory than allowed")
    func memoryLimit() throws {
        let network = try Self.network(images: 1)
        let session = try Session(network.model, options: SessionOptions(threads: 1, memoryLimit: 10_000))
        let error = #expect(throws: SessionError.self) { try session.run(network.inputs) }
        guard case .memoryLimitExceeded(_, 10_000) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
