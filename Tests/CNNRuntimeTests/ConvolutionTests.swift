import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Convolutions agree with their formula")
struct ConvolutionTests {
    struct Case: Sendable, CustomStringConvertible {
        var input: [Int]
        var outputs: Int
        var kernel: [Int]
        var group = 1
        var strides: [Int]?
        var pads: [Int]?
        var dilations: [Int]?

        var description: String { "\(input) \(outputs) \(kernel) group \(group)" }

        var attributes: [Attribute] {
            var attributes = [Attribute("group", .int(Int64(group)))]
            if let strides { attributes.append(Attribute("strides", .ints(strides.map(Int64.init)))) }
            if let pads { attributes.append(Attribute("pads", .ints(pads.map(Int64.init)))) }
            if let dilations { attributes.append(Attribute("dilations", .ints(dilations.map(Int64.init)))) }
            return attributes
        }
    }

    static let cases = [
        Case(input: [1, 3, 11, 13], outputs: 20, kernel: [3, 3], pads: [1, 1, 1, 1]),
        Case(input: [2, 1, 9, 9], outputs: 7, kernel: [5, 5], strides: [2, 2]),
        Case(input: [2, 20, 8, 9], outputs: 35, kernel: [3, 3], pads: [1, 0, 2, 1]),
        Case(input: [1, 64, 7, 7], outputs: 48, kernel: [1, 1]),
        Case(input: [3, 32, 6, 5], outputs: 32, kernel: [3, 3], group: 32, pads: [1, 1, 1, 1]),
        Case(input: [1, 19, 6, 5], outputs: 19, kernel: [3, 2], group: 19, strides: [2, 1]),
        Case(input: [2, 32, 9, 7], outputs: 64, kernel: [3, 3], group: 2, dilations: [2, 1]),
        Case(input: [1, 12, 9, 7], outputs: 18, kernel: [3, 3], group: 3, pads: [1, 1, 1, 1]),
        Case(input: [2, 18, 31], outputs: 17, kernel: [4], strides: [3], pads: [2, 1]),
        Case(input: [1, 5, 6, 7, 8], outputs: 9, kernel: [2, 3, 3], strides: [1, 2, 1], pads: [1, 1, 0, 0, 1, 2]),
    ]

    @Test("of any rank, group, stride, padding and dilation", arguments: cases, allOptions)
    func shapes(_ example: Case, _ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 1)
        let x = try network.input("x", example.input)
        let channels = example.input[1] / example.group
        let w = try network.weights([example.outputs, channels] + example.kernel)
        let b = try network.weights([example.outputs])
        let y = network.node("Conv", [x, w, b], attributes: example.attributes)
        network.output(network.node("Relu", [y]), y)
        let roundings = example.kernel.reduce(channels, *) + 2
        try network.expectAgreement(roundings: roundings, options: options)
    }
}
