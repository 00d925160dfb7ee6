import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Range")
struct NumberRangeTests {
    private func range(_ start: Int64, _ limit: Int64, _ delta: Int64) throws -> [Int64] {
        let inputs = try [start, limit, delta].map { try Tensor(scalar: $0) }
        return try evaluate("Range", opset: 11, inputs)[0].integers()
    }

    @Test("Whole numbers, forwards and backwards")
    func integers() throws {
        #expect(try range(3, 9, 3) == [3, 6])
        #expect(try range(10, 4, -2) == [10, 8, 6])
        #expect(try range(3, 3, 1) == [])
        #expect(try range(3, 9, -1) == [])
        #expect(try range(.min, .max, .max) == [.min, -1, .max - 1])
        #expect(try range(.max, .min, .min) == [.max, -1])
        #expect(throws: OperatorError.self) { try range(0, 1, 0) }
        #expect(throws: (any Error).self) { try range(.min, .max, 1) }
    }

    @Test("Real numbers", arguments: [(DataType.float32, 11), (.float64, 11), (.float16, 27), (.bfloat16, 27)])
    func reals(dataType: DataType, opset: Int) throws {
        func values(_ start: Double, _ limit: Double, _ delta: Double) throws -> [Double] {
            let inputs = try [start, limit, delta].map { try Tensor(rounding: [$0], to: dataType, shape: .scalar) }
            return try evaluate("Range", opset: opset, inputs)[0].doubles()
        }
        #expect(try values(1, 2.25, 0.5) == [1, 1.5, 2])
        #expect(try values(0, -1, -0.25) == [0, -0.25, -0.5, -0.75])
        #expect(try values(1, 0, 0.5) == [])
        #expect(throws: OperatorError.self) { try values(0, .infinity, 1) }
        #expect(throws: OperatorError.self) { try values(0, .nan, 1) }
        #expect(throws: OperatorError.self) { try values(0, 1, 0) }
    }

    @Test("A named limit makes a named length")
    func named() throws {
        func scalar(_ value: Dimension) -> ValueFact { ValueFact(dataType: .int64, shape: .scalar, elements: [value]) }
        let n = Dimension.symbol("N")
        #expect(try inferredShapes("Range", opset: 11, [scalar(0), scalar(n), scalar(1)]) == ["[N]"])
        #expect(try inferredShapes("Range", opset: 11, [scalar(n), scalar(0), scalar(-2)]) == ["[floor((N + 1)/2)]"])
        let made = try OperatorUnderTest("Range", opset: 11, inputs: [true, true, true])
        #expect(try made.operator.infer([scalar(n), scalar(n + 2), scalar(1)])[0].elements == [n, n + 1])
    }
}
