import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Element-wise arithmetic")
struct ElementwiseBinaryTests {
    private func result<Element: TensorElement>(
        _ type: String, _ a: [Element], _ b: [Element], opset: Int = 14, _ attributes: Attribute...
    ) throws -> [Element] {
        try evaluate(type, opset: opset, [Tensor(a), Tensor(b)], attributes: attributes)[0].elements(as: Element.self)
    }

    @Test("Floats, in every version", arguments: [1, 6, 7, 13, 14])
    func floats(opset: Int) throws {
        let (a, b) = ([Float(6), -1, 0], [Float(4), 2, 0])
        #expect(try result("Add", a, b, opset: opset) == [10, 1, 0])
        #expect(try result("Sub", a, b, opset: opset) == [2, -3, 0])
        #expect(try result("Mul", a, b, opset: opset) == [24, -2, 0])
        let quotients = try result("Div", a, b, opset: opset)
        #expect(quotients[0] == 1.5 && quotients[1] == -0.5 && quotients[2].isNaN)
    }

    @Test("Integers wrap round; division cuts the fraction off")
    func integers() throws {
        #expect(try result("Add", [Int8(127), 1], [1, 2]) == [-128, 3])
        #expect(try result("Sub", [UInt8(0)], [1]) == [255])
        #expect(try result("Mul", [Int32(1 << 30)], [4]) == [0])
        #expect(try result("Mul", [UInt64.max], [UInt64.max]) == [1])
        #expect(try result("Div", [Int32(7), -7, 7, -7], [2, 2, -2, -2]) == [3, -3, -3, 3])
        #expect(try result("Div", [Int64.min, Int64.min], [-1, 2]) == [.min, .min / 2])
        #expect(try result("Div", [Int8.min], [-1]) == [.min])
        #expect(try result("Div", [UInt64.max], [2]) == [UInt64.max / 2])
        #expect(throws: OperatorError.self) { try result("Div", [Int32(1)], [0]) }
    }

    @Test("float64 is computed in Double, float32 rounded once")
    func precision() throws {
        #expect(try result("Add", [1.0], [0x1p-52]) == [1 + 0x1p-52])
        #expect(try result("Add", [Float(1)], [0x1p-24]) == [1])
    }

    @Test("Mod has the divisor's sign, fmod the dividend's")
    func remainders() throws {
        let (a, b) = ([Int32(5), -5, 5, -5, 4], [Int32(3), 3, -3, -3, 2])
        let fmod = Attribute("fmod", .int(1))
        #expect(try result("Mod", a, b) == [2, 1, -1, -2, 0])
        #expect(try result("Mod", a, b, fmod) == [2, -2, 2, -2, 0])
        #expect(try result("Mod", [Int64.min], [-1]) == [0])
        #expect(try result("Mod", [UInt64.max], [10]) == [5])
        #expect(try result("Mod", [-5.5, 5.5], [2, -2], fmod) == [-1.5, 1.5])
        #expect(try result("Mod", [2.0], [.infinity], fmod) == [2])
        #expect(try result("Mod", [.infinity], [2.0], fmod)[0].isNaN)
        #expect(throws: OperatorError.self) { try result("Mod", [Int32(1)], [0]) }
    }

    @Test("Version 28 has the floor remainder of floats, earlier ones refuse it")
    func floatRemainders() throws {
        #expect(try result("Mod", [-5.5, 5.5, 5.5], [2, -2, 2], opset: 28) == [0.5, -0.5, 1.5])
        #expect(try result("Mod", [-1.0, 1], [.infinity, -.infinity], opset: 28) == [.infinity, -.infinity])
        #expect(try result("Mod", [1.0, -1], [.infinity, -.infinity], opset: 28) == [1, -1])
        let zeros = try result("Mod", [0.0, -0.0, 0], [2, 2, -2], opset: 28)
        #expect(zeros.map(\.sign) == [.plus, .plus, .minus])
        #expect(try result("Mod", [1.0], [0], opset: 28)[0].isNaN)
        #expect(throws: OperatorError.self) { try result("Mod", [1.0], [2], opset: 13) }
    }

    @Test("Shape arithmetic follows named sizes")
    func namedSizes() throws {
        let n = Dimension.symbol("N")
        func elements(_ type: String, _ left: [Dimension], _ right: [Int64]) throws -> [Dimension]? {
            let sizes = ValueFact(dataType: .int64, shape: SymbolicShape([Dimension(left.count)]), elements: left)
            let made = try OperatorUnderTest(type, opset: 14, inputs: [true, true], outputs: 1, attributes: [])
            return try made.operator.infer([sizes, ValueFact(constant: Tensor(right))])[0].elements
        }
        #expect(try elements("Add", [n, 3], [1]) == [n + 1, 4])
        #expect(try elements("Sub", [n, 3], [1, 2]) == [n - 1, 1])
        #expect(try elements("Mul", [n, 3], [2]) == [2 * n, 6])
        #expect(try elements("Div", [4 * n, 7], [2]) == [2 * n, 3])
        #expect(try elements("Div", [-7], [2]) == [-3])
        #expect(try elements("Mod", [n, -7], [1, 2]) == [0, 1])
        // N − 1 is −1 for an empty batch, whose half is 0 and not −1.
        let half = try #require(try elements("Div", [n - 1], [2])?[0])
        #expect(try half.substituting(["N": 0]) == 0)
        #expect(try half.substituting(["N": 224]) == 111)
        #expect(try elements("Div", [n], [0]) == nil)
    }

    @Test("Overflow of shape arithmetic is reported")
    func overflow() throws {
        let made = try OperatorUnderTest("Mul", opset: 14, inputs: [true, true], outputs: 1, attributes: [])
        let large = ValueFact(constant: try Tensor([Int64.max]))
        let fact = try made.operator.infer([large, ValueFact(constant: Tensor([Int64(2)]))])[0]
        #expect(fact.elements == nil)
        #expect(fact.remarks.count == 1)
    }
}

@Suite("Sum, Mean, Max, Min")
struct ElementwiseVariadicTests {
    private func result(_ type: String, opset: Int, _ inputs: [Float]...) throws -> [Double] {
        try evaluate(type, opset: opset, inputs.map { try Tensor($0) })[0].doubles()
    }

    @Test("Any number of inputs, in every version", arguments: [1, 6, 8, 12, 13])
    func combinations(opset: Int) throws {
        let inputs: [[Float]] = [[1, 5], [4, 2], [4, -1]]
        #expect(try result("Sum", opset: opset, inputs[0], inputs[1], inputs[2]) == [9, 6])
        #expect(try result("Mean", opset: opset, inputs[0], inputs[1], inputs[2]) == [3, 2])
        #expect(try result("Max", opset: opset, inputs[0], inputs[1], inputs[2]) == [4, 5])
        #expect(try result("Min", opset: opset, inputs[0], inputs[1], inputs[2]) == [1, -1])
        #expect(try result("Max", opset: opset, inputs[0]) == [1, 5])
    }

    @Test("Shapes are broadcast from version 8")
    func broadcasting() throws {
        let (column, row) = (try Tensor([Float(1), 2], shape: Shape([2, 1])), try Tensor([Float(10), 20]))
        #expect(try evaluate("Sum", opset: 8, [column, row])[0].doubles() == [11, 21, 12, 22])
        #expect(try evaluate("Max", opset: 8, [row, column, Tensor(scalar: Float(15))])[0].doubles() == [15, 20, 15, 20])
        #expect(throws: OperatorError.self) { try evaluate("Sum", opset: 6, [column, row]) }
    }

    @Test("NaN in any input gives NaN")
    func nan() throws {
        for type in ["Max", "Min", "Sum", "Mean"] {
            #expect(try result(type, opset: 13, [.nan, 1], [1, .nan], [0, 0]).allSatisfy(\.isNaN), "\(type)")
        }
    }

    @Test("Integers of every width")
    func integers() throws {
        let (a, b) = (try Tensor([UInt64.max, 1]), try Tensor([UInt64(1) << 63, 2]))
        #expect(try evaluate("Max", opset: 12, [a, b])[0] == Tensor([UInt64.max, 2]))
        #expect(try evaluate("Min", opset: 12, [a, b])[0] == Tensor([UInt64(1) << 63, 1]))
        #expect(try evaluate("Min", opset: 12, [Tensor([Int8(-3)]), Tensor([Int8(3)])])[0] == Tensor([Int8(-3)]))
    }
}
