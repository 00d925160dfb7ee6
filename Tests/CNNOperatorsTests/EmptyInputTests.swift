import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

/// Shapes without elements whose other sizes are absurd: they cost no memory, and must cost no time either.
@Suite("Absurd sizes beside a size of 0")
struct EmptyInputTests {
    private let absurd = 1 << 50

    private func empty(_ dimensions: Int...) throws -> Tensor {
        try Tensor([Float](), shape: Shape(dimensions))
    }

    @Test("An empty batch of endless images ends at once", .timeLimit(.minutes(1)))
    func emptyBatch() throws {
        let x = try empty(0, 1, absurd)
        let kernel = [Attribute("kernel_shape", .ints([1]))]
        for type in ["MaxPool", "AveragePool", "LpPool"] {
            #expect(try evaluate(type, opset: 11, [x], attributes: kernel)[0].shape == x.shape)
        }
        let counting = kernel + [Attribute("count_include_pad", .int(1))]
        #expect(try evaluate("AveragePool", opset: 11, [x], attributes: counting)[0].shape == x.shape)
        let one = try Tensor.counting(1, 1, 1)
        #expect(try evaluate("Conv", opset: 11, [x, one])[0].shape == x.shape)
        #expect(try evaluate("ConvTranspose", opset: 11, [x, one])[0].shape == x.shape)
        #expect(try evaluate("LRN", opset: 13, [x], attributes: [Attribute("size", .int(3))])[0].shape == x.shape)
        #expect(try evaluate("Softmax", opset: 13, [x])[0].shape == x.shape)
        let parameter = try Tensor([1 as Float])
        #expect(try evaluate("InstanceNormalization", opset: 6, [x, parameter, parameter])[0].shape == x.shape)
        #expect(
            try evaluate("BatchNormalization", opset: 9, [x, parameter, parameter, parameter, parameter])[0].shape == x.shape)
        #expect(try evaluate("MatMul", opset: 13, [empty(0, 2), empty(2, 0)])[0].shape.dimensions == [0, 0])
        let words = try Tensor([Int64](), shape: Shape([0, absurd]))
        #expect(try evaluate("MatMul", opset: 13, [Tensor([Int64](), shape: Shape([0, 0])), words])[0].shape == words.shape)
    }

    @Test("Outputs that would be endless are refused")
    func endlessOutputs() throws {
        let x = try empty(absurd, 1, 0)
        #expect(throws: OperatorError.self) { try evaluate("GlobalAveragePool", opset: 1, [x]) }
        #expect(throws: OperatorError.self) { try evaluate("LayerNormalization", opset: 17, [x, empty(0)], outputs: 3) }
        #expect(throws: OperatorError.self) { try evaluate("Gemm", opset: 11, [empty(absurd, 0), empty(0, 1)]) }
    }
}
