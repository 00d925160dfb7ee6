import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Gemm")
struct GemmTests {
    /// `[[1, 2, 3], [4, 5, 6]] · [[1, 0], [0, 1], [1, 1]]`
    private static let product = [4.0, 5, 10, 11]

    private func factors(transA: Bool, transB: Bool) throws -> (Tensor, Tensor) {
        let a =
            try transA
            ? Tensor([1, 4, 2, 5, 3, 6] as [Float], shape: Shape([3, 2]))
            : Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: Shape([2, 3]))
        let b =
            try transB
            ? Tensor([1, 0, 1, 0, 1, 1] as [Float], shape: Shape([2, 3]))
            : Tensor([1, 0, 0, 1, 1, 1] as [Float], shape: Shape([3, 2]))
        return (a, b)
    }

    @Test("Either factor may be transposed", arguments: [false, true], [false, true])
    func transposes(transA: Bool, transB: Bool) throws {
        let (a, b) = try factors(transA: transA, transB: transB)
        let y = try evaluate(
            "Gemm", opset: 11, [a, b],
            attributes: [Attribute("transA", .int(transA ? 1 : 0)), Attribute("transB", .int(transB ? 1 : 0))])[0]
        #expect(y.shape.dimensions == [2, 2])
        #expect(try y.doubles() == Self.product)
    }

    @Test(
        "C is repeated along its missing axes and those of size 1",
        arguments: [
            ([Int](), [Float(100)], [104.0, 105, 110, 111]),
            ([1], [100], [104, 105, 110, 111]),
            ([2], [100, 200], [104, 205, 110, 211]),
            ([1, 2], [100, 200], [104, 205, 110, 211]),
            ([2, 1], [100, 200], [104, 105, 210, 211]),
            ([2, 2], [100, 200, 300, 400], [104, 205, 310, 411]),
        ])
    func broadcasting(shape: [Int], values: [Float], expected: [Double]) throws {
        let (a, b) = try factors(transA: false, transB: false)
        let c = try Tensor(values, shape: Shape(shape))
        for opset in [7, 9, 11, 13] {
            #expect(try evaluate("Gemm", opset: opset, [a, b, c])[0].doubles() == expected)
        }
        let legacy = [Attribute("broadcast", .int(1))]
        #expect(try evaluate("Gemm", opset: 6, [a, b, c], attributes: legacy)[0].doubles() == expected)
    }

    @Test("Before version 7, C is not repeated unless 'broadcast' says so", arguments: [1, 6])
    func withoutBroadcasting(opset: Int) throws {
        let (a, b) = try factors(transA: false, transB: false)
        #expect(throws: OperatorError.self) { try evaluate("Gemm", opset: opset, [a, b, Tensor([1, 2] as [Float])]) }
        let whole = try Tensor([1, 1, 1, 1] as [Float], shape: Shape([2, 2]))
        #expect(try evaluate("Gemm", opset: opset, [a, b, whole])[0].doubles() == Self.product.map { $0 + 1 })
    }

    @Test("alpha and beta scale; a beta of 0 leaves even a NaN in C out")
    func factorsOfSummands() throws {
        let (a, b) = try factors(transA: false, transB: false)
        let c = try Tensor(scalar: Float(10))
        let scaled = [Attribute("alpha", .float(0.5)), Attribute("beta", .float(3))]
        #expect(
            try evaluate("Gemm", opset: 13, [a, b, c], attributes: scaled)[0].doubles() == Self.product.map { $0 / 2 + 30 })
        let nan = try Tensor(scalar: Float.nan)
        #expect(
            try evaluate("Gemm", opset: 13, [a, b, nan], attributes: [Attribute("beta", .float(0))])[0].doubles()
                == Self.product)
    }

    @Test("Whole numbers are exact, and wrap as NumPy's do")
    func integers() throws {
        let a = try Tensor([Int64(1) << 53 + 1, 1], shape: Shape([1, 2]))
        let b = try Tensor([1, 1] as [Int64], shape: Shape([2, 1]))
        #expect(try evaluate("Gemm", opset: 9, [a, b, Tensor(scalar: Int64(0))])[0].integers() == [1 << 53 + 2])
        let large = try Tensor([UInt32.max], shape: Shape([1, 1]))
        let two = try Tensor([2 as UInt32], shape: Shape([1, 1]))
        #expect(try evaluate("Gemm", opset: 11, [large, two])[0].integers() == [Int64(UInt32.max) - 1])
        let half = [Attribute("alpha", .float(0.5))]
        let seven = try Tensor([-7 as Int32], shape: Shape([1, 1]))
        let one = try Tensor([1 as Int32], shape: Shape([1, 1]))
        #expect(try evaluate("Gemm", opset: 11, [seven, one], attributes: half)[0].integers() == [-3])
    }

    @Test("Sizes of zero: no sum is 0, no rows are no output")
    func zeroSizes() throws {
        let y = try evaluate("Gemm", opset: 11, [Tensor.counting(2, 0), Tensor.counting(0, 3), Tensor.counting(3)])[0]
        #expect(try y.doubles() == [0, 1, 2, 0, 1, 2])
        #expect(try evaluate("Gemm", opset: 11, [Tensor.counting(0, 2), Tensor.counting(2, 3)])[0].shape.dimensions == [0, 3])
    }

    @Test("Named sizes pass through; multiply-adds are M·K·N")
    func namedSizes() throws {
        let gemm = try OperatorUnderTest(
            "Gemm", opset: 11, inputs: [true, true], attributes: [Attribute("transB", .int(1))])
        let inputs = [ValueFact.float(.symbol("N"), 25088), .float(4096, 25088)]
        let outputs = try gemm.operator.infer(inputs)
        #expect(outputs[0].shape.description == "[N, 4096]")
        #expect(try gemm.operator.multiplyAdds(inputs, outputs)?.description == "\(4096 * 25088)*N")
    }

    @Test("Matrices that do not chain, other ranks and a C that does not fit are refused")
    func refusals() throws {
        let shapes: [[[Int]]] = [
            [[2, 3], [2, 3]], [[2, 3, 1], [3, 2]], [[3], [3, 2]], [[2, 3], [3, 2], [3]], [[2, 3], [3, 2], [1, 2, 2]],
        ]
        for shapes in shapes {
            #expect(throws: OperatorError.self) {
                let inputs = try shapes.map { try Tensor(Array(repeating: Float(0), count: $0.reduce(1, *)), shape: Shape($0)) }
                _ = try evaluate("Gemm", opset: 13, inputs)
            }
        }
    }
}
