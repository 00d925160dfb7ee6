import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Constant and ConstantOfShape")
struct ConstantTests {
    private func constant(_ attributes: Attribute..., opset: Int) throws -> Tensor {
        try evaluate("Constant", opset: opset, [], attributes: attributes)[0]
    }

    private func tensor(_ values: Float...) throws -> Attribute.Value {
        .tensor(NamedTensor(name: "", tensor: try Tensor(values)))
    }

    @Test("A tensor, in every version", arguments: [1, 9, 11, 12, 13, 19, 21, 23, 24, 25])
    func tensorValue(opset: Int) throws {
        #expect(try constant(Attribute("value", tensor(1, 2)), opset: opset) == Tensor([1, 2] as [Float]))
        #expect(throws: OperatorError.self) { try constant(opset: opset) }
    }

    @Test("Plain values, from version 12 on")
    func plainValues() throws {
        #expect(try constant(Attribute("value_float", .float(0.5)), opset: 12) == Tensor(scalar: Float(0.5)))
        #expect(try constant(Attribute("value_floats", .floats([1, 2])), opset: 12) == Tensor([1, 2] as [Float]))
        #expect(try constant(Attribute("value_int", .int(-3)), opset: 13) == Tensor(scalar: Int64(-3)))
        #expect(try constant(Attribute("value_ints", .ints([])), opset: 25) == Tensor([] as [Int64]))
        #expect(try constant(Attribute("value_string", .string([255])), opset: 12).strings() == [[255]])
        #expect(try constant(Attribute("value_strings", .strings([[1], []])), opset: 12).strings() == [[1], []])
        #expect(throws: OperatorError.self) { try constant(Attribute("value_int", .int(1)), opset: 11) }
        #expect(throws: OperatorError.self) { try constant(Attribute("value_int", .float(1)), opset: 12) }
    }

    @Test("Two values at once and sparse ones are refused")
    func refused() throws {
        #expect(throws: OperatorError.self) {
            try constant(Attribute("value_int", .int(1)), Attribute("value_float", .float(1)), opset: 13)
        }
        #expect(throws: OperatorError.self) { try constant(Attribute("sparse_value", .sparseTensor([])), opset: 13) }
    }

    private func filled(_ sizes: [Int64], _ value: Tensor?, opset: Int = 9) throws -> Tensor {
        let attributes = value.map { [Attribute("value", .tensor(NamedTensor(name: "", tensor: $0)))] } ?? []
        return try evaluate("ConstantOfShape", opset: opset, [Tensor(sizes)], attributes: attributes)[0]
    }

    @Test("An array of one value of the asked shape", arguments: [9, 20, 21, 23, 24, 25])
    func ofShape(opset: Int) throws {
        #expect(try filled([2, 2], nil, opset: opset) == Tensor([0, 0, 0, 0] as [Float], shape: Shape([2, 2])))
        #expect(try filled([3], Tensor([7] as [Int32]), opset: opset) == Tensor([7, 7, 7] as [Int32]))
        #expect(try filled([], Tensor([7] as [Int64]), opset: opset) == Tensor(scalar: Int64(7)))
        #expect(try filled([2, 0], nil, opset: opset).shape.dimensions == [2, 0])
    }

    @Test("Hostile shapes are refused before memory is taken")
    func hostile() throws {
        #expect(throws: (any Error).self) { try filled([-1], nil) }
        #expect(throws: (any Error).self) { try filled([1 << 60], nil) }
        #expect(throws: (any Error).self) { try filled([1 << 32, 1 << 32], nil) }
        #expect(throws: OperatorError.self) { try filled([2], Tensor([1, 2] as [Float])) }
    }

    @Test("A named size makes a named shape")
    func named() throws {
        let sizes = ValueFact(dataType: .int64, shape: SymbolicShape([2]), elements: [.symbol("N"), 4])
        #expect(try inferredShapes("ConstantOfShape", opset: 9, [sizes]) == ["[N, 4]"])
        let unknown = ValueFact(dataType: .int64, shape: SymbolicShape([3]))
        #expect(try inferredShapes("ConstantOfShape", opset: 9, [unknown]) == ["[?, ?, ?]"])
    }
}
