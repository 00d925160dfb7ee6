import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Clip")
struct ClipTests {
    @Test("Bounds as attributes", arguments: [1, 6])
    func attributes(opset: Int) throws {
        let bounds = [Attribute("min", .float(-1)), Attribute("max", .float(1))]
        let x = try Tensor([Float(-2), -0.5, 2, .nan])
        let y = try evaluate("Clip", opset: opset, [x], attributes: bounds)[0].elements(as: Float.self)
        #expect(y[..<3] == [-1, -0.5, 1])
        #expect(y[3].isNaN)
        let infinities = try Tensor([Double.infinity, 1e300])
        #expect(
            try evaluate("Clip", opset: opset, [infinities])[0].doubles()
                == [0x1.FFFFFEp127, 0x1.FFFFFEp127])
    }

    @Test("Bounds as inputs, each of which may be left out", arguments: [11, 12, 13])
    func inputs(opset: Int) throws {
        let x = try Tensor([Float(-2), 0, 2])
        func clip(_ min: Float?, _ max: Float?) throws -> [Float] {
            let bounds = try [min, max].map { bound in try bound.map { try Tensor(scalar: $0) } }
            return try evaluate("Clip", opset: opset, [x] + bounds)[0].elements(as: Float.self)
        }
        #expect(try clip(-1, 1) == [-1, 0, 1])
        #expect(try clip(nil, 1) == [-2, 0, 1])
        #expect(try clip(-1, nil) == [-1, 0, 2])
        #expect(try clip(nil, nil) == [-2, 0, 2])
        // The larger bound below the smaller one: the maximum wins.
        #expect(try clip(1, -1) == [-1, -1, -1])
    }

    @Test("Integers, unsigned ones past Int64.max too")
    func integers() throws {
        let x = try Tensor([UInt64.max, 5, 0])
        let bounds = [try Tensor(scalar: UInt64(1)), try Tensor(scalar: UInt64(1) << 63)]
        #expect(try evaluate("Clip", opset: 13, [x] + bounds)[0] == Tensor([UInt64(1) << 63, 5, 1]))
        let bytes = try Tensor([Int8.min, 0, Int8.max])
        #expect(try evaluate("Clip", opset: 12, [bytes, Tensor(scalar: Int8(-5))])[0] == Tensor([Int8(-5), 0, 127]))
    }

    @Test("A bound of several numbers is an error")
    func bounds() throws {
        #expect(throws: OperatorError.self) {
            try evaluate("Clip", opset: 13, [Tensor.counting(3), Tensor.counting(3)])
        }
        let one = try Tensor([Float(1)])
        #expect(try evaluate("Clip", opset: 13, [Tensor.counting(3), one])[0].doubles() == [1, 1, 2])
    }
}
