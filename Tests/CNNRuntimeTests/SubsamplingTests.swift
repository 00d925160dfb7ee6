import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Subsampling before 1x1 convolutions")
struct SubsamplingTests {
    struct Case: Sendable, CustomStringConvertible {
        var input: [Int]
        var outputs: Int
        var strides: [Int]
        var pads = [0, 0, 0, 0]
        var group = 1
        var isSubsampled = true

        var description: String { "\(input) \(outputs) strides \(strides) pads \(pads) group \(group)" }

        var attributes: [Attribute] {
            [
                Attribute("strides", .ints(strides.map(Int64.init))), Attribute("pads", .ints(pads.map(Int64.init))),
                Attribute("group", .int(Int64(group))),
            ]
        }
    }

    static let cases = [
        Case(input: [3, 24, 14, 14], outputs: 260, strides: [2, 2]),
        Case(input: [2, 37, 9, 10], outputs: 257, strides: [3, 2]),
        Case(input: [2, 32, 13, 7], outputs: 256, strides: [1, 2]),
        Case(input: [2, 32, 8, 9], outputs: 512, strides: [2, 2], group: 2),
        Case(input: [2, 20, 15], outputs: 256, strides: [2], pads: [0, 0]),
        // Windows that begin before the map, and behind it.
        Case(input: [2, 24, 8, 8], outputs: 256, strides: [2, 2], pads: [1, 1, 0, 0], isSubsampled: false),
        Case(input: [2, 24, 8, 8], outputs: 256, strides: [2, 2], pads: [0, 0, 1, 1], isSubsampled: false),
        // Too few products for each pixel that would be moved.
        Case(input: [2, 24, 8, 8], outputs: 16, strides: [2, 2], isSubsampled: false),
    ]

    private static func network(_ example: Case) throws -> NetworkUnderTest {
        var network = NetworkUnderTest(seed: 41)
        let x = network.node("Relu", [try network.input("x", example.input)])
        let kernel = example.strides.map { _ in 1 }
        let weights = [example.outputs, example.input[1] / example.group] + kernel
        let first = network.node(
            "Conv", [x, try network.weights(weights), try network.weights([example.outputs])], attributes: example.attributes)
        let second = network.node("Conv", [x, try network.weights(weights)], attributes: example.attributes)
        network.output(network.node("Relu", [network.node("Add", [first, second])]))
        return network
    }

    @Test("keeps to the formula, where it pays and where it cannot be", arguments: cases, allOptions)
    func agreement(_ example: Case, _ options: SessionOptions) throws {
        let network = try Self.network(example)
        try network.expectAgreement(roundings: 2 * example.input[1] + 4, options: options)
        let steps = try Session(network.model, options: options).profile(network.inputs).steps
        // Two convolutions of the same pixels share them.
        #expect(steps.count { $0.algorithm == "subsampling" } == (example.isSubsampled ? 1 : 0))
    }

    @Test("gives the bits of the convolution with a stride", arguments: cases, allOptions)
    func bits(_ example: Case, _ options: SessionOptions) throws {
        let network = try Self.network(example)
        let output = network.graph.outputs[0].name
        for images in [1, 2] {
            let session = try Session(network.model, options: options, imagesAtATime: images)
            // Where every value is kept, no layer is changed.
            let asItStands = try session.run(network.inputs, keepingAll: true)[output]
            #expect(try session.run(network.inputs)[output] == asItStands)
        }
    }

    @Test("reads no more than the convolution with a stride", arguments: allOptions)
    func extraordinaryNumbers(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 42)
        let x = try network.input("x", [1, 8, 6, 6])
        network.output(
            network.node("Conv", [x, try network.weights([512, 8, 1, 1])], attributes: [Attribute("strides", .ints([2, 2]))]))
        var values = try network.numbers.tensor([1, 8, 6, 6]).elements(as: Float.self)
        // Pixels that it reads, and all those that it does not.
        (values[2], values[36 + 12]) = (.nan, .infinity)
        for index in values.indices where index % 2 == 1 || index / 6 % 2 == 1 { values[index] = .nan }
        let inputs = ["x": try Tensor(values, shape: Shape([1, 8, 6, 6]))]
        let session = try Session(network.model, options: options)
        let actual = try #require(try session.run(inputs).values.first).doubles()
        let expected = try #require(try session.run(inputs, keepingAll: true).values.first).doubles()
        #expect(zip(actual, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
        #expect(expected.count { $0.isNaN } == 512 && expected.count { $0.isInfinite } == 512)
    }
}
