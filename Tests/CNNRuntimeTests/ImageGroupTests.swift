import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Groups of images")
struct ImageGroupTests {
    private static let images = StrictModeTests.images

    private func session(
        _ network: NetworkUnderTest, imagesAtATime: Int, threads: Int = 2, mode: SessionOptions.Mode = .strict
    ) throws -> Session {
        try Session(network.model, options: SessionOptions(threads: threads, mode: mode), imagesAtATime: imagesAtATime)
    }

    /// Expects groups of any size, with and without images that remain, to give the bits of the whole batch.
    private func expectSameBits(_ network: NetworkUnderTest, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let whole = try session(network, imagesAtATime: Self.images).run(network.inputs)
        for threads in [1, 2, 3] {
            for images in [1, 2, 4, 5] {
                let grouped = try session(network, imagesAtATime: images, threads: threads)
                // The second run finds the memory as the first one left it.
                for _ in 0..<2 {
                    #expect(
                        try grouped.run(network.inputs) == whole, "\(images) images at a time, \(threads) threads",
                        sourceLocation: sourceLocation)
                }
            }
        }
    }

    /// How often each operator's step ran.
    private func rounds(_ network: NetworkUnderTest, imagesAtATime: Int) throws -> [String: Int] {
        let steps = try session(network, imagesAtATime: imagesAtATime).profile(network.inputs).steps
        return Dictionary(
            steps.compactMap { step in step.operators.first.map { ($0, step.intervals.count) } }, uniquingKeysWith: min)
    }

    @Test("give the bits of the whole batch", arguments: StrictModeTests.Network.allCases)
    func bits(_ example: StrictModeTests.Network) throws {
        try expectSameBits(example.network)
    }

    @Test("go through convolutions, while fully connected layers take the whole batch")
    func classifier() throws {
        let rounds = try rounds(StrictModeTests.Network.classifier.network, imagesAtATime: 4)
        #expect(rounds["Conv"] == 2)
        #expect(rounds["Gemm"] == 1)
        #expect(rounds["MatMul"] == 1)
    }

    @Test("end where images meet, and begin again behind it")
    func meetingImages() throws {
        var network = NetworkUnderTest(seed: 31)
        let x = try network.input("x", [Self.images, 16, 7, 6])
        let first = network.node("Relu", [try network.convolution(x, inputs: 16, outputs: 24)])
        let softmax = network.node("Softmax", [first], attributes: [Attribute("axis", .int(0))])
        let turned = network.node("Transpose", [first], attributes: [Attribute("perm", .ints([1, 0, 2, 3]))])
        let turnedBack = network.node("Transpose", [turned], attributes: [Attribute("perm", .ints([1, 0, 3, 2]))])
        let joined = network.node("Concat", [first, softmax], attributes: [Attribute("axis", .int(0))])
        let mean = network.node(
            "ReduceMean", [first], attributes: [Attribute("axes", .ints([0])), Attribute("keepdims", .int(1))])
        let centred = network.node("Sub", [first, mean])
        let second = try network.convolution(network.node("Sign", [centred]), inputs: 24, outputs: 8)
        network.output(softmax, turnedBack, joined, second, network.node("MaxPool", [joined], attributes: Self.window))
        try expectSameBits(network)
        let rounds = try rounds(network, imagesAtATime: 2)
        // The pooling takes twice the images.
        #expect(rounds["Conv"] == 3 && rounds["MaxPool"] == 6)
        for type in ["Softmax", "Transpose", "Concat", "ReduceMean", "Sub", "Sign"] { #expect(rounds[type] == 1, "\(type)") }
    }

    private static let window = [Attribute("kernel_shape", .ints([2, 2])), Attribute("strides", .ints([2, 2]))]

    @Test("keep what the caller gets and what others read later")
    func crossingValues() throws {
        var network = NetworkUnderTest(seed: 32)
        let x = try network.input("x", [Self.images, 16, 9, 8])
        let first = network.node("Relu", [try network.convolution(x, inputs: 16, outputs: 32)])
        let second = network.node("MaxPool", [first], attributes: Self.window)
        let wide = network.node(
            "Concat", [first, try network.convolution(first, inputs: 32, outputs: 16)], attributes: [Attribute("axis", .int(1))]
        )
        let branch = network.node("Tanh", [try network.convolution(second, inputs: 32, outputs: 16)])
        // Reads the first layers' values behind a layer without kernels, which takes the whole batch.
        let sign = network.node("Sign", [branch])
        let sum = network.node("Add", [sign, branch])
        let late = network.node("Add", [try network.convolution(first, inputs: 32, outputs: 32), first])
        network.output(second, sum, late, network.node("Relu", [wide]))
        try expectSameBits(network)
    }

    @Test("take no constants that differ between images for one image's")
    func constantsByImage() throws {
        var network = NetworkUnderTest(seed: 33)
        let x = try network.input("x", [Self.images, 16, 5, 5])
        let shifted = network.node("Add", [x, try network.weights([Self.images, 16, 5, 5])])
        let scaled = network.node("Mul", [shifted, try network.weights([Self.images, 16, 1, 1])])
        // As many channels as images, along another axis.
        let odd = network.node("Add", [scaled, try network.weights([16, 1, 5])])
        network.output(
            network.node("Mul", [odd, try network.weights([Self.images, 1, 1, 5])]), network.node("Flatten", [scaled]))
        try expectSameBits(network)
    }

    @Test("are chosen for large maps, and take less memory")
    func choice() throws {
        var network = NetworkUnderTest(seed: 34)
        var x = try network.input("x", [16, 32, 64, 64])
        for _ in 0..<4 { x = network.node("Relu", [try network.convolution(x, inputs: 32, outputs: 32)]) }
        network.output(network.node("GlobalAveragePool", [x]))
        for mode in SessionOptions.Mode.allCases {
            let options = SessionOptions(threads: 2, mode: mode)
            let grouped = try Session(network.model, options: options)
            let memory = try grouped.memory(for: network.inputs)
            let steps = try grouped.profile(network.inputs).steps
            #expect(steps.contains { $0.intervals.count > 1 })
            let whole = try Session(network.model, options: options, imagesAtATime: 16).memory(for: network.inputs)
            #expect(memory.activationBytes < whole.activationBytes / 2)
            #expect(Double(memory.activationBytes) <= 1.05 * Double(memory.activationLowerBound))
        }
    }
}
