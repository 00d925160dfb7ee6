import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Reshape")
struct ReshapeTests {
    private func reshaped(_ data: Tensor, _ sizes: [Int64], opset: Int = 13, allowZero: Bool? = nil) throws -> [Int] {
        let attributes = allowZero.map { [Attribute("allowzero", .int($0 ? 1 : 0))] } ?? []
        let result = try evaluate("Reshape", opset: opset, [data, Tensor(sizes)], attributes: attributes)[0]
        #expect(try result.doubles() == data.doubles())
        return result.shape.dimensions
    }

    @Test("Sizes, 0 and −1 as in the specification, in every version with a shape input", arguments: [5, 13, 14, 19, 21, 25])
    func sizes(opset: Int) throws {
        let data = try Tensor.counting(2, 3, 4)
        #expect(try reshaped(data, [4, 6], opset: opset) == [4, 6])
        #expect(try reshaped(data, [2, 0, -1], opset: opset) == [2, 3, 4])
        #expect(try reshaped(data, [-1], opset: opset) == [24])
        #expect(try reshaped(data, [0, 0, -1, 1], opset: opset) == [2, 3, 4, 1])
        #expect(try reshaped(Tensor(scalar: Float(7)), [1, 1], opset: opset) == [1, 1])
        #expect(try reshaped(Tensor.counting(1, 1), [], opset: opset) == [])
        #expect(try reshaped(Tensor.counting(0, 3), [0, 5], opset: opset) == [0, 5])
    }

    @Test("allowzero keeps a 0 as the size 0")
    func allowZero() throws {
        #expect(try reshaped(Tensor.counting(0, 3, 4), [3, 4, 0], opset: 14, allowZero: true) == [3, 4, 0])
        #expect(throws: OperatorError.self) { try reshaped(Tensor.counting(0, 3), [0, -1], opset: 14, allowZero: true) }
    }

    @Test("Version 1 has the shape as an attribute")
    func attribute() throws {
        let attributes = [Attribute("shape", .ints([-1, 0])), Attribute("consumed_inputs", .ints([0]))]
        let result = try evaluate("Reshape", opset: 4, [Tensor.counting(6, 2)], attributes: attributes)[0]
        #expect(result.shape.dimensions == [6, 2])
    }

    @Test(
        "Sizes that do not fit are errors",
        arguments: [[5, 5], [-1, 7], [-1, -1], [-2, 12], [0, 0, 0, 2], [0, 0, 0, 0], [-1, 1 << 62, 4]])
    func misfits(sizes: [Int64]) throws {
        #expect(throws: (any Error).self) { try reshaped(Tensor.counting(2, 3, 4), sizes) }
    }

    @Test("Named sizes go through")
    func named() throws {
        let batch = Dimension.symbol("N")
        #expect(
            try inferredShapes("Reshape", opset: 13, [.float(batch, 256, 6, 6), .ints(0, -1)]) == ["[N, 9216]"])
        #expect(
            try inferredShapes("Reshape", opset: 13, [.float(batch, 256, 6, 6), .ints(-1, 9216)]) == ["[N, 9216]"])
        let shape = ValueFact(dataType: .int64, shape: SymbolicShape([2]), elements: [batch, 9216])
        #expect(try inferredShapes("Reshape", opset: 13, [.float(batch, 256, 6, 6), shape]) == ["[N, 9216]"])
    }
}
