import CNNModels
import CNNOperators
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
        // One output tile for Winograd, whose weights are no smaller than its transformed input.
        Case(input: [1, 512, 14, 14], outputs: 16, kernel: [3, 3], pads: [1, 1, 1, 1]),
        Case(input: [2, 40, 29, 30], outputs: 48, kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1]),
        Case(input: [1, 33, 27, 25], outputs: 64, kernel: [5, 5], strides: [2, 2]),
        Case(input: [3, 20, 5, 4], outputs: 33, kernel: [5, 4]),
        Case(input: [17, 6, 3], outputs: 9, kernel: [3]),
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

    /// The channels that only fill a block up must stay zero: an infinite input times their zero weights is undefined, and would make
    /// every channel of the next layer undefined where the formula has a number.
    @Test(
        "an infinite input spoils no more than the formula says", arguments: [[3, 3], [1, 1]],
        allOptions.filter { $0.mode == .strict })
    func infiniteInput(_ kernel: [Int], _ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 2)
        let x = try network.input("x", [1, 10, 5, 5])
        let shape = try Shape([1, 10, 5, 5])
        // Positive weights, so that the formula's sums are +∞ and not ∞ - ∞.
        func positive(_ sizes: [Int]) throws -> String {
            let weights = try network.numbers.tensor(sizes).doubles()
            return network.constant(try Tensor(weights.map { Float($0.magnitude) }, shape: try Shape(sizes)))
        }
        var values = try network.numbers.tensor(shape.dimensions).doubles().map { Float($0) }
        values[7] = .infinity
        let pads = [Attribute("pads", .ints(kernel.map { Int64($0 / 2) } + kernel.map { Int64($0 / 2) }))]
        let first = network.node("Conv", [x, try positive([10, 10] + kernel)], attributes: pads)
        let second = network.node("Conv", [network.node("Relu", [first]), try positive([11, 10] + kernel)], attributes: pads)
        network.output(second)
        let inputs = ["x": try Tensor(values, shape: shape)]
        let actual = try Session(network.model, options: options).run(inputs)
        let expected = try ReferenceEvaluator(network.model).run(inputs)
        for (name, reference) in expected {
            let (left, right) = (try #require(actual[name]).doubles(), try reference.doubles())
            #expect(right.contains(.infinity))
            #expect(zip(left, right).allSatisfy { $0.isNaN == $1.isNaN && ($0 == .infinity) == ($1 == .infinity) })
        }
    }
}
