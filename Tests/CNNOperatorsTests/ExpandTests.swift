import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Expand and Tile")
struct ExpandTests {
    private func expanded(_ input: Tensor, _ sizes: [Int64], opset: Int = 13) throws -> Tensor {
        try evaluate("Expand", opset: opset, [input, Tensor(sizes)])[0]
    }

    @Test("Axes of size 1 on either side take the other's size", arguments: [8, 13])
    func broadcast(opset: Int) throws {
        let column = try Tensor.counting(3, 1)
        #expect(try expanded(column, [2, 1, 2], opset: opset).doubles() == [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2])
        #expect(try expanded(column, [1], opset: opset) == column)
        #expect(try expanded(Tensor(scalar: Float(5)), [2], opset: opset).doubles() == [5, 5])
        #expect(try expanded(column, [], opset: opset) == column)
        #expect(try expanded(column, [3, 0], opset: opset).shape.dimensions == [3, 0])
    }

    @Test(
        "Shapes that do not fit, and hostile ones, are errors", arguments: [[2, 1], [-1], [1 << 40, 1, 1 << 20], [1 << 60]])
    func misfits(sizes: [Int64]) throws {
        #expect(throws: (any Error).self) { try expanded(.counting(3, 1), sizes) }
    }

    @Test("A named size that the shape asks for is the output's")
    func named() throws {
        let sizes = ValueFact(dataType: .int64, shape: SymbolicShape([2]), elements: [.symbol("N"), 1])
        #expect(try inferredShapes("Expand", opset: 13, [.float(1, 64), sizes]) == ["[N, 64]"])
    }

    private func tiled(_ input: Tensor, _ repeats: [Int64], opset: Int = 13) throws -> Tensor {
        try evaluate("Tile", opset: opset, [input, Tensor(repeats)])[0]
    }

    @Test("The whole is repeated along each axis", arguments: [6, 13])
    func tile(opset: Int) throws {
        let output = try tiled(.counting(2, 2), [2, 2], opset: opset)
        #expect(try output.doubles() == [0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3])
        #expect(try tiled(.counting(2, 2), [0, 3], opset: opset).shape.dimensions == [0, 6])
        #expect(try tiled(Tensor(scalar: Float(1)), [], opset: opset).shape == .scalar)
        #expect(throws: OperatorError.self) { try tiled(.counting(2), [2, 2], opset: opset) }
        #expect(throws: OperatorError.self) { try tiled(.counting(2), [-1], opset: opset) }
        #expect(throws: (any Error).self) { try tiled(.counting(2), [1 << 60], opset: opset) }
        #expect(throws: (any Error).self) { try tiled(.counting(0, 2), [1 << 62, 1 << 62], opset: opset) }
    }

    @Test("Version 1 repeats along one axis, with numbers of the data's type")
    func firstVersion() throws {
        let inputs = try [Tensor.counting(1, 2), Tensor(scalar: Float(2)), Tensor(scalar: Float(1))]
        #expect(try evaluate("Tile", opset: 1, inputs)[0].doubles() == [0, 1, 0, 1])
        let fraction = try [Tensor.counting(1, 2), Tensor(scalar: Float(1.5)), Tensor(scalar: Float(1))]
        #expect(throws: OperatorError.self) { try evaluate("Tile", opset: 1, fraction) }
    }

    @Test("Named sizes multiply by the repeats")
    func namedTile() throws {
        #expect(try inferredShapes("Tile", opset: 13, [.float(.symbol("N"), 3), .ints(2, 1)]) == ["[2*N, 3]"])
    }
}
