import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Concat")
struct ConcatTests {
    private func concatenated(_ inputs: [Tensor], axis: Int64?, opset: Int = 13) throws -> Tensor {
        try evaluate("Concat", opset: opset, inputs, attributes: axis.map { [Attribute("axis", .int($0))] } ?? [])[0]
    }

    @Test("Runs of each input follow one another along the axis", arguments: [1, 4, 11, 13])
    func runs(opset: Int) throws {
        let left = try Tensor([1, 2, 3, 4] as [Float], shape: Shape([2, 2]))
        let right = try Tensor([5, 6] as [Float], shape: Shape([2, 1]))
        let output = try concatenated([left, right, left], axis: 1, opset: opset)
        #expect(output.shape.dimensions == [2, 5])
        #expect(try output.doubles() == [1, 2, 5, 1, 2, 3, 4, 6, 3, 4])
        #expect(try concatenated([left, left], axis: -2, opset: opset).doubles() == [1, 2, 3, 4, 1, 2, 3, 4])
        #expect(try concatenated([left], axis: 0, opset: opset) == left)
    }

    @Test("The axis is 1 where version 1 leaves it out, and required later")
    func defaultAxis() throws {
        let input = try Tensor.counting(1, 2)
        #expect(try concatenated([input, input], axis: nil, opset: 1).shape.dimensions == [1, 4])
        #expect(throws: OperatorError.self) { try concatenated([input, input], axis: nil, opset: 4) }
    }

    @Test("Strings, truth values and empty inputs")
    func otherTypes() throws {
        let (a, b) = (try Tensor(strings: [[97], [98]], shape: Shape([2])), try Tensor(strings: [[99]], shape: Shape([1])))
        #expect(try concatenated([a, b], axis: 0).strings() == [[97], [98], [99]])
        let bools = try Tensor(bools: [true, false], shape: Shape([2]))
        #expect(try concatenated([bools, bools], axis: 0).integers() == [1, 0, 1, 0])
        #expect(try concatenated([.counting(0, 3), .counting(2, 3)], axis: 0).shape.dimensions == [2, 3])
    }

    @Test("Other sizes, ranks or axes that do not fit are errors that list the shapes")
    func misfits() throws {
        let error = try #require(throws: OperatorError.self) {
            try concatenated([.counting(2, 3), .counting(3, 3)], axis: 1)
        }
        #expect(error.message == "the inputs differ along axis 0: [2, 3], [3, 3]")
        #expect(throws: OperatorError.self) { try concatenated([.counting(2, 3), .counting(2)], axis: 0) }
        #expect(throws: OperatorError.self) { try concatenated([.counting(2, 3)], axis: 2) }
    }

    @Test("Sizes add up, unknown ones are learnt from the other inputs, known elements are carried on")
    func named() throws {
        let (n, h) = (Dimension.symbol("N"), Dimension.symbol("H"))
        let axis = [Attribute("axis", .int(1))]
        #expect(
            try inferredShapes("Concat", opset: 13, [.float(n, 64, h, nil), .float(nil, 32, h, 7)], attributes: axis)
                == ["[N, 96, H, 7]"])
        let made = try OperatorUnderTest(
            "Concat", opset: 13, inputs: [true, true], attributes: [Attribute("axis", .int(0))])
        let size = ValueFact(dataType: .int64, shape: SymbolicShape([1]), elements: [n])
        #expect(try made.operator.infer([size, .ints(-1)])[0].elements == [n, -1])
    }
}
