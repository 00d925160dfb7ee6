import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Shape and Size")
struct ShapeTests {
    private func sizes(start: Int64? = nil, end: Int64? = nil, opset: Int = 15) throws -> [Int64] {
        let attributes =
            (start.map { [Attribute("start", .int($0))] } ?? []) + (end.map { [Attribute("end", .int($0))] } ?? [])
        return try evaluate("Shape", opset: opset, [.counting(2, 3, 4)], attributes: attributes)[0].integers()
    }

    @Test("All sizes, in every version", arguments: [1, 13, 15, 19, 21, 23, 24, 25])
    func all(opset: Int) throws {
        #expect(try sizes(opset: opset) == [2, 3, 4])
        #expect(try evaluate("Shape", opset: opset, [Tensor(scalar: Float(1))])[0] == Tensor([] as [Int64]))
    }

    @Test("Start and end are clamped, negative ones count from the back")
    func parts() throws {
        #expect(try sizes(start: -1) == [4])
        #expect(try sizes(end: -1) == [2, 3])
        #expect(try sizes(start: 1, end: 2) == [3])
        #expect(try sizes(start: -10, end: 10) == [2, 3, 4])
        #expect(try sizes(start: 2, end: 1) == [])
        #expect(try sizes(start: .min, end: .max) == [2, 3, 4])
        #expect(throws: OperatorError.self) { try sizes(start: 1, opset: 13) }
    }

    @Test("The number of elements, in every version", arguments: [1, 13, 19, 21, 23, 24, 25])
    func size(opset: Int) throws {
        #expect(try evaluate("Size", opset: opset, [.counting(2, 3)])[0] == Tensor(scalar: Int64(6)))
        #expect(try evaluate("Size", opset: opset, [.counting(2, 0)])[0] == Tensor(scalar: Int64(0)))
    }

    @Test("Named sizes become known elements")
    func named() throws {
        let input = ValueFact.float(.symbol("N"), 3, .symbol("H"))
        let shape = try OperatorUnderTest("Shape", opset: 13, inputs: [true])
        #expect(try shape.operator.infer([input])[0].elements == [.symbol("N"), 3, .symbol("H")])
        let size = try OperatorUnderTest("Size", opset: 13, inputs: [true])
        #expect(try size.operator.infer([input])[0].elements == [.symbol("N") * 3 * .symbol("H")])
    }
}
