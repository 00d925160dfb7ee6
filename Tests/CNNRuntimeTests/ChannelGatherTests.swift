import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Channels cut, joined and shuffled")
struct ChannelGatherTests {
    private func channels(_ network: inout NetworkUnderTest, _ input: String, _ range: Range<Int>, step: Int = 1) throws
        -> String
    {
        let numbers =
            step > 0 ? [range.lowerBound, range.upperBound, 1, step] : [range.upperBound - 1, range.lowerBound - 99, 1, step]
        let constants = try numbers.map { network.constant(try Tensor([Int64($0)])) }
        return network.node("Slice", [input] + constants)
    }

    /// `[N, C, H, W]` with the channels of `groups` groups interleaved.
    private func shuffle(_ network: inout NetworkUnderTest, _ input: String, _ sizes: [Int], groups: Int) throws -> String {
        let divided = [sizes[0], groups, sizes[1] / groups] + sizes[2...]
        let first = network.constant(try Tensor(divided.map { Int64($0) }))
        let last = network.constant(try Tensor(sizes.map { Int64($0) }))
        let transposed = network.node(
            "Transpose", [network.node("Reshape", [input, first])], attributes: [Attribute("perm", .ints([0, 2, 1, 3, 4]))])
        return network.node("Reshape", [transposed, last])
    }

    @Test("units of ShuffleNet v2, whose halves are not whole blocks", arguments: allOptions, [1, 2])
    func shuffledUnits(_ options: SessionOptions, _ images: Int) throws {
        var network = NetworkUnderTest(seed: 11)
        let x = try network.input("x", [images, 3, 6, 5])
        var left = try network.convolution(x, inputs: 3, outputs: 10)
        var right = try network.convolution(x, inputs: 3, outputs: 10)
        for _ in 0..<2 {
            let joined = network.node("Concat", [left, right], attributes: [Attribute("axis", .int(1))])
            let shuffled = try shuffle(&network, joined, [images, 20, 6, 5], groups: 2)
            left = try channels(&network, shuffled, 0..<10)
            right = try network.convolution(try channels(&network, shuffled, 10..<20), inputs: 10, outputs: 10)
        }
        let joined = network.node("Concat", [left, right], attributes: [Attribute("axis", .int(1))])
        network.output(try shuffle(&network, joined, [images, 20, 6, 5], groups: 2), right)
        let roundings = (27 + 90 + 90) + 9
        try network.expectAgreement(roundings: roundings, options: options)
        try network.expectAgreement(roundings: roundings, options: options, keepingAll: true)
        let steps = try Session(network.model, options: options).profile(network.inputs).steps
        #expect(!steps.contains { ["reference", "transposition", "concatenation"].contains($0.algorithm) })
    }

    @Test("units of ShuffleNet, whose groups are not whole blocks", arguments: allOptions, [1, 2])
    func groupedUnits(_ options: SessionOptions, _ images: Int) throws {
        var network = NetworkUnderTest(seed: 14)
        // Nine or ten channels fill no block, of 4, 8 or 16, but any at least by half.
        var trunk = network.node("Relu", [try network.input("x", [images, 30, 5, 6])])
        for _ in 0..<2 {
            let reduced = network.node("Relu", [try grouped(&network, trunk, [27, 10, 1, 1], groups: 3)])
            let shuffled = try shuffle(&network, reduced, [images, 27, 5, 6], groups: 3)
            let filtered = network.node(
                "Conv", [shuffled, try network.weights([27, 1, 3, 3])],
                attributes: [Attribute("group", .int(27)), Attribute("pads", .ints([1, 1, 1, 1]))])
            let sum = network.node("Add", [try grouped(&network, filtered, [30, 9, 1, 1], groups: 3), trunk])
            trunk = network.node("Relu", [sum])
        }
        network.output(trunk, try grouped(&network, trunk, [27, 10, 3, 3], groups: 3))
        // Of each unit 10 + 9 + 9 products and 5 more roundings, of the last convolution 90.
        try network.expectAgreement(roundings: 2 * (10 + 9 + 9 + 5) + 90 + 2, options: options)
        let steps = try Session(network.model, options: options).profile(network.inputs).steps
        #expect(!steps.contains { ["transposition", "gemm of patches"].contains($0.algorithm) })
    }

    /// A convolution with stride 1 and a bias.
    private func grouped(
        _ network: inout NetworkUnderTest, _ input: String, _ sizes: [Int], groups: Int
    ) throws -> String {
        let (weights, bias) = (try network.weights(sizes), try network.weights([sizes[0]]))
        return network.node(
            "Conv", [input, weights, bias],
            attributes: [
                Attribute("group", .int(Int64(groups))),
                Attribute("pads", .ints(Array(repeating: Int64(sizes[2] / 2), count: 4))),
            ])
    }

    @Test("parts of every kind, of planar and of blocked maps", arguments: allOptions, [1, 3])
    func parts(_ options: SessionOptions, _ images: Int) throws {
        var network = NetworkUnderTest(seed: 12)
        network.opset = 13
        let planar = try network.input("x", [images, 18, 4, 7])
        let blocked = try network.convolution(planar, inputs: 18, outputs: 18)
        for input in [planar, blocked] {
            network.output(
                try channels(&network, input, 3..<17), try channels(&network, input, 0..<18, step: -4),
                try channels(&network, try channels(&network, input, 2..<16, step: 2), 1..<5),
                try shuffle(&network, input, [images, 18, 4, 7], groups: 3))
            network.output(
                network.node(
                    "Concat", [try channels(&network, blocked, 7..<12), input, try channels(&network, planar, 1..<2)],
                    attributes: [Attribute("axis", .int(1))]))
            let halves = network.parts(
                "Split", [input, network.constant(try Tensor([Int64(5), 13]))], count: 2,
                attributes: [Attribute("axis", .int(1))])
            network.output(halves[0], try network.convolution(halves[1], inputs: 13, outputs: 4))
        }
        try network.expectAgreement(roundings: (18 + 13) * 9 + 6, options: options)
    }

    @Test("a transposition that moves more than channels stays one", arguments: allOptions.filter { $0.mode == .strict })
    func otherTransposition(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 13)
        let x = try network.input("x", [2, 6, 4, 4])
        let first = network.constant(try Tensor([Int64(2), 2, 3, 4, 4]))
        let last = network.constant(try Tensor([Int64(2), 6, 4, 4]))
        for order in [[0, 2, 1, 4, 3], [1, 0, 2, 3, 4], [0, 3, 1, 2, 4]] {
            let transposed = network.node(
                "Transpose", [network.node("Reshape", [x, first])],
                attributes: [Attribute("perm", .ints(order.map { Int64($0) }))])
            network.output(network.node("Reshape", [transposed, last]))
        }
        try network.expectAgreement(roundings: 1, options: options)
    }
}
