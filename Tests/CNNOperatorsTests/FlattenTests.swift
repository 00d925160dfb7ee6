import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Flatten")
struct FlattenTests {
    private func shape(_ dimensions: [Int], axis: Int?, opset: Int = 13) throws -> [Int] {
        let shape = try Shape(dimensions)
        let input = try Tensor((0..<shape.elementCount).map { Float($0) }, shape: shape)
        let attributes = axis.map { [Attribute("axis", .int(Int64($0)))] } ?? []
        let output = try evaluate("Flatten", opset: opset, [input], attributes: attributes)[0]
        #expect(try output.doubles() == input.doubles())
        return output.shape.dimensions
    }

    @Test("Rows are the axes before `axis`, columns the others", arguments: [1, 9, 11, 13, 21, 23, 24, 25])
    func everyAxis(opset: Int) throws {
        #expect(try shape([2, 3, 4], axis: nil, opset: opset) == [2, 12])
        #expect(try shape([2, 3, 4], axis: 0, opset: opset) == [1, 24])
        #expect(try shape([2, 3, 4], axis: 2, opset: opset) == [6, 4])
        #expect(try shape([2, 3, 4], axis: 3, opset: opset) == [24, 1])
        #expect(try shape([0, 3, 4], axis: 1, opset: opset) == [0, 12])
        #expect(try shape([], axis: 0, opset: opset) == [1, 1])
    }

    @Test("A negative axis counts from the back, from opset 11 on")
    func negativeAxis() throws {
        #expect(try shape([2, 3, 4], axis: -1, opset: 11) == [6, 4])
        #expect(try shape([2, 3, 4], axis: -3, opset: 25) == [1, 24])
        #expect(throws: OperatorError.self) { try shape([2, 3, 4], axis: -1, opset: 9) }
        #expect(throws: OperatorError.self) { try shape([2, 3, 4], axis: 4) }
        #expect(throws: OperatorError.self) { try shape([2, 3, 4], axis: -4) }
        #expect(throws: OperatorError.self) { try shape([2, 3, 4], axis: .min) }
    }

    @Test("Named sizes multiply")
    func named() throws {
        #expect(try inferredShapes("Flatten", opset: 17, [.float(.symbol("N"), 256, 6, 6)]) == ["[N, 9216]"])
        #expect(
            try inferredShapes("Flatten", opset: 17, [.float(.symbol("N"), 16, .symbol("H"), .symbol("W"))])
                == ["[N, 16*H*W]"])
        #expect(try inferredShapes("Flatten", opset: 17, [.float(.symbol("N"), nil, 6)]) == ["[N, ?]"])
    }
}
