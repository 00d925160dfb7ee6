import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Reductions")
struct ReductionTests {
    private func reduced(
        _ type: String, _ data: Tensor, axes: [Int64]?, opset: Int, keepdims: Bool? = nil, noop: Bool? = nil
    ) throws -> Tensor {
        var attributes: [Attribute] = []
        if let keepdims { attributes.append(Attribute("keepdims", .int(keepdims ? 1 : 0))) }
        if let noop { attributes.append(Attribute("noop_with_empty_axes", .int(noop ? 1 : 0))) }
        let takesInput = opset >= (type == "ReduceSum" ? 13 : 18)
        if let axes, !takesInput { attributes.append(Attribute("axes", .ints(axes))) }
        let inputs = takesInput ? [data, try axes.map { try Tensor($0) }] : [data]
        return try evaluate(type, opset: opset, inputs, attributes: attributes)[0]
    }

    @Test("Values over each axis and over all", arguments: [1, 11, 13, 18, 20, 27])
    func values(opset: Int) throws {
        let data = try Tensor([Float(1), -2, 2, 4], shape: Shape([2, 2]))
        func rows(_ type: String) throws -> [Double] { try reduced(type, data, axes: [1], opset: opset).doubles() }
        #expect(try rows("ReduceL1") == [3, 6])
        #expect(try rows("ReduceL2") == [Double(Float(5.0.squareRoot())), Double(Float(20.0.squareRoot()))])
        #expect(try rows("ReduceMax") == [1, 4])
        #expect(try rows("ReduceMean") == [-0.5, 3])
        #expect(try rows("ReduceMin") == [-2, 2])
        #expect(try rows("ReduceProd") == [-2, 8])
        #expect(try rows("ReduceSum") == [-1, 6])
        #expect(try rows("ReduceSumSquare") == [5, 20])
        #expect(try reduced("ReduceLogSum", Tensor([Float(0.25), 0.75]), axes: [0], opset: opset).doubles() == [0])
        #expect(try reduced("ReduceLogSumExp", Tensor([Float(7)]), axes: [0], opset: opset).doubles() == [7])
        #expect(try reduced("ReduceSum", data, axes: [0], opset: opset).doubles() == [3, 2])
        #expect(try reduced("ReduceSum", data, axes: nil, opset: opset).doubles() == [5])
        #expect(try reduced("ReduceSum", data, axes: [], opset: opset).doubles() == [5])
    }

    @Test("Reduced axes stay with size 1 or go")
    func shapes() throws {
        let data = try Tensor.counting(2, 3, 4)
        #expect(try reduced("ReduceMean", data, axes: [0, -1], opset: 18).shape.dimensions == [1, 3, 1])
        #expect(try reduced("ReduceMean", data, axes: [0, -1], opset: 18, keepdims: false).shape.dimensions == [3])
        #expect(try reduced("ReduceMean", data, axes: nil, opset: 18, keepdims: false).shape.dimensions == [])
        #expect(try reduced("ReduceMean", Tensor(scalar: Float(5)), axes: nil, opset: 18).doubles() == [5])
        let n = Dimension.symbol("N")
        #expect(try inferredShapes("ReduceMean", opset: 18, [.float(n, 3, nil), .ints(2)]) == ["[N, 3, 1]"])
        let keep = [Attribute("keepdims", .int(0))]
        let unknownAxes = ValueFact(dataType: .int64, shape: SymbolicShape([2]))
        #expect(
            try inferredShapes("ReduceMean", opset: 18, [.float(n, 3, 4), unknownAxes], attributes: keep) == ["[?]"])
    }

    @Test("No axes are known by their number alone")
    func namelessAxes() throws {
        let none = ValueFact(dataType: .int64, shape: SymbolicShape([0]))
        let noop = [Attribute("noop_with_empty_axes", .int(1))]
        #expect(try inferredShapes("ReduceMean", opset: 18, [.float(2, 3), none]) == ["[1, 1]"])
        #expect(try inferredShapes("ReduceMean", opset: 18, [.float(2, 3), none], attributes: noop) == ["[2, 3]"])
    }

    @Test("Without axes, noop_with_empty_axes leaves only the function of each element")
    func noop() throws {
        let data = try Tensor([Double(-3), 4])
        #expect(try reduced("ReduceSum", data, axes: [], opset: 13, noop: true).doubles() == [-3, 4])
        #expect(try reduced("ReduceSumSquare", data, axes: nil, opset: 18, noop: true).doubles() == [9, 16])
        #expect(try reduced("ReduceL2", data, axes: nil, opset: 18, noop: true).doubles() == [3, 4])
        #expect(try reduced("ReduceSum", data, axes: [], opset: 13, noop: false).doubles() == [1])
    }

    @Test("Of no elements")
    func emptySets() throws {
        let none = try Tensor.counting(2, 0, 3)
        func value(_ type: String) throws -> [Double] {
            let result = try reduced(type, none, axes: [1], opset: 20)
            #expect(result.shape.dimensions == [2, 1, 3])
            return try Array(Set(result.doubles()))
        }
        #expect(try value("ReduceSum") == [0])
        #expect(try value("ReduceL1") == [0])
        #expect(try value("ReduceL2") == [0])
        #expect(try value("ReduceSumSquare") == [0])
        #expect(try value("ReduceProd") == [1])
        #expect(try value("ReduceMax") == [-.infinity])
        #expect(try value("ReduceMin") == [.infinity])
        #expect(try value("ReduceLogSum") == [-.infinity])
        #expect(try value("ReduceLogSumExp") == [-.infinity])
        #expect(try reduced("ReduceMean", none, axes: [1], opset: 18).doubles().allSatisfy(\.isNaN))
        #expect(try reduced("ReduceMax", Tensor([UInt8]()), axes: [0], opset: 18) == Tensor([UInt8.min]))
        #expect(try reduced("ReduceMin", Tensor([Int64]()), axes: [0], opset: 18) == Tensor([Int64.max]))
        #expect(try reduced("ReduceMin", Tensor([UInt64]()), axes: [0], opset: 18) == Tensor([UInt64.max]))
        #expect(try reduced("ReduceSum", Tensor.counting(0, 3), axes: [1], opset: 13).shape.dimensions == [0, 1])
    }

    @Test("Extremes of truth values and bytes, and NaN")
    func extremes() throws {
        let bools = try Tensor(bools: [true, false, false, false], shape: Shape([2, 2]))
        #expect(try reduced("ReduceMax", bools, axes: [1], opset: 20, keepdims: false).integers() == [1, 0])
        #expect(try reduced("ReduceMin", bools, axes: [1], opset: 20, keepdims: false).integers() == [0, 0])
        #expect(try reduced("ReduceMax", Tensor([UInt8(200), 3]), axes: [0], opset: 12) == Tensor([UInt8(200)]))
        #expect(try reduced("ReduceMax", Tensor([UInt64.max, 3]), axes: [0], opset: 13) == Tensor([UInt64.max]))
        for type in ["ReduceMax", "ReduceMin"] {
            #expect(try reduced(type, Tensor([Float(1), .nan, 2]), axes: [0], opset: 13).doubles()[0].isNaN)
        }
    }

    @Test("Results are right where terms overflow")
    func overflow() throws {
        #expect(try reduced("ReduceLogSumExp", Tensor([1000.0, -1000]), axes: [0], opset: 18).doubles() == [1000])
        #expect(
            try reduced("ReduceLogSumExp", Tensor([-Double.infinity, -.infinity]), axes: [0], opset: 18).doubles() == [
                -.infinity
            ])
        #expect(
            try reduced("ReduceLogSumExp", Tensor([Double.infinity, -.infinity]), axes: [0], opset: 18).doubles() == [.infinity]
        )
        #expect(try reduced("ReduceL2", Tensor([3 * 0x1p600, 4 * 0x1p600]), axes: [0], opset: 18).doubles() == [5 * 0x1p600])
        #expect(
            try reduced("ReduceL2", Tensor([3 * 0x1p-1074, 4 * 0x1p-1074]), axes: [0], opset: 18).doubles() == [5 * 0x1p-1074])
    }

    @Test("Integers wrap round, the mean and roots lose their fraction")
    func integers() throws {
        #expect(try reduced("ReduceSum", Tensor([Int32.max, 1]), axes: [0], opset: 13) == Tensor([Int32.min]))
        #expect(try reduced("ReduceMean", Tensor([Int32.max, Int32.max]), axes: [0], opset: 18) == Tensor([Int32.max]))
        #expect(try reduced("ReduceMean", Tensor([Int64(-7), 0]), axes: [0], opset: 18) == Tensor([Int64(-3)]))
        #expect(try reduced("ReduceMean", Tensor([UInt64.max, .max]), axes: [0], opset: 18) == Tensor([UInt64.max]))
        #expect(try reduced("ReduceL2", Tensor([Int64(3), 5]), axes: [0], opset: 18) == Tensor([Int64(5)]))
        #expect(try reduced("ReduceL1", Tensor([Int64(-3), 5]), axes: [0], opset: 18) == Tensor([Int64(8)]))
        #expect(try reduced("ReduceLogSum", Tensor([Int32(8), 3]), axes: [0], opset: 18) == Tensor([Int32(2)]))
        #expect(throws: OperatorError.self) { try reduced("ReduceMean", Tensor([Int64]()), axes: [0], opset: 18) }
        #expect(throws: OperatorError.self) { try reduced("ReduceLogSum", Tensor([Int32(8)]), axes: [0], opset: 28) }
    }

    @Test("Axes out of range or named twice are errors", arguments: [[2], [-3], [0, 0], [0, -2], [Int64.max], [.min]])
    func badAxes(axes: [Int64]) throws {
        #expect(throws: OperatorError.self) { try reduced("ReduceSum", Tensor.counting(2, 3), axes: axes, opset: 13) }
        #expect(throws: OperatorError.self) { try reduced("ReduceSum", Tensor.counting(2, 3), axes: axes, opset: 11) }
    }

    @Test("Vectors of sizes are reduced as expressions")
    func sizes() throws {
        let n = Dimension.symbol("N")
        func elements(_ type: String, keep: Bool = false) throws -> [Dimension]? {
            let attributes = [Attribute("axes", .ints([0])), Attribute("keepdims", .int(keep ? 1 : 0))]
            let made = try OperatorUnderTest(type, opset: 11, inputs: [true], outputs: 1, attributes: attributes)
            let sizes = ValueFact(dataType: .int64, shape: SymbolicShape([3]), elements: [n, 3, 4])
            return try made.operator.infer([sizes])[0].elements
        }
        #expect(try elements("ReduceProd") == [12 * n])
        #expect(try elements("ReduceSum", keep: true) == [n + 7])
        #expect(try elements("ReduceMax")?.first?.substituting(["N": 9]) == 9)
    }

    @Test("A huge empty tensor is reduced without memory for its sizes")
    func hugeEmpty() throws {
        let huge = try Tensor(dataType: .float32, shape: Shape([0, 1 << 40])) { _ in }
        #expect(throws: OperatorError.self) { try reduced("ReduceSum", huge, axes: [0], opset: 13) }
        #expect(try reduced("ReduceSum", huge, axes: [1], opset: 13).shape.dimensions == [0, 1])
        #expect(throws: OperatorError.self) { try evaluate("ArgMax", opset: 13, [huge]) }
        #expect(
            try evaluate("TopK", opset: 11, [huge, Tensor([Int64(0)])], outputs: 2, attributes: [Attribute("axis", .int(0))])[0]
                .shape.dimensions == [0, 1 << 40])
    }
}

@Suite("ArgMax and ArgMin")
struct ArgExtremumTests {
    private func index(
        _ type: String, _ data: Tensor, opset: Int = 13, _ attributes: (String, Int64)...
    ) throws -> Tensor {
        try evaluate(type, opset: opset, [data], attributes: attributes.map { Attribute($0.0, .int($0.1)) })[0]
    }

    @Test("First and last of equal elements", arguments: [1, 11, 12, 13])
    func ties(opset: Int) throws {
        let data = try Tensor([Float(2), 5, 5, -1, -1, 3], shape: Shape([2, 3]))
        #expect(try index("ArgMax", data, opset: opset, ("axis", 1)).integers() == [1, 2])
        #expect(try index("ArgMin", data, opset: opset, ("axis", 1)).integers() == [0, 0])
        #expect(try index("ArgMax", data, opset: opset).shape.dimensions == [1, 3])
        #expect(try index("ArgMax", data, opset: opset, ("keepdims", 0)) == Tensor([Int64(0), 0, 0]))
        guard opset >= 12 else { return }
        #expect(try index("ArgMax", data, opset: opset, ("axis", -1), ("select_last_index", 1)).integers() == [2, 2])
        #expect(try index("ArgMin", data, opset: opset, ("axis", 1), ("select_last_index", 1)).integers() == [0, 1])
    }

    @Test("The zeros are equal; NaN comes before all, as in NumPy")
    func specialValues() throws {
        #expect(try index("ArgMax", Tensor([Float(-0.0), 0])).integers() == [0])
        #expect(try index("ArgMax", Tensor([Float(1), .nan, 9, .nan])).integers() == [1])
        #expect(try index("ArgMin", Tensor([Float(1), .nan, -9, .nan])).integers() == [1])
        #expect(try index("ArgMax", Tensor([Float(1), .nan, 9, .nan]), ("select_last_index", 1)).integers() == [3])
        #expect(try index("ArgMax", Tensor([UInt64(1), .max])).integers() == [1])
    }

    @Test("An axis without elements is an error, unless nothing is asked of it")
    func empty() throws {
        #expect(throws: OperatorError.self) { try index("ArgMax", Tensor.counting(2, 0), ("axis", 1)) }
        #expect(try index("ArgMax", Tensor.counting(0, 2), ("axis", 1)).shape.dimensions == [0, 1])
        #expect(throws: OperatorError.self) { try index("ArgMax", Tensor(scalar: Float(1))) }
        #expect(throws: OperatorError.self) { try index("ArgMax", Tensor.counting(2), ("axis", 1)) }
    }
}

@Suite("TopK")
struct TopKTests {
    private func top(
        _ data: Tensor, _ k: Int64, opset: Int, _ attributes: (String, Int64)...
    ) throws -> (values: [Double], indices: [Int64]) {
        var all = attributes.map { Attribute($0.0, .int($0.1)) }
        if opset < 10 { all.append(Attribute("k", .int(k))) }
        let inputs = opset < 10 ? [data] : [data, try Tensor([k])]
        let results = try evaluate("TopK", opset: opset, inputs, outputs: 2, attributes: all)
        return (try results[0].doubles(), try results[1].integers())
    }

    @Test("Largest first, of equal ones the lower index", arguments: [1, 10, 11, 24])
    func largest(opset: Int) throws {
        let data = try Tensor([Float(1), 5, 3, 5, 4, 4, 4, 4], shape: Shape([2, 4]))
        let result = try top(data, 3, opset: opset)
        #expect(result.values == [5, 5, 3, 4, 4, 4])
        #expect(result.indices == [1, 3, 2, 0, 1, 2])
        #expect(try top(data, 1, opset: opset, ("axis", 0)).indices == [1, 0, 1, 0])
        #expect(try top(data, 0, opset: opset).values == [])
    }

    @Test("Smallest, integers and NaN from version 11")
    func smallest() throws {
        #expect(try top(Tensor([Int64(3), 1, 2, 1]), 3, opset: 11, ("largest", 0)).indices == [1, 3, 2])
        #expect(try top(Tensor([UInt64(3), .max]), 1, opset: 11).indices == [1])
        #expect(try top(Tensor([Float(3), .nan, 4]), 2, opset: 11, ("sorted", 0)).indices == [1, 2])
        #expect(try top(Tensor([Float(3), .nan, 4]), 3, opset: 11, ("largest", 0)).indices == [0, 2, 1])
    }

    @Test("K beyond the axis or negative is an error", arguments: [-1, 4, Int64.max])
    func badCounts(k: Int64) throws {
        #expect(throws: OperatorError.self) { try top(Tensor.counting(3), k, opset: 1) }
        #expect(throws: OperatorError.self) { try top(Tensor.counting(3), k, opset: 11) }
    }

    @Test("A named K becomes the size")
    func namedCount() throws {
        let count = ValueFact(dataType: .int64, shape: SymbolicShape([1]), elements: [.symbol("K")])
        #expect(try inferredShapes("TopK", opset: 11, [.float(2, 8), count], outputs: 2) == ["[2, K]", "[2, K]"])
    }
}
