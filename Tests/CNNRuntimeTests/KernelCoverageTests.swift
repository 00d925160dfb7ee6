import CNNModels
import CNNOperators
import CNNTensors
import Testing

@testable import CNNRuntime

/// A model of one node that applies `type` to an image `[1, 8, 6, 6]` the way convolutional networks do.
private func model(_ type: String) throws -> (model: Model, inputs: [String: Tensor]) {
    var network = NetworkUnderTest(seed: 1)
    let image = try network.input("x", ["Gemm", "MatMul"].contains(type) ? [4, 8] : [1, 8, 6, 6])
    let window = [Attribute("kernel_shape", .ints([2, 2]))]
    let (extra, attributes): ([String], [Attribute]) =
        switch type {
        case "Add", "Div", "Max", "Min", "Mul", "Sub", "Sum": ([try network.input("y", [1, 8, 6, 6])], [])
        case "Concat": ([try network.input("y", [1, 8, 6, 6])], [Attribute("axis", .int(1))])
        case "AveragePool", "MaxPool": ([], window)
        case "Conv": ([try network.weights([4, 8, 3, 3])], [])
        case "Gemm", "MatMul": ([try network.weights([8, 4])], [])
        case "BatchNormalization":
            (try (0..<4).map { _ in try network.weights([8], scale: 0.5) }, [Attribute("epsilon", .float(1))])
        case "LRN": ([], [Attribute("size", .int(3))])
        case "Reshape": ([network.constant(try Tensor([Int64(1), -1]))], [])
        case "Unsqueeze", "Squeeze": ([network.constant(try Tensor([Int64(0)]))], [])
        case "Slice":
            (try [[Int64(5)], [1], [1], [-2]].map { network.constant(try Tensor($0)) }, [])
        case "Split": ([network.constant(try Tensor([Int64(8)]))], [Attribute("axis", .int(1))])
        case "ReduceMean": ([], [Attribute("axes", .ints([2, 3]))])
        case "Transpose": ([], [Attribute("perm", .ints([0, 2, 3, 1]))])
        default: ([], [])
        }
    network.output(network.node(type, [image] + extra, attributes: attributes))
    return (network.model, network.inputs)
}

@Suite struct KernelCoverageTests {
    @Test(arguments: KernelCoverage.operatorTypes.sorted())
    func whatIsClaimedHasAKernel(_ type: String) throws {
        let (model, inputs) = try model(type)
        let steps = try Session(model).profile(inputs).steps
        #expect(!steps.contains { $0.algorithm == "reference" }, "\(steps)")
    }

    @Test func everyClaimNamesASupportedOperator() {
        #expect(KernelCoverage.operatorTypes.isSubset(of: OperatorRegistry.all.map(\.type)))
    }
}
