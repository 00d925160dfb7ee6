import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Layers of a compiled network agree with their formulas")
struct LayerTests {
    @Test("residual blocks with batch normalization, fused", arguments: allOptions)
    func residualBlock(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 2)
        let x = try network.input("x", [2, 24, 9, 8])
        let first = try network.normalizedConvolution(x, inputs: 24, outputs: 40)
        let second = try network.normalizedConvolution(
            network.node("Relu", [first]), inputs: 40, outputs: 24)
        let sum = network.node("Add", [second, x])
        let relu = network.node("Relu", [sum])
        let shortcut = try network.normalizedConvolution(relu, inputs: 24, outputs: 48)
        let main = try network.normalizedConvolution(relu, inputs: 24, outputs: 48)
        // An upper bound within reach would cut off what the bound on the error is made of.
        let bounds = [network.constant(try Tensor(scalar: Float(-0.5))), network.constant(try Tensor(scalar: Float(1e30)))]
        network.output(network.node("Clip", [network.node("Sum", [shortcut, main])] + bounds))
        try network.expectAgreement(roundings: 40 * 9 * 4 + 60, options: options)
        try network.expectAgreement(roundings: 40 * 9 * 4 + 60, options: options, keepingAll: true)
    }

    @Test("a convolution whose own input is the residual keeps it whole", arguments: allOptions)
    func residualOfItsInput(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 3)
        let x = try network.input("x", [1, 16, 7, 7])
        let start = network.node("Relu", [x])
        let y = try network.convolution(start, inputs: 16, outputs: 16)
        network.output(network.node("Add", [start, y]))
        try network.expectAgreement(roundings: 16 * 9 + 4, options: options)
    }

    @Test("concatenated branches of whole and of broken channel blocks", arguments: allOptions, [[16, 32, 16], [16, 7, 20]])
    func concatenation(_ options: SessionOptions, _ widths: [Int]) throws {
        var network = NetworkUnderTest(seed: 4)
        let x = try network.input("x", [2, 16, 6, 7])
        let branches = try widths.map { try network.convolution(x, inputs: 16, outputs: $0) }
        let joined = network.node("Concat", branches, attributes: [Attribute("axis", .int(1))])
        let pooled = network.node(
            "MaxPool", [joined],
            attributes: [Attribute("kernel_shape", .ints([3, 3])), Attribute("pads", .ints([1, 1, 1, 1]))])
        network.output(try network.convolution(pooled, inputs: widths.reduce(0, +), outputs: 5), branches[1])
        try network.expectAgreement(roundings: (16 + 64) * 9 + 6, options: options)
    }

    @Test("densely connected layers share one piece of memory", arguments: allOptions, [1, 2])
    func dense(_ options: SessionOptions, _ images: Int) throws {
        var network = NetworkUnderTest(seed: 5)
        let x = try network.input("x", [images, 3, 8, 8])
        var features = [try network.convolution(x, inputs: 3, outputs: 32)]
        for layer in 0..<3 {
            let joined = network.node("Concat", features, attributes: [Attribute("axis", .int(1))])
            let relu = network.node("Relu", [try network.normalization(joined, channels: 32 + 16 * layer)])
            features.append(try network.convolution(relu, inputs: 32 + 16 * layer, outputs: 16))
        }
        let joined = network.node("Concat", features, attributes: [Attribute("axis", .int(1))])
        network.output(network.node("GlobalAveragePool", [joined]))
        try network.expectAgreement(roundings: (27 + 32 * 9 + 48 * 9 + 64 * 9) + 64 + 40, options: options)
    }

    @Test("poolings in both layouts", arguments: allOptions)
    func pooling(_ options: SessionOptions) throws {
        for channels in [3, 16, 21] {
            var network = NetworkUnderTest(seed: 6)
            let x = try network.input("x", [2, channels, 9, 10])
            let blocked = try network.convolution(x, inputs: channels, outputs: channels)
            for source in [x, blocked] {
                let window = [Attribute("kernel_shape", .ints([3, 2])), Attribute("strides", .ints([2, 2]))]
                let padded = window + [Attribute("pads", .ints([1, 0, 1, 1])), Attribute("ceil_mode", .int(1))]
                network.output(
                    network.node("MaxPool", [source], attributes: padded),
                    network.node("AveragePool", [source], attributes: window),
                    network.node("AveragePool", [source], attributes: padded),
                    network.node("AveragePool", [source], attributes: padded + [Attribute("count_include_pad", .int(1))]),
                    network.node("GlobalAveragePool", [source]), network.node("GlobalMaxPool", [source]),
                    network.node(
                        "ReduceMean", [source],
                        attributes: [
                            Attribute("axes", .ints([2, 3])), Attribute("keepdims", .int(0)),
                        ]))
            }
            try network.expectAgreement(roundings: channels * 9 + 90 + 4, options: options)
        }
    }

    @Test("matrix products with every transposition, batch and bias", arguments: allOptions, [1, 3, 40])
    func matrixProduct(_ options: SessionOptions, _ rows: Int) throws {
        for (transposesA, transposesB) in [(false, false), (false, true), (true, false), (true, true)] {
            var network = NetworkUnderTest(seed: 7)
            let a = try network.input("a", transposesA ? [37, rows] : [rows, 37])
            let b = try network.weights(transposesB ? [70, 37] : [37, 70])
            let c = try network.weights([70])
            let attributes = [
                Attribute("transA", .int(transposesA ? 1 : 0)), Attribute("transB", .int(transposesB ? 1 : 0)),
                Attribute("alpha", .float(0.5)), Attribute("beta", .float(2)),
            ]
            network.output(network.node("Relu", [network.node("Gemm", [a, b, c], attributes: attributes)]))
            let stack = try network.input("stack", [2, rows, 37])
            let product = network.node("MatMul", [stack, try network.weights([37, 20])])
            network.output(network.node("Add", [product, try network.weights([20])]))
            network.output(network.node("MatMul", [stack, try network.input("other", [2, 37, 6])]))
            try network.expectAgreement(roundings: 37 + 4, options: options)
        }
    }

    @Test("broadcasts of every kind", arguments: allOptions)
    func broadcasts(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 8)
        let x = try network.input("x", [2, 18, 5, 4])
        let blocked = try network.convolution(x, inputs: 18, outputs: 18)
        let gate = network.node("GlobalAveragePool", [blocked])
        for other in [
            gate, x, try network.weights([18, 1, 1]), try network.weights([1]), try network.weights([5, 4]),
            try network.weights([4]), try network.weights([5, 1]), try network.weights([2, 1, 5, 1]),
        ] {
            network.output(
                network.node("Mul", [blocked, other]), network.node("Add", [other, blocked]),
                network.node("Sub", [x, other]), network.node("Sub", [other, blocked]))
        }
        try network.expectAgreement(roundings: 18 * 9 + 2 + 20 + 3, options: options)
    }

    /// A padded convolution, the padding by a node of its own or by the convolution.
    private func paddedConvolution(mode: String, value: Float, byNode: Bool) throws -> NetworkUnderTest {
        var network = NetworkUnderTest(seed: 10)
        let x = try network.input("x", [2, 16, 6, 7])
        let start = network.node("Relu", [x])
        let pads = network.constant(try Tensor([Int64(0), 0, 2, 1, 0, 0, 1, 3]))
        let number = network.constant(try Tensor(scalar: value))
        let weights = [try network.weights([20, 16, 3, 3]), try network.weights([20])]
        if byNode {
            let padded = network.node("Pad", [start, pads, number], attributes: [Attribute("mode", .string(mode))])
            network.output(network.node("Conv", [padded] + weights))
        } else {
            network.output(network.node("Conv", [start] + weights, attributes: [Attribute("pads", .ints([2, 1, 1, 3]))]))
        }
        return network
    }

    @Test("broadcasts along an axis that is named, as before operator set 7", arguments: allOptions)
    func broadcastsAlongAxis(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 21)
        network.opset = 6
        func attributes(axis: Int64) -> [Attribute] { [Attribute("broadcast", .int(1)), Attribute("axis", .int(axis))] }
        for channels in [1, 3] {
            let x = try network.input("x\(channels)", [2, channels, 5, 4])
            let vectors = [try network.input("v\(channels)", [2]), try network.weights([2])]
            network.output(network.node("Mul", [x, vectors[0]], attributes: attributes(axis: 0)))
            network.output(network.node("Sub", [x, vectors[1]], attributes: attributes(axis: 0)))
        }
        let square = try network.input("square", [3, 3])
        let product = network.node("MatMul", [square, try network.weights([3, 3])])
        for axis in [0, 1] as [Int64] {
            let next = network.node("MatMul", [product, try network.weights([3, 3])])
            network.output(network.node("Add", [next, try network.weights([3])], attributes: attributes(axis: axis)))
        }
        try network.expectAgreement(roundings: 10, options: options)
    }

    @Test("transpositions of every order, and of matrices larger than a tile", arguments: allOptions)
    func transpositions(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 24)
        let x = try network.input("x", [2, 19, 5, 7])
        for order in [[0, 2, 3, 1], [0, 3, 1, 2], [1, 0, 2, 3], [3, 2, 1, 0], [0, 2, 1, 3], [2, 3, 0, 1]] as [[Int64]] {
            network.output(network.node("Transpose", [x], attributes: [Attribute("perm", .ints(order))]))
        }
        try network.expectAgreement(roundings: 1, options: options)
        let large = ["x": try network.numbers.tensor([1, 40, 9, 21])]
        try network.expectAgreement(roundings: 1, options: options, inputs: large)
    }

    @Test("a product with the sigmoid of the same value, in either order, and with that of another", arguments: allOptions)
    func swish(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 25)
        let x = try network.input("x", [2, 20, 5, 4])
        let blocked = try network.convolution(x, inputs: 20, outputs: 20)
        let gates = [blocked, x, x, x].map { network.node("Sigmoid", [$0]) }
        network.output(
            network.node("Mul", [blocked, gates[0]]), network.node("Mul", [gates[1], x]),
            network.node("Mul", [try network.input("y", [2, 20, 5, 4]), gates[2]]), network.node("Mul", [gates[3], gates[3]]))
        // The slope of x · sigmoid(x) is 1.1 at most (where x is 2.4), and the sigmoid is itself off by a few units.
        try network.expectAgreement(roundings: (20 * 9 + 2) * 11 / 10 + 12, options: options)
        let steps = try Session(network.model, options: options).profile(network.inputs).steps
        #expect(steps.filter { $0.operators == ["Mul", "Sigmoid"] }.count == 2)
    }

    @Test("dropout in inference, its rate given as an input", arguments: allOptions)
    func dropout(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 26)
        let x = try network.input("x", [1, 3, 4, 4])
        network.output(network.node("Relu", [network.node("Dropout", [x, network.constant(try Tensor(scalar: Float(0.5)))])]))
        try network.expectAgreement(roundings: 1, options: options)
        let steps = try Session(network.model, options: options).profile(network.inputs).steps
        #expect(!steps.contains { $0.algorithm == "reference" })
    }

    @Test("parts of channels of which one is not read", arguments: allOptions)
    func unreadPart(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 22)
        let x = try network.input("x", [1, 24, 4, 4])
        let blocked = try network.convolution(x, inputs: 24, outputs: 24)
        let sizes = network.constant(try Tensor([Int64(8), 10, 6]))
        let parts = network.parts("Split", [blocked, sizes], count: 3, attributes: [Attribute("axis", .int(1))])
        network.output(network.node("Relu", [parts[0]]), network.node("Relu", [parts[2]]))
        try network.expectAgreement(roundings: 24 * 9 + 2, options: options)
        let steps = try Session(network.model, options: options).profile(network.inputs).steps
        #expect(!steps.contains { $0.algorithm == "reference" })
    }

    @Test("response normalization without a bias before a convolution", arguments: allOptions)
    func responseNormalization(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 23)
        let x = try network.input("x", [1, 20, 12, 12])
        let blocked = try network.convolution(x, inputs: 20, outputs: 20)
        let attributes = [Attribute("size", .int(5)), Attribute("bias", .float(0)), Attribute("alpha", .float(1))]
        let normalized = network.node("LRN", [blocked], attributes: attributes)
        network.output(try network.convolution(normalized, inputs: 20, outputs: 20))
        let outputs = try Session(network.model, options: options).run(network.inputs)
        let values = try #require(outputs.values.first).doubles()
        #expect(values.allSatisfy { $0.isFinite })
    }

    @Test("padding by a node of its own", arguments: allOptions)
    func padding(_ options: SessionOptions) throws {
        for (mode, value) in [("constant", Float(1)), ("reflect", 0)] {
            let network = try paddedConvolution(mode: mode, value: value, byNode: true)
            try network.expectAgreement(roundings: 16 * 9 + 2, options: options)
        }
        // Padding by zeros becomes the convolution's own: the same bits, whatever the algorithm.
        let separate = try paddedConvolution(mode: "constant", value: 0, byNode: true)
        let own = try paddedConvolution(mode: "constant", value: 0, byNode: false)
        let session = try Session(separate.model, options: options)
        let values = try session.run(separate.inputs).map(\.value)
        #expect(try values == Session(own.model, options: options).run(own.inputs).map(\.value))
        #expect(try session.profile(separate.inputs).steps.contains { $0.operators == ["Conv", "Pad"] })
        // Some windows see nothing but zeros. Direct summation is exact there up to the bias; Winograd's error is that of the
        // whole tile (see the kernels' tests), which says nothing about the padding.
        if options.mode == .strict { try separate.expectAgreement(roundings: 16 * 9 + 2, options: options) }
    }

    @Test("sums and maxima of many inputs", arguments: allOptions)
    func manyInputs(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 15)
        let x = try network.input("x", [2, 16, 6, 7])
        let branches = try (0..<3).map { _ in try network.convolution(x, inputs: 16, outputs: 16) }
        let inputs = branches + [x, try network.weights([16, 1, 1])]
        network.output(network.node("Relu", [network.node("Sum", inputs)]), network.node("Max", inputs))
        try network.expectAgreement(roundings: 16 * 9 + 2 + 4, options: options)
    }

    @Test("views, transpositions and identities", arguments: allOptions)
    func views(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 9)
        let x = try network.input("x", [2, 12, 5, 4])
        let y = try network.convolution(x, inputs: 12, outputs: 12)
        let groups = network.constant(try Tensor([Int64(2), 3, 4, 5, 4]))
        let back = network.constant(try Tensor([Int64(2), 12, 5, 4]))
        let split = network.node("Reshape", [y, groups])
        let shuffled = network.node("Transpose", [split], attributes: [Attribute("perm", .ints([0, 2, 1, 3, 4]))])
        let joined = network.node("Reshape", [shuffled, back])
        let next = try network.convolution(network.node("Dropout", [joined]), inputs: 12, outputs: 6)
        network.output(
            network.node("Flatten", [next]), network.node("Identity", [next]), network.node("Identity", [x]),
            network.node("Transpose", [next], attributes: [Attribute("perm", .ints([3, 0, 2, 1]))]))
        try network.expectAgreement(roundings: 12 * 9 * 2 + 4, options: options)
    }
}

extension NetworkUnderTest {
    /// A 3×3 convolution that keeps the map's size.
    mutating func convolution(_ x: String, inputs: Int, outputs: Int) throws -> String {
        let (weights, bias) = (try weights([outputs, inputs, 3, 3]), try weights([outputs]))
        return node("Conv", [x, weights, bias], attributes: [Attribute("pads", .ints([1, 1, 1, 1]))])
    }

    mutating func normalization(_ x: String, channels: Int) throws -> String {
        let positive = try Tensor((0..<channels).map { 1 + Float($0 % 5) / 4 }, shape: Shape([channels]))
        let inputs = [x] + (try (0..<3).map { _ in try weights([channels]) }) + [constant(positive)]
        return node("BatchNormalization", inputs)
    }

    mutating func normalizedConvolution(_ x: String, inputs: Int, outputs: Int) throws -> String {
        try normalization(convolution(x, inputs: inputs, outputs: outputs), channels: outputs)
    }
}
