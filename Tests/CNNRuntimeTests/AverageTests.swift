import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Averages before 1x1 convolutions")
struct AverageTests {
    struct Case: Sendable, CustomStringConvertible {
        var input = [2, 40, 8, 9]
        var outputs = 24
        var bias = true
        var convolution: [String: [Int64]] = [:]
        var pooling = "AveragePool"
        var window: [String: [Int64]] = ["kernel_shape": [2, 2], "strides": [2, 2]]
        var countsPadding = false
        /// Stands between the two.
        var between: String?
        var kernel = 1
        var changesPlaces = true

        var description: String {
            "\(input) \(outputs) \(bias) \(convolution) \(pooling) \(window) \(countsPadding) \(between ?? "") \(kernel)"
        }
    }

    static let cases = [
        Case(),
        Case(input: [1, 128, 14, 14], outputs: 64, bias: false, countsPadding: true),
        // A third dimension, and one alone.
        Case(input: [2, 24, 4, 6, 6], window: ["kernel_shape": [2, 2, 2], "strides": [2, 2, 2]]),
        Case(input: [2, 24, 18], window: ["kernel_shape": [3], "strides": [2]]),
        // Zeros around the map that are not counted; that are counted, and would take part in the bias.
        Case(window: ["kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]]),
        Case(
            window: ["kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]], countsPadding: true,
            changesPlaces: false),
        Case(
            input: [2, 40, 8, 8], window: ["kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]],
            countsPadding: true, changesPlaces: false),
        // The mean of the whole map, and the largest number in it.
        Case(pooling: "GlobalAveragePool", window: [:]),
        Case(input: [3, 37, 5], outputs: 19, pooling: "GlobalAveragePool", window: [:]),
        Case(pooling: "GlobalMaxPool", window: [:], changesPlaces: false),
        Case(pooling: "MaxPool", changesPlaces: false),
        // A convolution of more than a pixel, with a stride, with groups.
        Case(kernel: 3, changesPlaces: false),
        Case(convolution: ["strides": [2, 2]], changesPlaces: false),
        Case(convolution: ["pads": [1, 1, 1, 1]], changesPlaces: false),
        Case(convolution: ["group": [2]], changesPlaces: false),
        Case(between: "Relu", changesPlaces: false),
        // As many pixels as before; too few products for the channels that would be averaged.
        Case(window: ["kernel_shape": [1, 1]], changesPlaces: false),
        Case(outputs: 4, changesPlaces: false),
    ]

    private static func network(_ example: Case) throws -> NetworkUnderTest {
        var network = NetworkUnderTest(seed: 43)
        let x = network.node("Relu", [try network.input("x", example.input)])
        let group = Int(example.convolution["group"]?.first ?? 1)
        let kernel = example.input.dropFirst(2).map { _ in example.kernel }
        var operands = [x, try network.weights([example.outputs, example.input[1] / group] + kernel)]
        if example.bias { operands.append(try network.weights([example.outputs])) }
        var y = network.node(
            "Conv", operands,
            attributes: example.convolution.map { Attribute($0, $0 == "group" ? .int($1[0]) : .ints($1)) })
        if let between = example.between { y = network.node(between, [y]) }
        var attributes = example.window.map { Attribute($0, .ints($1)) }
        if example.countsPadding { attributes.append(Attribute("count_include_pad", .int(1))) }
        network.output(network.node("Relu", [network.node(example.pooling, [y], attributes: attributes)]))
        return network
    }

    private static func steps(_ network: NetworkUnderTest, _ options: SessionOptions) throws -> [String] {
        try Session(network.model, options: options).profile(network.inputs).steps
            .compactMap(\.operators.first).filter { $0.contains("Pool") || $0 == "Conv" }
    }

    @Test("keep to the formula, where they pay and where they cannot be", arguments: cases, allOptions)
    func agreement(_ example: Case, _ options: SessionOptions) throws {
        let network = try Self.network(example)
        // Products of a sum, and numbers of a mean: of 81 at the most.
        let terms = example.input[1] * example.kernel * example.kernel + 81
        try network.expectAgreement(roundings: 2 * terms + 4, options: options)
        let first = try #require(try Self.steps(network, options).first)
        #expect((first == example.pooling) == (example.changesPlaces && options.mode == .fast))
    }

    @Test("stay behind a convolution that somebody else reads", arguments: [true, false])
    func otherReaders(_ isOutput: Bool) throws {
        var network = NetworkUnderTest(seed: 44)
        let x = network.node("Relu", [try network.input("x", [1, 32, 8, 8])])
        let y = network.node("Conv", [x, try network.weights([32, 32, 1, 1])])
        network.output(network.node("GlobalAveragePool", [y]))
        network.output(isOutput ? y : network.node("Sigmoid", [y]))
        for options in allOptions {
            try network.expectAgreement(roundings: 2 * (32 + 64) + 8, options: options)
            #expect(try Self.steps(network, options) == ["Conv", "GlobalAveragePool"])
        }
    }
}
