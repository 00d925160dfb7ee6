import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Split")
struct SplitTests {
    private func parts(
        _ data: Tensor, outputs: Int, opset: Int, split: [Int64]? = nil, axis: Int64? = nil, numOutputs: Int64? = nil
    ) throws -> [[Double]] {
        var attributes = axis.map { [Attribute("axis", .int($0))] } ?? []
        var inputs: [Tensor?] = [data]
        if let split {
            if opset < 13 { attributes.append(Attribute("split", .ints(split))) } else { inputs.append(try Tensor(split)) }
        }
        if let numOutputs { attributes.append(Attribute("num_outputs", .int(numOutputs))) }
        return try evaluate("Split", opset: opset, inputs, outputs: outputs, attributes: attributes).map { try $0.doubles() }
    }

    @Test("Parts of the sizes asked for", arguments: [1, 2, 11, 13, 18])
    func listed(opset: Int) throws {
        #expect(try parts(.counting(5), outputs: 2, opset: opset, split: [2, 3]) == [[0, 1], [2, 3, 4]])
        #expect(try parts(.counting(2, 3), outputs: 2, opset: opset, split: [1, 2], axis: 1) == [[0, 3], [1, 2, 4, 5]])
        #expect(try parts(.counting(2), outputs: 3, opset: opset, split: [0, 2, 0], axis: -1) == [[], [0, 1], []])
        #expect(throws: OperatorError.self) { try parts(.counting(5), outputs: 2, opset: opset, split: [2, 2]) }
        #expect(throws: OperatorError.self) { try parts(.counting(5), outputs: 2, opset: opset, split: [-1, 6]) }
        #expect(throws: OperatorError.self) { try parts(.counting(5), outputs: 3, opset: opset, split: [2, 3]) }
        #expect(throws: (any Error).self) { try parts(.counting(5), outputs: 2, opset: opset, split: [.max, .max]) }
    }

    @Test("Equal parts before version 18", arguments: [1, 2, 11, 13])
    func equal(opset: Int) throws {
        #expect(try parts(.counting(4), outputs: 2, opset: opset) == [[0, 1], [2, 3]])
        #expect(throws: OperatorError.self) { try parts(.counting(5), outputs: 2, opset: opset) }
    }

    @Test("From version 18 on the last of `num_outputs` parts may be smaller")
    func rest() throws {
        #expect(try parts(.counting(7), outputs: 3, opset: 18, numOutputs: 3) == [[0, 1, 2], [3, 4, 5], [6]])
        #expect(throws: OperatorError.self) { try parts(.counting(5), outputs: 4, opset: 18, numOutputs: 4) }
        #expect(throws: OperatorError.self) { try parts(.counting(4), outputs: 2, opset: 18, numOutputs: 3) }
        #expect(throws: OperatorError.self) { try parts(.counting(4), outputs: 2, opset: 18) }
        #expect(throws: OperatorError.self) { try parts(.counting(4), outputs: 2, opset: 18, split: [2, 2], numOutputs: 2) }
    }

    @Test("Version 1 takes the sizes as an input of the data's own type, too")
    func firstVersion() throws {
        let data = try Tensor.counting(3)
        let outputs = try evaluate("Split", opset: 1, [data, Tensor([1, 2] as [Float])], outputs: 2)
        #expect(try outputs.map { try $0.doubles() } == [[0], [1, 2]])
        #expect(throws: OperatorError.self) {
            try evaluate("Split", opset: 1, [data, Tensor([1.5, 1.5] as [Float])], outputs: 2)
        }
    }

    @Test("Elements are followed into a part as long as the sizes of those before it are numbers")
    func elements() throws {
        let split = try OperatorUnderTest("Split", opset: 17, inputs: [true, true], outputs: 3)
        func parts(_ sizes: [Dimension]) throws -> [[Dimension]?] {
            let listed = ValueFact(dataType: .int64, shape: SymbolicShape([3]), elements: sizes)
            return try split.operator.infer([.ints(2, 3, 5, 7), listed]).map(\.elements)
        }
        #expect(try parts([1, 2, 1]) == [[2], [3, 5], [7]])
        #expect(try parts([1, .symbol("N"), 2]) == [[2], nil, nil])
        #expect(try parts([.symbol("N"), 2, 1]) == [nil, nil, nil])
    }

    @Test("Named sizes divide")
    func named() throws {
        let input = ValueFact.float(.symbol("N"), .symbol("C"))
        let axis = Attribute("axis", .int(1))
        #expect(
            try inferredShapes("Split", opset: 13, [input], outputs: 2, attributes: [axis])
                == ["[N, floor(C/2)]", "[N, floor(C/2)]"])
        #expect(
            try inferredShapes("Split", opset: 13, [input, .ints(3, 4)], outputs: 2, attributes: [axis])
                == ["[N, 3]", "[N, 4]"])
        #expect(
            try inferredShapes(
                "Split", opset: 18, [input], outputs: 2, attributes: [axis, Attribute("num_outputs", .int(2))])
                == ["[N, floor((C + 1)/2)]", "[N, C - floor((C + 1)/2)]"])
    }
}
