import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Values that share memory")
struct SharedMemoryTests {
    @Test("are told apart where two views of one tensor meet", arguments: allOptions, ["Sub", "Div"])
    func viewsOfOneTensor(_ options: SessionOptions, _ operation: String) throws {
        var network = NetworkUnderTest(seed: 31)
        let x = try network.input("x", [4])
        for value in [x, network.node("Exp", [x])] {
            let row = network.node("Unsqueeze", [value, network.constant(try Tensor([Int64(0)]))])
            let column = network.node("Unsqueeze", [value, network.constant(try Tensor([Int64(1)]))])
            network.output(network.node(operation, [row, column]), network.node(operation, [column, row]))
        }
        // Exp may be wrong in its last two bits.
        try network.expectAgreement(roundings: 8, options: options, inputs: ["x": try Tensor([Float(1), 2, 3, 4])])
    }

    @Test("are whole to those who see no gaps between images, where one Concat lies within another", arguments: allOptions)
    func nestedConcat(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 32)
        let x = try network.input("x", [2, 16, 3, 4])
        let branches = (0..<3).map { _ in network.node("Relu", [x]) }
        let axis = [Attribute("axis", .int(1))]
        let inner = network.node("Concat", Array(branches.prefix(2)), attributes: axis)
        let outer = network.node("Concat", branches, attributes: axis)
        let transposed = network.node("Transpose", [inner], attributes: [Attribute("perm", .ints([0, 2, 3, 1]))])
        network.output(transposed, network.node("Softmax", [inner]), outer)
        try network.expectAgreement(roundings: 40, options: options)
    }

    @Test("keep their images together though they are views of a part of as many", arguments: allOptions)
    func viewWithinConcat(_ options: SessionOptions) throws {
        var network = NetworkUnderTest(seed: 33)
        let (x, y) = (try network.input("x", [1, 4, 3, 2]), try network.input("y", [1, 4, 3, 2]))
        let (first, second) = (network.node("Relu", [x]), network.node("Relu", [y]))
        let halves = network.node("Reshape", [first, network.constant(try Tensor([Int64(2), 2, 3, 2]))])
        network.output(
            network.node("Concat", [first, second], attributes: [Attribute("axis", .int(0))]),
            network.node("GlobalAveragePool", [halves]), network.node("Abs", [halves]))
        try network.expectAgreement(roundings: 8, options: options)
    }
}
