import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Gather")
struct GatherTests {
    private func gathered(_ data: Tensor, _ indices: Tensor, axis: Int64 = 0, opset: Int = 13) throws -> Tensor {
        try evaluate("Gather", opset: opset, [data, indices], attributes: [Attribute("axis", .int(axis))])[0]
    }

    @Test("Slices along the axis, by index from either end", arguments: [1, 11, 13])
    func slices(opset: Int) throws {
        let indices = try Tensor([0, -1, 1, 0] as [Int32], shape: Shape([2, 2]))
        let rows = try gathered(.counting(3, 2), indices, opset: opset)
        #expect(rows.shape.dimensions == [2, 2, 2])
        #expect(try rows.doubles() == [0, 1, 4, 5, 2, 3, 0, 1])
        let columns = try gathered(.counting(2, 3), Tensor([2, 0] as [Int64]), axis: 1, opset: opset)
        #expect(try columns.doubles() == [2, 0, 5, 3])
        #expect(try gathered(.counting(2, 3), Tensor(scalar: Int64(1)), axis: -1, opset: opset).doubles() == [1, 4])
    }

    @Test("Strings, and no indices at all")
    func edges() throws {
        let strings = try Tensor(strings: [[97], [98]], shape: Shape([2]))
        #expect(try gathered(strings, Tensor([1, 1] as [Int64])).strings() == [[98], [98]])
        #expect(try gathered(.counting(2, 3), Tensor([] as [Int64])).shape.dimensions == [0, 3])
        #expect(try gathered(.counting(0, 3), Tensor([] as [Int64])).shape.dimensions == [0, 3])
    }

    @Test("Indices out of range are errors, even in an empty axis", arguments: [3, -4, Int64.min, Int64.max])
    func outOfRange(index: Int64) throws {
        #expect(throws: OperatorError.self) { try gathered(.counting(3, 2), Tensor([index])) }
        #expect(throws: OperatorError.self) { try gathered(.counting(0, 2), Tensor([index])) }
        let made = try OperatorUnderTest("Gather", opset: 13, inputs: [true, true])
        #expect(throws: OperatorError.self) { try made.operator.infer([.float(3, .symbol("N")), .ints(index)]) }
    }

    @Test("An element of a shape stays an expression")
    func named() throws {
        let made = try OperatorUnderTest("Gather", opset: 13, inputs: [true, true])
        let shape = ValueFact(dataType: .int64, shape: SymbolicShape([3]), elements: [.symbol("N"), 3, .symbol("H")])
        let fact = try made.operator.infer([shape, ValueFact(constant: Tensor(scalar: Int64(-1)))])[0]
        #expect(fact.elements == [.symbol("H")])
        #expect(fact.shape == .scalar)
        #expect(
            try inferredShapes("Gather", opset: 13, [.float(.symbol("V"), 64), .float(.symbol("N"), 7)])
                == ["[N, 7, 64]"])
    }
}
