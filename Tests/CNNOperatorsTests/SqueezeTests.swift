import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Squeeze and Unsqueeze")
struct SqueezeTests {
    /// The output's sizes, with the axes as an attribute or as an input, whichever the version has.
    private func sizes(_ type: String, opset: Int, _ dimensions: [Int], axes: [Int64]?) throws -> [Int] {
        let shape = try Shape(dimensions)
        let data = try Tensor((0..<shape.elementCount).map { Float($0) }, shape: shape)
        let output: Tensor
        if opset < 13 {
            let attributes = axes.map { [Attribute("axes", .ints($0))] } ?? []
            output = try evaluate(type, opset: opset, [data], attributes: attributes)[0]
        } else {
            output = try evaluate(type, opset: opset, [data] + (axes == nil ? [] : [Tensor(axes ?? [])]))[0]
        }
        #expect(try output.doubles() == data.doubles())
        return output.shape.dimensions
    }

    @Test("Named axes of size 1 go", arguments: [1, 11, 13, 21, 23, 24, 25])
    func squeeze(opset: Int) throws {
        #expect(try sizes("Squeeze", opset: opset, [1, 3, 1, 5], axes: [0]) == [3, 1, 5])
        #expect(try sizes("Squeeze", opset: opset, [1, 3, 1, 5], axes: [2, 0]) == [3, 5])
        #expect(try sizes("Squeeze", opset: opset, [1, 3, 1, 5], axes: [-2]) == [1, 3, 5])
        #expect(try sizes("Squeeze", opset: opset, [1, 3, 1, 0], axes: nil) == [3, 0])
        #expect(try sizes("Squeeze", opset: opset, [1, 1], axes: nil) == [])
        #expect(throws: OperatorError.self) { try sizes("Squeeze", opset: opset, [1, 3], axes: [1]) }
        #expect(throws: OperatorError.self) { try sizes("Squeeze", opset: opset, [1, 3], axes: [2]) }
    }

    @Test("An empty list of axes squeezes nothing as an input, everything as an attribute")
    func emptyAxes() throws {
        #expect(try sizes("Squeeze", opset: 13, [1, 3, 1], axes: []) == [1, 3, 1])
        #expect(try sizes("Squeeze", opset: 11, [1, 3, 1], axes: []) == [3])
    }

    @Test("New axes count in the output", arguments: [1, 11, 13, 21, 23, 24, 25])
    func unsqueeze(opset: Int) throws {
        #expect(try sizes("Unsqueeze", opset: opset, [3, 4, 5], axes: [2, 4, 5]) == [3, 4, 1, 5, 1, 1])
        #expect(try sizes("Unsqueeze", opset: opset, [3, 4, 5], axes: [5, 4, 2]) == [3, 4, 1, 5, 1, 1])
        #expect(try sizes("Unsqueeze", opset: opset, [3], axes: [-2]) == [1, 3])
        #expect(try sizes("Unsqueeze", opset: opset, [], axes: [0]) == [1])
        #expect(throws: OperatorError.self) { try sizes("Unsqueeze", opset: opset, [3], axes: [2]) }
        #expect(throws: OperatorError.self) { try sizes("Unsqueeze", opset: opset, [3], axes: [0, 0]) }
    }

    @Test("Named sizes go through; a named size that is squeezed must be 1, one that may be 1 leaves the rank open")
    func named() throws {
        let (batch, input) = (Dimension.symbol("N"), ValueFact.float(.symbol("N"), 1, 10))
        #expect(try inferredShapes("Squeeze", opset: 13, [input, .ints(1)]) == ["[N, 10]"])
        #expect(try inferredShapes("Squeeze", opset: 13, [input, .ints(0)]) == ["[1, 10]"])
        #expect(try inferredShapes("Squeeze", opset: 13, [input]) == ["[...]"])
        #expect(try inferredShapes("Unsqueeze", opset: 13, [input, .ints(0, -1)]) == ["[1, N, 1, 10, 1]"])
        let unknownAxes = ValueFact(dataType: .int64, shape: SymbolicShape([2]))
        #expect(try inferredShapes("Unsqueeze", opset: 13, [input, unknownAxes]) == ["[?, ?, ?, ?, ?]"])
        let scalar = ValueFact(dataType: .int64, shape: .scalar, elements: [batch])
        let made = try OperatorUnderTest("Unsqueeze", opset: 13, inputs: [true, true])
        #expect(try made.operator.infer([scalar, .ints(0)])[0].elements == [batch])
    }
}
