import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Pad")
struct PadTests {
    private func padded(
        _ data: Tensor, _ pads: [Int64], mode: String? = nil, value: Tensor? = nil, axes: [Int64]? = nil, opset: Int = 19
    ) throws -> Tensor {
        let attributes = mode.map { [Attribute("mode", .string($0))] } ?? []
        var inputs: [Tensor?] = [data, try Tensor(pads), value]
        if let axes { inputs.append(try Tensor(axes)) }
        return try evaluate("Pad", opset: opset, inputs, attributes: attributes)[0]
    }

    private func row(_ count: Int, _ pads: [Int64], _ mode: String) throws -> [Double] {
        try padded(.counting(count), pads, mode: mode).doubles()
    }

    @Test(
        "Versions 1 and 2 have the pads and the value as attributes", arguments: [(1, "paddings"), (2, "pads"), (10, "pads")])
    func attributes(opset: Int, name: String) throws {
        let output = try evaluate(
            "Pad", opset: opset, [.counting(1, 2)],
            attributes: [Attribute(name, .ints([0, 1, 1, 0])), Attribute("value", .float(9))])[0]
        #expect(output.shape.dimensions == [2, 3])
        #expect(try output.doubles() == [9, 0, 1, 9, 9, 9])
        #expect(throws: OperatorError.self) { try evaluate("Pad", opset: opset, [.counting(1, 2)]) }
    }

    @Test("Constant padding, in every version with inputs", arguments: [11, 13, 18, 19, 21, 23, 24, 25])
    func constant(opset: Int) throws {
        let nine = try Tensor(scalar: Float(9))
        #expect(try padded(.counting(2), [1, 2], value: nine, opset: opset).doubles() == [9, 0, 1, 9, 9])
        #expect(try padded(.counting(2), [1, 0], opset: opset).doubles() == [0, 0, 1])
        #expect(try padded(.counting(0), [2, 1], value: nine, opset: opset).doubles() == [9, 9, 9])
        let integers = try padded(Tensor([5] as [Int64]), [1, 1], value: Tensor([-1] as [Int64]), opset: opset)
        #expect(try integers.integers() == [-1, 5, -1])
    }

    @Test("Strings and truth values are padded with empty and false")
    func otherTypes() throws {
        #expect(try padded(Tensor(strings: [[97]], shape: Shape([1])), [1, 0]).strings() == [[], [97]])
        #expect(try padded(Tensor(bools: [true], shape: Shape([1])), [0, 1]).integers() == [1, 0])
    }

    @Test("Reflections, edges and rings, farther than the axis is long")
    func modes() throws {
        #expect(try row(4, [2, 1], "reflect") == [2, 1, 0, 1, 2, 3, 2])
        #expect(try row(3, [5, 4], "reflect") == [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2])
        #expect(try row(1, [2, 2], "reflect") == [0, 0, 0, 0, 0])
        #expect(try row(3, [2, 1], "edge") == [0, 0, 0, 1, 2, 2])
        #expect(try row(3, [2, 4], "wrap") == [1, 2, 0, 1, 2, 0, 1, 2, 0])
        #expect(throws: OperatorError.self) { try row(0, [1, 0], "edge") }
        #expect(try row(0, [0, 0], "edge") == [])
    }

    @Test("Negative pads take elements away, before anything is mirrored")
    func negative() throws {
        #expect(try padded(.counting(5), [-1, -2]).doubles() == [1, 2])
        #expect(try padded(.counting(5), [-1, 2]).doubles() == [1, 2, 3, 4, 0, 0])
        #expect(try row(4, [-1, 2], "reflect") == [1, 2, 3, 2, 1])
        #expect(try row(4, [1, -2], "wrap") == [1, 0, 1])
        #expect(try padded(.counting(5), [-5, 0]).shape.dimensions == [0])
        #expect(throws: (any Error).self) { try padded(.counting(5), [-3, -3]) }
        // 5 − 2⁶³ + 2⁶³ − 1 positions, none of which meets the input.
        #expect(try padded(.counting(5), [.min, .max]).doubles() == [0, 0, 0, 0])
    }

    @Test("Only the named axes are padded")
    func axes() throws {
        let output = try padded(.counting(1, 2), [1, 0], axes: [-1])
        #expect(output.shape.dimensions == [1, 3])
        #expect(try padded(.counting(2, 1, 1), [1, 2, 0, 0], axes: [2, 0]).shape.dimensions == [4, 1, 2])
        #expect(throws: OperatorError.self) { try padded(.counting(1, 2), [1, 0, 1, 0], axes: [0, -2]) }
        #expect(throws: OperatorError.self) { try padded(.counting(1, 2), [1, 0, 1], axes: [0]) }
    }

    @Test("Wrong modes, counts and hostile sizes are errors")
    func misfits() throws {
        #expect(throws: OperatorError.self) { try padded(.counting(2), [1, 1], mode: "wrap", opset: 18) }
        #expect(throws: OperatorError.self) { try padded(.counting(2), [1, 1], mode: "mirror") }
        #expect(throws: OperatorError.self) { try padded(.counting(2), [1]) }
        #expect(throws: (any Error).self) { try padded(.counting(2), [.max, .max]) }
        #expect(throws: OperatorError.self) { try padded(.counting(2), [1 << 50, 0]) }
    }

    @Test("Pads add to named sizes; where only the axes are known, the others stay")
    func named() throws {
        let input = ValueFact.float(.symbol("N"), 3, .symbol("H"), .symbol("W"))
        #expect(try inferredShapes("Pad", opset: 13, [input, .ints(0, 0, 1, 2, 0, 0, 1, -2)]) == ["[N, 3, H + 2, W]"])
        let pads = ValueFact(dataType: .int64, shape: SymbolicShape([4]))
        #expect(try inferredShapes("Pad", opset: 18, [input, pads, nil, .ints(2, 3)]) == ["[N, 3, ?, ?]"])
    }
}
