import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Comparisons and logic")
struct ComparisonTests {
    private func truths(
        _ type: String, opset: Int, _ a: Tensor, _ b: Tensor, _ attributes: Attribute...
    ) throws -> [Int64] {
        try evaluate(type, opset: opset, [a, b], attributes: attributes)[0].integers()
    }

    @Test("Floats; NaN is in no relation, and the zeros are equal")
    func floats() throws {
        let (a, b) = (try Tensor([Float(1), 2, 2, .nan, -0.0]), try Tensor([Float(2), 2, 1, .nan, 0]))
        #expect(try truths("Equal", opset: 11, a, b) == [0, 1, 0, 0, 1])
        #expect(try truths("Greater", opset: 7, a, b) == [0, 0, 1, 0, 0])
        #expect(try truths("Less", opset: 9, a, b) == [1, 0, 0, 0, 0])
        #expect(try truths("GreaterOrEqual", opset: 12, a, b) == [0, 1, 1, 0, 1])
        #expect(try truths("LessOrEqual", opset: 16, a, b) == [1, 1, 0, 0, 1])
    }

    @Test("Integers are compared exactly")
    func integers() throws {
        // As Doubles these would be equal.
        #expect(try truths("Less", opset: 9, Tensor([Int64(1) << 53]), Tensor([Int64(1) << 53 + 1])) == [1])
        #expect(try truths("Greater", opset: 9, Tensor([UInt64.max]), Tensor([UInt64(1)])) == [1])
        #expect(try truths("Equal", opset: 1, Tensor([Int32(3), 4]), Tensor([Int32(3), 5])) == [1, 0])
    }

    @Test("Strings and truth values have equality")
    func equality() throws {
        let (a, b) = (try Tensor(strings: [[65], [66]], shape: .vector(2)), try Tensor(strings: [[65]], shape: .vector(1)))
        #expect(try truths("Equal", opset: 19, a, b) == [1, 0])
        #expect(throws: OperatorError.self) { try truths("Equal", opset: 13, a, b) }
        let bools = try Tensor(bools: [true, false], shape: .vector(2))
        #expect(try truths("Equal", opset: 7, bools, Tensor(bools: [true], shape: .scalar)) == [1, 0])
    }

    @Test("Truth tables, by attributes before version 7", arguments: [1, 7])
    func logic(opset: Int) throws {
        let a = try Tensor(bools: [false, false, true, true], shape: .vector(4))
        let b = try Tensor(bools: [false, true, false, true], shape: .vector(4))
        #expect(try truths("And", opset: opset, a, b) == [0, 0, 0, 1])
        #expect(try truths("Or", opset: opset, a, b) == [0, 1, 1, 1])
        #expect(try truths("Xor", opset: opset, a, b) == [0, 1, 1, 0])
        #expect(try evaluate("Not", opset: opset, [a])[0].integers() == [1, 1, 0, 0])
    }

    @Test("Version 1 broadcasts by attributes")
    func legacy() throws {
        let (a, b) = (try Tensor.counting(2, 3), try Tensor([Float(1), 4]))
        let attributes = [Attribute("broadcast", .int(1)), Attribute("axis", .int(0))]
        #expect(try truths("Greater", opset: 1, a, b, attributes[0], attributes[1]) == [0, 0, 1, 0, 0, 1])
        #expect(throws: OperatorError.self) { try truths("Less", opset: 1, a, b) }
    }

    @Test("Named sizes compare where their names do not matter")
    func namedSizes() throws {
        let n = Dimension.symbol("N")
        func elements(_ type: String, _ left: Dimension, _ right: Int64) throws -> [Dimension]? {
            let size = ValueFact(dataType: .int64, shape: SymbolicShape([1]), elements: [left])
            let made = try OperatorUnderTest(type, opset: 13, inputs: [true, true], outputs: 1, attributes: [])
            return try made.operator.infer([size, ValueFact(constant: Tensor([right]))])[0].elements
        }
        // Sizes are 0 or more.
        #expect(try elements("Equal", n, -1) == [0])
        #expect(try elements("Equal", n, 1) == nil)
        #expect(try elements("Greater", n + 3, 2) == [1])
        #expect(try elements("GreaterOrEqual", n, 0) == [1])
        #expect(try elements("Less", n, 0) == [0])
        #expect(try elements("LessOrEqual", n, 5) == nil)
    }
}

@Suite("Pow")
struct PowTests {
    private func powers<Base: TensorElement, Exponent: TensorElement>(
        _ base: [Base], _ exponent: [Exponent], opset: Int = 15
    ) throws -> [Base] {
        try evaluate("Pow", opset: opset, [Tensor(base), Tensor(exponent)])[0].elements(as: Base.self)
    }

    @Test("Floats, in every version", arguments: [1, 7, 12, 13, 15])
    func floats(opset: Int) throws {
        #expect(try powers([Float(2), 9, -2, 0], [Float(10), 0.5, 3, 0], opset: opset) == [1024, 3, -8, 1])
    }

    @Test("The exponent may have another type from version 12")
    func mixed() throws {
        #expect(try powers([Float(2), 3], [Int64(3), -1]) == [8, Float(1.0 / 3)])
        #expect(try powers([Int32(2), 3, -3], [Float(2.5), 2, 3]) == [5, 9, -27])
        #expect(throws: OperatorError.self) { try powers([Float(2)], [Int64(3)], opset: 7) }
    }

    @Test("Integers are exact and wrap round")
    func integers() throws {
        #expect(try powers([Int64(3), 2, 10], [Int64(39), 63, 0]) == [4_052_555_153_018_976_267, .min, 1])
        #expect(try powers([Int32(2)], [Int32(32)]) == [0])
        #expect(try powers([Int64(1), -1, -1, 2, 0], [Int64(-5), -5, -4, -1, -1]) == [1, -1, 1, 0, 0])
        #expect(try powers([Int64(-1)], [UInt64.max]) == [-1])
    }
}

@Suite("Where")
struct WhereTests {
    @Test("Chooses element by element, all three broadcast", arguments: [9, 16])
    func choice(opset: Int) throws {
        let condition = try Tensor(bools: [true, false], shape: Shape([2, 1]))
        let (x, y) = (try Tensor([Int16(1), 2, 3]), try Tensor(scalar: Int16(-1)))
        let result = try evaluate("Where", opset: opset, [condition, x, y])[0]
        #expect(result == (try Tensor([Int16(1), 2, 3, -1, -1, -1], shape: Shape([2, 3]))))
    }

    @Test("Strings and NaN payloads are moved as they are")
    func moved() throws {
        let condition = try Tensor(bools: [true, false], shape: .vector(2))
        let (x, y) = (try Tensor(strings: [[65], [66]], shape: .vector(2)), try Tensor(strings: [[67]], shape: .vector(1)))
        #expect(try evaluate("Where", opset: 9, [condition, x, y])[0].strings() == [[65], [67]])
        let payload = try Tensor([Float(bitPattern: 0x7FC0_1234), 0])
        let moved = try evaluate("Where", opset: 9, [condition, payload, Tensor([Float(-0.0)])])[0]
        #expect(try moved.elements(as: Float.self).map(\.bitPattern) == [0x7FC0_1234, 0x8000_0000])
    }

    @Test("Follows sizes where the condition is known")
    func sizes() throws {
        let n = Dimension.symbol("N")
        let made = try OperatorUnderTest("Where", opset: 9, inputs: [true, true, true])
        let condition = ValueFact(constant: try Tensor(bools: [true, false], shape: .vector(2)))
        let sizes = ValueFact(dataType: .int64, shape: SymbolicShape([2]), elements: [n, 3])
        let ones = ValueFact(constant: try Tensor([Int64(1), 1]))
        #expect(try made.operator.infer([condition, sizes, ones])[0].elements == [n, 1])
        let unknown = ValueFact(dataType: .bool, shape: SymbolicShape([2]))
        #expect(try made.operator.infer([unknown, sizes, ones])[0].elements == nil)
    }
}
