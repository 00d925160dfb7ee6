import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Maxima of 2x2 pixels behind convolutions")
struct PooledPairsTests {
    struct Case: Sendable, CustomStringConvertible {
        var input = [2, 48, 12, 12]
        var outputs = 40
        var kernel = 3
        var convolution: [String: [Int64]] = ["pads": [1, 1, 1, 1]]
        /// What stands between the two.
        var between: [(type: String, alpha: Float?)] = [("Relu", nil)]
        var pooling = "MaxPool"
        var window: [String: [Int64]] = ["kernel_shape": [2, 2], "strides": [2, 2]]
        var roundsUp = false
        var isFused = true

        var description: String {
            "\(input) \(outputs) \(kernel) \(convolution) \(between.map(\.type)) \(pooling) \(window) \(roundsUp)"
        }
    }

    static let cases = [
        Case(),
        // A last row and column that belong to no window.
        Case(input: [1, 64, 17, 21], between: []),
        Case(input: [3, 64, 12, 14], outputs: 19, between: [("LeakyRelu", 0.125)], roundsUp: true),
        // The first layers of LeNet-5: few channels; tiles of an odd number of columns.
        Case(input: [2, 1, 32, 32], outputs: 6, kernel: 5, convolution: [:]),
        Case(input: [2, 6, 14, 14], outputs: 16, kernel: 5, convolution: [:]),
        Case(input: [1, 6, 15, 19], outputs: 16, kernel: 5, convolution: [:], between: [("Sigmoid", nil)], isFused: false),
        // Activations that turn the order of numbers, and that make NaN of -∞.
        Case(between: [("LeakyRelu", -0.5)], isFused: false),
        Case(between: [("LeakyRelu", 0)], isFused: false),
        // Windows that overlap, that reach beyond the map, that see other pixels.
        Case(window: ["kernel_shape": [3, 3], "strides": [2, 2]], isFused: false),
        Case(window: ["kernel_shape": [2, 2]], isFused: false),
        Case(window: ["kernel_shape": [2, 2], "strides": [2, 2], "pads": [1, 1, 1, 1]], isFused: false),
        Case(window: ["kernel_shape": [2, 2], "strides": [2, 2], "dilations": [2, 2]], isFused: false),
        Case(window: ["kernel_shape": [2, 1], "strides": [2, 1]], isFused: false),
        Case(input: [2, 48, 13, 13], roundsUp: true, isFused: false),
        Case(pooling: "AveragePool", isFused: false),
        Case(
            input: [2, 48, 24], convolution: ["pads": [1, 1]], window: ["kernel_shape": [2], "strides": [2]], isFused: false),
        Case(kernel: 1, convolution: [:], isFused: false),
    ]

    private static func network(_ example: Case) throws -> NetworkUnderTest {
        var network = NetworkUnderTest(seed: 45)
        let x = try network.input("x", example.input)
        let kernel = example.input.dropFirst(2).map { _ in example.kernel }
        let operands = [
            x, try network.weights([example.outputs, example.input[1]] + kernel), try network.weights([example.outputs]),
        ]
        var y = network.node("Conv", operands, attributes: example.convolution.map { Attribute($0, .ints($1)) })
        for (type, alpha) in example.between {
            y = network.node(type, [y], attributes: alpha.map { [Attribute("alpha", .float($0))] } ?? [])
        }
        var attributes = example.window.map { Attribute($0, .ints($1)) }
        if example.roundsUp { attributes.append(Attribute("ceil_mode", .int(1))) }
        network.output(network.node(example.pooling, [y], attributes: attributes))
        return network
    }

    private static func poolsInConvolution(_ network: NetworkUnderTest, _ options: SessionOptions) throws -> Bool {
        try Session(network.model, options: options).profile(network.inputs).steps
            .contains { $0.operators.contains("Conv") && $0.operators.contains { $0.hasSuffix("Pool") } }
    }

    @Test("keep to the formula, where they are fused and where they cannot be", arguments: cases, allOptions)
    func agreement(_ example: Case, _ options: SessionOptions) throws {
        let network = try Self.network(example)
        let terms = example.input[1] * example.kernel * example.kernel
        try network.expectAgreement(roundings: 2 * terms + 8, options: options)
        #expect(try Self.poolsInConvolution(network, options) == (example.isFused && options.mode == .fast))
    }

    @Test("are undefined where a pixel is, and the same as from the layer of its own", arguments: cases, allOptions)
    func undefinedPixels(_ example: Case, _ options: SessionOptions) throws {
        let network = try Self.network(example)
        let x = try #require(network.inputs["x"])
        var numbers = try x.elements(as: Float.self)
        (numbers[5], numbers[numbers.count / 2], numbers[numbers.count - 9]) = (.nan, .infinity, -.infinity)
        let inputs = ["x": try Tensor(numbers, shape: x.shape)]
        let session = try Session(network.model, options: options)
        let (fused, apart) = (try session.run(inputs), try session.run(inputs, keepingAll: true))
        for (name, tensor) in fused {
            let expected = try #require(apart[name]).elements(as: Float.self)
            let actual = try tensor.elements(as: Float.self)
            #expect(expected.contains { $0.isNaN } && expected.contains { $0.isFinite })
            #expect(zip(actual, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
        }
    }

    @Test("stay behind a convolution whose bias is infinite, which makes NaN of a pixel that is not the largest")
    func infiniteBias() throws {
        var network = NetworkUnderTest(seed: 47)
        let x = try network.input("x", [1, 1, 32, 32])
        let bias = network.constant(try Tensor([0, .infinity, 0, -.infinity, 0, 0] as [Float], shape: try Shape([6])))
        let y = network.node("Conv", [x, try network.weights([6, 1, 5, 5]), bias])
        network.output(
            network.node(
                "MaxPool", [y], attributes: [Attribute("kernel_shape", .ints([2, 2])), Attribute("strides", .ints([2, 2]))]))
        for options in allOptions { #expect(try !Self.poolsInConvolution(network, options)) }
    }

    @Test("stay behind a convolution that somebody else reads, or that takes a residual", arguments: [0, 1, 2])
    func otherReaders(_ kind: Int) throws {
        var network = NetworkUnderTest(seed: 46)
        let x = network.node("Relu", [try network.input("x", [1, 64, 16, 16])])
        var y = network.node(
            "Conv", [x, try network.weights([64, 64, 3, 3])], attributes: [Attribute("pads", .ints([1, 1, 1, 1]))])
        if kind == 2 { y = network.node("Add", [y, x]) }
        network.output(
            network.node(
                "MaxPool", [y], attributes: [Attribute("kernel_shape", .ints([2, 2])), Attribute("strides", .ints([2, 2]))]))
        if kind == 0 { network.output(y) }
        if kind == 1 { network.output(network.node("Sigmoid", [y])) }
        for options in allOptions {
            try network.expectAgreement(roundings: 2 * 576 + 8, options: options)
            #expect(try !Self.poolsInConvolution(network, options))
        }
    }
}
