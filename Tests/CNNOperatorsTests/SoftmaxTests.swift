import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Softmax")
struct SoftmaxTests {
    private func ones(_ dimensions: Int...) throws -> Tensor {
        let shape = try Shape(dimensions)
        return try Tensor([Double](repeating: 1, count: shape.elementCount), shape: shape)
    }

    @Test("Before version 13 the sum runs over all axes from 'axis' on, from then on along it alone")
    func meanings() throws {
        let x = try ones(2, 3, 4)
        let axis1 = [Attribute("axis", .int(1))]
        for opset in [1, 11] {
            #expect(try evaluate("Softmax", opset: opset, [x])[0].doubles() == Array(repeating: 1.0 / 12, count: 24))
            let all = try evaluate("Softmax", opset: opset, [x], attributes: [Attribute("axis", .int(0))])[0]
            #expect(try all.doubles() == Array(repeating: 1.0 / 24, count: 24))
            let none = try evaluate("Softmax", opset: opset, [x], attributes: [Attribute("axis", .int(3))])[0]
            #expect(try none.doubles() == Array(repeating: 1, count: 24))
        }
        let back = try evaluate("Softmax", opset: 11, [x], attributes: [Attribute("axis", .int(-1))])[0]
        #expect(try back.doubles() == Array(repeating: 0.25, count: 24))
        #expect(try evaluate("Softmax", opset: 13, [x])[0].doubles() == Array(repeating: 0.25, count: 24))
        #expect(try evaluate("Softmax", opset: 13, [x], attributes: axis1)[0].doubles() == Array(repeating: 1.0 / 3, count: 24))
    }

    @Test("Shares along an inner axis sum to 1, and their logarithms are LogSoftmax", arguments: [0, 1, 2])
    func sums(axis: Int64) throws {
        let x = try Tensor((0..<24).map { Double($0 * 7 % 11) }, shape: Shape([2, 3, 4]))
        let attributes = [Attribute("axis", .int(axis))]
        let y = try evaluate("Softmax", opset: 13, [x], attributes: attributes)[0].doubles()
        let logarithms = try evaluate("LogSoftmax", opset: 13, [x], attributes: attributes)[0].doubles()
        let (strides, sizes) = ([12, 4, 1], [2, 3, 4])
        for index in 0..<24 {
            let (step, count) = (strides[Int(axis)], sizes[Int(axis)])
            let first = index - index / step % count * step
            let sum = (0..<count).reduce(0.0) { $0 + y[first + $1 * step] }
            // Four terms, each with an error of a few units in the last place.
            #expect(abs(sum - 1) < 1e-15)
            #expect(abs(ElementaryFunctions.exp(logarithms[index]) - y[index]) < 1e-14)
        }
    }

    @Test("Large numbers do not overflow; NaN spreads over its row")
    func extremes() throws {
        let x = try Tensor([1000, 1000, 0, -Float.infinity, .nan, 1] as [Float], shape: Shape([3, 2]))
        let y = try evaluate("Softmax", opset: 13, [x])[0].doubles()
        #expect(y[..<4] == [0.5, 0.5, 1, 0])
        #expect(y[4].isNaN && y[5].isNaN)
        let logarithm = try evaluate("LogSoftmax", opset: 13, [x])[0].doubles()
        #expect(logarithm[2] == 0 && logarithm[3] == -.infinity)
    }

    @Test("Empty tensors stay empty; an axis out of range is refused")
    func edges() throws {
        #expect(try evaluate("Softmax", opset: 13, [Tensor.counting(0, 3)])[0].shape.dimensions == [0, 3])
        #expect(try evaluate("Softmax", opset: 11, [Tensor.counting(2, 0)])[0].shape.dimensions == [2, 0])
        #expect(throws: OperatorError.self) {
            try evaluate("Softmax", opset: 13, [ones(2, 2)], attributes: [Attribute("axis", .int(2))])
        }
    }
}
