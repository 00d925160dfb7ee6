import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Transpose")
struct TransposeTests {
    private func transposed(_ input: Tensor, _ order: [Int64]?, opset: Int = 13) throws -> Tensor {
        try evaluate("Transpose", opset: opset, [input], attributes: order.map { [Attribute("perm", .ints($0))] } ?? [])[0]
    }

    @Test("Without perm the axes are reversed", arguments: [1, 13, 21, 23, 24, 25])
    func reversed(opset: Int) throws {
        let output = try transposed(.counting(2, 3), nil, opset: opset)
        #expect(output.shape.dimensions == [3, 2])
        #expect(try output.doubles() == [0, 3, 1, 4, 2, 5])
    }

    @Test("Every order of four axes puts each element where its indices say")
    func everyOrder() throws {
        let sizes = [2, 3, 1, 4]
        let input = try Tensor.counting(2, 3, 1, 4)
        let strides = input.shape.strides
        for order in permutations(of: [0, 1, 2, 3]) {
            let output = try transposed(input, order.map { Int64($0) })
            #expect(output.shape.dimensions == order.map { sizes[$0] })
            var expected: [Double] = []
            for a in 0..<sizes[order[0]] {
                for b in 0..<sizes[order[1]] {
                    for c in 0..<sizes[order[2]] {
                        for d in 0..<sizes[order[3]] {
                            let position = zip([a, b, c, d], order).reduce(0) { $0 + $1.0 * strides[$1.1] }
                            expected.append(Double(position))
                        }
                    }
                }
            }
            #expect(try output.doubles() == expected)
        }
    }

    private func permutations(of axes: [Int]) -> [[Int]] {
        if axes.count <= 1 { return [axes] }
        return axes.flatMap { axis in permutations(of: axes.filter { $0 != axis }).map { [axis] + $0 } }
    }

    @Test("Strings, complex numbers and 4-bit integers move as they are")
    func otherTypes() throws {
        let strings = try Tensor(strings: ["a", "b", "c", "d"].map { Array($0.utf8) }, shape: Shape([2, 2]))
        #expect(try transposed(strings, nil).strings() == ["a", "c", "b", "d"].map { Array($0.utf8) })
        // Six 4-bit integers 1 … 6, the first of each byte in its low half.
        let packed = try Tensor(dataType: .int4, shape: Shape([2, 3])) { $0.copyBytes(from: [0x21, 0x43, 0x65]) }
        let output = try Transpose.definition.make(
            AttributeReader(Node("Transpose", inputs: ["x"], outputs: ["y"]), version: 21)
        )
        .evaluate([packed])[0]
        #expect(output.withUnsafeBytes { Array($0) } == [0x41, 0x52, 0x63])
    }

    @Test("An order that is none is an error", arguments: [[0, 0], [0, 2], [1, -2], [0], [0, 1, 2]])
    func misfits(order: [Int64]) throws {
        #expect(throws: OperatorError.self) { try transposed(.counting(2, 3), order) }
    }

    @Test("Scalars, empty tensors, named sizes")
    func edges() throws {
        #expect(try transposed(Tensor(scalar: Float(1)), nil).shape == .scalar)
        #expect(try transposed(.counting(2, 0, 3), [1, 2, 0]).shape.dimensions == [0, 3, 2])
        let order = [Attribute("perm", .ints([0, 2, 3, 1]))]
        #expect(
            try inferredShapes(
                "Transpose", opset: 17, [.float(.symbol("N"), 3, .symbol("H"), nil)], attributes: order)
                == ["[N, H, ?, 3]"])
    }
}
