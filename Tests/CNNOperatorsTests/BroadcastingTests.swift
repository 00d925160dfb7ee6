import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Broadcasting")
struct BroadcastingTests {
    private let n = Dimension.symbol("N")
    private let m = Dimension.symbol("M")

    private func shape(_ shapes: [Dimension?]?...) throws -> SymbolicShape {
        try Broadcasting.shape(of: shapes.map { SymbolicShape($0) })
    }

    @Test("Known, named and unknown sizes meet as far as anything follows from them")
    func symbolicShapes() throws {
        #expect(try shape([2, 3], [3]).dimensions == [2, 3])
        #expect(try shape([2, 1], [1, 3]).dimensions == [2, 3])
        #expect(try shape([], [4]).dimensions == [4])
        #expect(try shape([0, 3], [1, 3]).dimensions == [0, 3])
        #expect(try shape([n, 3], [n, 1]).dimensions == [n, 3])
        #expect(try shape([n], [1]).dimensions == [n])
        // A size other than 1 wins over whatever fits beside it.
        #expect(try shape([n], [5]).dimensions == [5])
        #expect(try shape([n], [0]).dimensions == [0])
        #expect(try shape([nil], [5]).dimensions == [5])
        // Either of the two may be 1.
        #expect(try shape([n], [m]).dimensions == [nil])
        #expect(try shape([nil], [1]).dimensions == [nil])
        #expect(try shape([n], [nil]).dimensions == [nil])
        #expect(try shape([n], [m], [7]).dimensions == [7])
        // N + 2 cannot be 1.
        #expect(try shape([m], [n + 2]).dimensions == [n + 2])
        #expect(try shape([n + 2], [5]).dimensions == [5])
        #expect(try shape([3], nil).dimensions == nil)
    }

    @Test("Sizes that do not fit are an error that names the axis")
    func misfit() throws {
        let error = #expect(throws: OperatorError.self) { try shape([4, 2, 3], [4, 3]) }
        #expect(error?.message == "shapes [4, 2, 3], [4, 3] do not fit together: axis 1 would be 2 and 4")
        #expect(throws: OperatorError.self) { try shape([0], [2]) }
        #expect(throws: OperatorError.self) { try shape([n, 2], [n, 3]) }
    }

    @Test("Positions are those of the coordinates, for all small pairs of shapes")
    func positions() throws {
        let sizes = [0, 1, 2, 3]
        var shapes: [[Int]] = [[]]
        for _ in 0..<3 { shapes += shapes.flatMap { shape in sizes.map { shape + [$0] } }.filter { !shapes.contains($0) } }
        for left in shapes {
            for right in shapes {
                let pair = [try Shape(left), try Shape(right)]
                guard let broadcasting = try? Broadcasting(pair, resultType: .float32) else {
                    // Not broadcastable: some aligned pair of sizes differs and has no 1.
                    #expect(zip(left.reversed(), right.reversed()).contains { $0 != $1 && $0 != 1 && $1 != 1 })
                    continue
                }
                for input in pair {
                    #expect(Array(broadcasting.positions(of: input)) == Self.bruteForce(input, in: broadcasting.shape))
                }
            }
        }
    }

    /// The positions found by taking every coordinate apart.
    private static func bruteForce(_ input: Shape, in result: Shape) -> [Int] {
        (0..<result.elementCount).map { index in
            var (rest, position) = (index, 0)
            for axis in (0..<result.rank).reversed() {
                let coordinate = rest % result[axis]
                rest /= result[axis]
                let inputAxis = axis - (result.rank - input.rank)
                if inputAxis >= 0, input[inputAxis] != 1 { position += coordinate * input.strides[inputAxis] }
            }
            return position
        }
    }

    @Test("A result past the limit is an error before memory is taken")
    func limit() throws {
        let column = try Shape([1 << 20, 1])
        #expect(throws: OperatorError.self) { try Broadcasting([column, Shape([1 << 20])], resultType: .float32) }
    }

    // MARK: - Before operator set 7

    private func sum(_ a: [Int], _ b: [Int], opset: Int = 6, axis: Int64? = nil, broadcast: Int64? = 1) throws -> [Double] {
        var attributes: [Attribute] = []
        if let axis { attributes.append(Attribute("axis", .int(axis))) }
        if let broadcast { attributes.append(Attribute("broadcast", .int(broadcast))) }
        let inputs = [try Tensor.counting(dimensions: a), try Tensor.counting(dimensions: b)]
        let result = try evaluate("Add", opset: opset, inputs, attributes: attributes)[0]
        #expect(result.shape.dimensions == a)
        return try result.doubles()
    }

    @Test("The attributes axis and broadcast of versions 1 and 6", arguments: [1, 6])
    func legacy(opset: Int) throws {
        // A is 0 … 5 in two rows of three.
        #expect(try sum([2, 3], [3], opset: opset) == [0, 2, 4, 3, 5, 7])
        #expect(try sum([2, 3], [2], opset: opset, axis: 0) == [0, 1, 2, 4, 5, 6])
        #expect(try sum([2, 3], [3], opset: opset, axis: 1) == [0, 2, 4, 3, 5, 7])
        #expect(try sum([2, 3], [3], opset: opset, axis: -1) == [0, 2, 4, 3, 5, 7])
        #expect(try sum([2, 3], [2, 1], opset: opset, axis: 0) == [0, 1, 2, 4, 5, 6])
        #expect(try sum([2, 3], [1, 1, 1], opset: opset) == [0, 1, 2, 3, 4, 5])
        #expect(try sum([2, 3], [2, 3], opset: opset, broadcast: nil) == [0, 2, 4, 6, 8, 10])
        #expect(try sum([1, 2, 2, 1], [2, 2], opset: opset, axis: 1) == [0, 2, 4, 6])
    }

    @Test("What the attributes do not allow is an error")
    func legacyErrors() {
        #expect(throws: OperatorError.self) { try sum([2, 3], [3], broadcast: nil) }
        #expect(throws: OperatorError.self) { try sum([2, 3], [3], broadcast: 0) }
        #expect(throws: OperatorError.self) { try sum([2, 3], [2]) }
        #expect(throws: OperatorError.self) { try sum([3], [2, 3]) }
        #expect(throws: OperatorError.self) { try sum([2, 3], [3], axis: 2) }
        #expect(throws: OperatorError.self) { try sum([2, 3], [2, 3], axis: 1) }
    }
}

extension Tensor {
    /// The numbers 0, 1, 2 … in float32.
    static func counting(dimensions: [Int]) throws -> Tensor {
        let shape = try Shape(dimensions)
        return try Tensor((0..<shape.elementCount).map { Float($0) }, shape: shape)
    }
}
