import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("MatMul")
struct MatMulTests {
    @Test(
        "Matrices, vectors and batches as NumPy multiplies them",
        arguments: [
            ([2, 3], [3, 2], [2, 2], [10.0, 13, 28, 40]),
            ([3], [3], [], [5]),
            ([3], [3, 2], [2], [10, 13]),
            ([2, 3], [3], [2], [5, 14]),
            ([2, 1, 2], [2, 1], [2, 1, 1], [1, 3]),
            ([2, 1, 1], [2, 1, 1, 1], [2, 2, 1, 1], [0, 0, 0, 1]),
            ([1, 2], [2, 2, 1], [2, 1, 1], [1, 3]),
            ([2], [2, 2, 1], [2, 1], [1, 3]),
            ([2, 1, 2], [2], [2, 1], [1, 3]),
        ] as [([Int], [Int], [Int], [Double])])
    func products(a: [Int], b: [Int], shape: [Int], expected: [Double]) throws {
        for opset in [1, 9, 13] {
            let (left, right) = (try counting(a), try counting(b))
            let y = try evaluate("MatMul", opset: opset, [left, right])[0]
            #expect(y.shape.dimensions == shape)
            #expect(try y.doubles() == expected)
        }
    }

    private func counting(_ dimensions: [Int]) throws -> Tensor {
        let shape = try Shape(dimensions)
        return try Tensor((0..<shape.elementCount).map { Float($0) }, shape: shape)
    }

    @Test("Whole numbers wrap, and 2^53 + 1 is kept exactly")
    func wholeNumbers() throws {
        let a = try Tensor([Int64(1) << 53 + 1, 1], shape: Shape([1, 2]))
        #expect(try evaluate("MatMul", opset: 9, [a, Tensor([1, 1] as [Int64])])[0].integers() == [1 << 53 + 2])
        let large = try Tensor([UInt64.max])
        #expect(try evaluate("MatMul", opset: 9, [large, large])[0].elements(as: UInt64.self) == [1])
    }

    @Test("Sizes of zero")
    func zeroSizes() throws {
        #expect(try evaluate("MatMul", opset: 13, [counting([2, 0]), counting([0, 2])])[0].doubles() == [0, 0, 0, 0])
        #expect(try evaluate("MatMul", opset: 13, [counting([0, 2, 3]), counting([3, 4])])[0].shape.dimensions == [0, 2, 4])
    }

    @Test("Named sizes: broadcast batches and multiply-adds")
    func namedSizes() throws {
        let matMul = try OperatorUnderTest("MatMul", opset: 13, inputs: [true, true])
        let inputs = [ValueFact.float(.symbol("N"), .symbol("T"), 64), .float(1, 64, 32)]
        let outputs = try matMul.operator.infer(inputs)
        #expect(outputs[0].shape.description == "[N, T, 32]")
        #expect(try matMul.operator.multiplyAdds(inputs, outputs)?.description == "2048*N*T")
    }

    @Test("Scalars, unequal inner sizes and batches that do not fit are refused")
    func refusals() throws {
        for (a, b) in [([], [2]), ([2, 3], [2, 3]), ([2, 2, 3], [3, 3, 2])] as [([Int], [Int])] {
            #expect(throws: OperatorError.self) { try evaluate("MatMul", opset: 13, [counting(a), counting(b)]) }
        }
    }
}
