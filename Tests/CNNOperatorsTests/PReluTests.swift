import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("PRelu")
struct PReluTests {
    private func negated(_ dimensions: Int...) throws -> Tensor {
        let shape = try Shape(dimensions)
        return try Tensor((0..<shape.elementCount).map { Float(-$0 - 1) }, shape: shape)
    }

    @Test("One slope, or one a channel, in versions 1 and 6", arguments: [1, 6])
    func channels(opset: Int) throws {
        let x = try negated(1, 2, 3)
        #expect(
            try evaluate("PRelu", opset: opset, [x, Tensor([Float(2)])])[0].doubles() == [-2, -4, -6, -8, -10, -12])
        #expect(
            try evaluate("PRelu", opset: opset, [x, Tensor([Float(0), 1])])[0].doubles() == [0, 0, 0, -4, -5, -6])
        #expect(throws: OperatorError.self) { try evaluate("PRelu", opset: opset, [x, Tensor.counting(3)]) }
    }

    @Test("From version 7 the slope is broadcast to X", arguments: [7, 9, 16])
    func broadcast(opset: Int) throws {
        let x = try negated(1, 2, 3)
        let perColumn = try evaluate("PRelu", opset: opset, [x, Tensor([Float(0), 1, 2])])[0]
        #expect(try perColumn.doubles() == [0, -2, -6, 0, -5, -12])
        let perChannel = try Tensor([Float(0), 1], shape: Shape([2, 1]))
        #expect(try evaluate("PRelu", opset: opset, [x, perChannel])[0].doubles() == [0, 0, 0, -4, -5, -6])
        // The result has X's shape, never the slope's.
        #expect(throws: OperatorError.self) { try evaluate("PRelu", opset: opset, [Tensor.counting(1), Tensor.counting(3)]) }
    }

    @Test("Positive numbers and NaN pass, integers wrap round")
    func elements() throws {
        let y = try evaluate("PRelu", opset: 16, [Tensor([Float(3), .nan, -2]), Tensor([Float(0.5)])])[0].doubles()
        #expect(y[0] == 3 && y[1].isNaN && y[2] == -1)
        let integers = try Tensor([Int32(-3), 4])
        #expect(try evaluate("PRelu", opset: 16, [integers, Tensor([Int32(5)])])[0] == Tensor([Int32(-15), 4]))
    }
}
