import CNNModels
import CNNOperators
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Products with inputs of which many are 0")
struct SparseInputTests {
    struct Case: Sendable, CustomStringConvertible {
        /// What the image goes through before the product.
        var nodes: [(type: String, attributes: [Attribute])]
        var images = 1
        var outputs = 640
        var isTransposed = true
        var alpha: Float = 1
        /// In fast mode.
        var leavesZerosOut: Bool

        var description: String { "\(nodes.map(\.type)) \(images) \(outputs) \(isTransposed) \(alpha)" }
    }

    private static let relu = (type: "Relu", attributes: [Attribute]())
    private static let flatten = (type: "Flatten", attributes: [Attribute]())
    private static let leaky = (type: "LeakyRelu", attributes: [Attribute("alpha", .float(0.5))])

    private static func pool(_ type: String, _ size: Int64) -> (type: String, attributes: [Attribute]) {
        (type, [Attribute("kernel_shape", .ints([size, size])), Attribute("strides", .ints([size, size]))])
    }

    static let cases = [
        Case(nodes: [relu, flatten], leavesZerosOut: true),
        Case(nodes: [relu, flatten], images: 3, isTransposed: false, leavesZerosOut: true),
        Case(nodes: [relu, pool("MaxPool", 2), flatten], outputs: 2100, leavesZerosOut: true),
        Case(nodes: [relu, flatten], alpha: 0.75, leavesZerosOut: true),
        // An adaptive average to the size that is there, as exporters write it.
        Case(nodes: [relu, pool("AveragePool", 1), flatten], leavesZerosOut: true),
        Case(nodes: [relu, pool("AveragePool", 2), flatten], outputs: 2100, leavesZerosOut: false),
        Case(nodes: [leaky, flatten], leavesZerosOut: false),
        Case(nodes: [flatten], leavesZerosOut: false),
        // So few weights stay in the cache.
        Case(nodes: [relu, flatten], outputs: 64, leavesZerosOut: false),
        // So many images are a product of matrices.
        Case(nodes: [relu, flatten], images: 40, leavesZerosOut: false),
    ]

    private static func network(_ example: Case, weights edit: (inout [Float]) -> Void = { _ in }) throws -> NetworkUnderTest {
        var network = NetworkUnderTest(seed: 61)
        var value = try network.input("x", [example.images, 10, 8, 8])
        var depth = 640
        for (type, attributes) in example.nodes {
            value = network.node(type, [value], attributes: attributes)
            if type.hasSuffix("Pool"), case .ints(let sizes) = attributes[0].value { depth /= Int(sizes[0] * sizes[1]) }
        }
        let sizes = example.isTransposed ? [example.outputs, depth] : [depth, example.outputs]
        let tensor = try network.numbers.tensor(sizes)
        var numbers = try tensor.elements(as: Float.self)
        edit(&numbers)
        let weights = network.constant(try Tensor(numbers, shape: tensor.shape))
        network.output(
            network.node(
                "Gemm", [value, weights, try network.weights([example.outputs])],
                attributes: [
                    Attribute("transB", .int(example.isTransposed ? 1 : 0)), Attribute("alpha", .float(example.alpha)),
                ]))
        return network
    }

    private static func leavesZerosOut(_ network: NetworkUnderTest, _ options: SessionOptions) throws -> Bool {
        try Session(network.model, options: options).profile(network.inputs).steps
            .contains { step in step.algorithm == "matrix times sparse vectors" }
    }

    @Test("keep to the formula, with zeros left out and without", arguments: cases, allOptions)
    func agreement(_ example: Case, _ options: SessionOptions) throws {
        let network = try Self.network(example)
        try network.expectAgreement(roundings: 2 * 640 + 8, options: options)
        #expect(
            try Self.leavesZerosOut(network, options)
                == (example.leavesZerosOut && (options.mode == .fast || example.alpha == 1)))
    }

    @Test("get the same bits in strict mode whichever zeros are left out", arguments: InstructionSet.available, [true, false])
    func strictBits(_ instructionSet: InstructionSet, _ isTransposed: Bool) throws {
        // As many images as are a product of matrices.
        let images = 20
        let network = try Self.network(
            Case(nodes: [Self.relu, Self.flatten], images: images, isTransposed: isTransposed, leavesZerosOut: false))
        let input = try #require(network.inputs["x"]).elements(as: Float.self)
        let imageCount = input.count / images
        var expected: [UInt32]?
        for purpose in SessionOptions.Purpose.allCases {
            let options = SessionOptions(threads: 2, mode: .strict, instructionSet: instructionSet, purpose: purpose)
            let session = try Session(network.model, options: options)
            for size in [images, 5, 1] {
                var bits: [UInt32] = []
                for first in stride(from: 0, to: images, by: size) {
                    let part = Array(input[first * imageCount..<(first + size) * imageCount])
                    let outputs = try session.run(["x": Tensor(part, shape: Shape([size, 10, 8, 8]))])
                    for tensor in outputs.values { bits += try tensor.elements(as: Float.self).map { $0.bitPattern } }
                }
                #expect(bits == expected ?? bits, "\(size) images at a time, for \(purpose)")
                expected = expected ?? bits
            }
        }
    }

    @Test("multiply what is not finite by 0 too", arguments: [Float.infinity, .nan], [true, false])
    func infiniteWeights(_ number: Float, _ isTransposed: Bool) throws {
        let example = Case(nodes: [Self.relu, Self.flatten], isTransposed: isTransposed, leavesZerosOut: true)
        let network = try Self.network(example) { weights in
            for index in stride(from: 0, to: weights.count, by: 997) { weights[index] = number }
        }
        let expected = try ReferenceEvaluator(network.model).run(network.inputs).values.flatMap { try $0.doubles() }
        let actual = try Session(network.model).run(network.inputs).values.flatMap { try $0.doubles() }
        #expect(expected.contains { $0.isNaN })
        #expect(zip(actual, expected).allSatisfy { $0.isNaN == $1.isNaN && ($1.isInfinite ? $0 == $1 : true) })
    }

    @Test("copy weights only to turn them over", arguments: [true, false])
    func copies(_ isTransposed: Bool) throws {
        let example = Case(nodes: [Self.relu, Self.flatten], isTransposed: isTransposed, leavesZerosOut: true)
        let network = try Self.network(example)
        let memory = try Session(network.model).memory(for: network.inputs)
        #expect(memory.packedBytes == (isTransposed ? 640 * 640 * MemoryLayout<Float>.stride : 0))
    }

    @Test("read weights where they lie in a session for few runs")
    func fewRuns() throws {
        let network = try Self.network(Case(nodes: [Self.relu, Self.flatten], leavesZerosOut: true))
        let options = SessionOptions(threads: 1, purpose: .fewRuns)
        try network.expectAgreement(roundings: 2 * 640 + 8, options: options)
        #expect(try Self.leavesZerosOut(network, options) == false)
        #expect(try Session(network.model, options: options).memory(for: network.inputs).packedBytes == 0)
    }
}
