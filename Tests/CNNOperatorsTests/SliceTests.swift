import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Slice")
struct SliceTests {
    private func sliced(
        _ data: Tensor, _ starts: [Int64], _ ends: [Int64], axes: [Int64]? = nil, steps: [Int64]? = nil, opset: Int = 13
    ) throws -> Tensor {
        var inputs: [Tensor?] = [data, try Tensor(starts), try Tensor(ends)]
        if axes != nil || steps != nil { inputs.append(try axes.map { try Tensor($0) }) }
        if let steps { inputs.append(try Tensor(steps)) }
        return try evaluate("Slice", opset: opset, inputs)[0]
    }

    /// The indices picked, one step after the other, by the specification's rule.
    private func picked(size: Int, start: Int, end: Int, step: Int) -> [Double] {
        if size == 0 { return [] }
        let (start, end) = (start < 0 ? start + size : start, end < 0 ? end + size : end)
        var index = step > 0 ? min(max(start, 0), size) : min(max(start, 0), size - 1)
        let last = step > 0 ? min(max(end, 0), size) : min(max(end, -1), size - 1)
        var indices: [Double] = []
        while step > 0 ? index < last : index > last {
            indices.append(Double(index))
            index += step
        }
        return indices
    }

    @Test("Every start, end and step of small axes picks what stepping by hand picks, with named sizes too")
    func everyCombination() throws {
        for size in 0...4 {
            let data = try Tensor.counting(size)
            for start in -6...6 {
                for end in -6...6 {
                    for step in [-3, -2, -1, 1, 2, 3] {
                        let output = try sliced(data, [Int64(start)], [Int64(end)], axes: [0], steps: [Int64(step)])
                        let expected = picked(size: size, start: start, end: end, step: step)
                        #expect(try output.doubles() == expected, "\(size) [\(start):\(end):\(step)]")
                    }
                }
            }
        }
    }

    @Test("The extreme bounds stand for the ends of the axis", arguments: [Int64(Int32.max), Int64.max])
    func extremes(bound: Int64) throws {
        #expect(try sliced(.counting(4), [1], [bound]).doubles() == [1, 2, 3])
        #expect(try sliced(.counting(4), [-bound - 1], [bound], axes: [0], steps: [bound]).doubles() == [0])
        #expect(try sliced(.counting(4), [bound], [-bound - 1], axes: [0], steps: [-1]).doubles() == [3, 2, 1, 0])
        #expect(try sliced(.counting(4), [bound], [-bound - 1], axes: [0], steps: [-bound - 1]).doubles() == [3])
        #expect(try sliced(.counting(4), [bound], [bound]).doubles() == [])
    }

    @Test("Version 1 has attributes; in both forms the axes left out are the first ones", arguments: [1, 10, 11, 13])
    func versions(opset: Int) throws {
        let data = try Tensor.counting(2, 4)
        let output: Tensor
        if opset == 1 {
            output = try evaluate(
                "Slice", opset: 9, [data],
                attributes: [Attribute("starts", .ints([0, 1])), Attribute("ends", .ints([-1, 1000]))])[0]
        } else {
            output = try sliced(data, [0, 1], [-1, 1000], opset: opset)
        }
        #expect(output.shape.dimensions == [1, 3])
        #expect(try output.doubles() == [1, 2, 3])
    }

    @Test("Bounds that do not fit are errors")
    func misfits() throws {
        #expect(throws: OperatorError.self) { try sliced(.counting(2, 3), [0], [1], axes: [2]) }
        #expect(throws: OperatorError.self) { try sliced(.counting(2, 3), [0, 0], [1, 1], axes: [0, -2]) }
        #expect(throws: OperatorError.self) { try sliced(.counting(2, 3), [0], [1], axes: [0], steps: [0]) }
        #expect(throws: OperatorError.self) { try sliced(.counting(2, 3), [0, 0], [1]) }
        #expect(throws: OperatorError.self) { try sliced(.counting(2), [0, 0], [1, 1]) }
    }

    @Test("Named sizes: the formula is as short as the case allows")
    func named() throws {
        let height = ValueFact.float(.symbol("N"), .symbol("H"))
        func size(_ start: Int64, _ end: Int64, step: Int64 = 1) throws -> String {
            try inferredShapes("Slice", opset: 13, [height, .ints(start), .ints(end), .ints(1), .ints(step)])[0]
        }
        #expect(try size(0, .max) == "[N, H]")
        #expect(try size(1, .max) == "[N, max(0, H - 1)]" || size(1, .max) == "[N, max(H - 1, 0)]")
        #expect(try size(0, 10) == "[N, min(10, H)]")
        #expect(try size(0, .max, step: 2) == "[N, floor((H + 1)/2)]")
        #expect(try size(-1, .min, step: -1) == "[N, H]")
        let unknown = ValueFact(dataType: .int64, shape: SymbolicShape([1]))
        #expect(try inferredShapes("Slice", opset: 13, [height, unknown, unknown, .ints(1)]) == ["[N, ?]"])
        let namedEnd = ValueFact(dataType: .int64, shape: SymbolicShape([1]), elements: [.symbol("H")])
        #expect(try inferredShapes("Slice", opset: 13, [height, .ints(0), namedEnd, .ints(1)]) == ["[N, H]"])
    }

    @Test("A part of a shape stays a list of expressions")
    func elements() throws {
        let made = try OperatorUnderTest("Slice", opset: 13, inputs: [true, true, true])
        let shape = ValueFact(
            dataType: .int64, shape: SymbolicShape([4]), elements: [.symbol("N"), 3, .symbol("H"), .symbol("W")])
        #expect(try made.operator.infer([shape, .ints(2), .ints(.max)])[0].elements == [.symbol("H"), .symbol("W")])
    }
}
