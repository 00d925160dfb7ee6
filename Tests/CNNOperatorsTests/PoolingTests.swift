import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Pooling")
struct PoolingTests {
    /// 1 2 3 / 4 5 6 / 7 8 9
    private func square() throws -> Tensor {
        try Tensor((1...9).map { Float($0) }, shape: Shape([1, 1, 3, 3]))
    }

    private func kernel(_ sizes: Int64..., strides: [Int64]? = nil, pads: [Int64]? = nil) -> [Attribute] {
        [Attribute("kernel_shape", .ints(sizes))] + (strides.map { [Attribute("strides", .ints($0))] } ?? [])
            + (pads.map { [Attribute("pads", .ints($0))] } ?? [])
    }

    // MARK: - MaxPool

    @Test("The maximum of each window, in every version", arguments: [1, 8, 10, 11, 12, 22])
    func maximum(opset: Int) throws {
        let y = try evaluate("MaxPool", opset: opset, [square()], attributes: kernel(2, 2))[0]
        #expect(try y.doubles() == [5, 6, 8, 9])
        let padded = try evaluate(
            "MaxPool", opset: opset, [square()], attributes: kernel(2, 2, strides: [2, 2], pads: [1, 1, 0, 0]))[0]
        #expect(try padded.doubles() == [1, 3, 7, 9])
    }

    @Test("Indices count all elements of X, row-major or column-major", arguments: [8, 10, 11, 12, 22])
    func indices(opset: Int) throws {
        let x = try Tensor([0, 0, 0, 1, 2, 0, 0, 9, 0, 0, 0, 0] as [Float], shape: Shape([2, 1, 2, 3]))
        let rowMajor = try evaluate("MaxPool", opset: opset, [x], outputs: 2, attributes: kernel(2, 2))
        #expect(try rowMajor[0].doubles() == [2, 2, 9, 9])
        #expect(try rowMajor[1].integers() == [4, 4, 7, 7])
        let columnMajor = try evaluate(
            "MaxPool", opset: opset, [x], outputs: 2, attributes: kernel(2, 2) + [Attribute("storage_order", .int(1))])
        // Row 1, column 1 of a 2×3 image is element 3 counted down the columns; row 0, column 1 is element 2.
        #expect(try columnMajor[1].integers() == [3, 3, 8, 8])
    }

    @Test("Of equal elements the first has the index; NaN is the largest")
    func tiesAndNaN() throws {
        let x = try Tensor([1, 1, 0, Float.nan, 5, 2] as [Float], shape: Shape([1, 1, 6]))
        let y = try evaluate("MaxPool", opset: 12, [x], outputs: 2, attributes: kernel(3))
        #expect(try y[1].integers() == [0, 3, 3, 3])
        #expect(try y[0].doubles().map(\.isNaN) == [false, true, true, true])
    }

    @Test("Integers of eight bits, and a window in the padding alone, which gives the type's smallest value")
    func bytes() throws {
        let x = try Tensor([-128, 3, -5] as [Int8], shape: Shape([1, 1, 3]))
        let y = try evaluate(
            "MaxPool", opset: 12, [x], outputs: 2, attributes: kernel(1, strides: [2], pads: [1, 0]))
        #expect(try y[0].integers() == [-128, 3])
        #expect(try y[1].integers() == [-1, 1])
        let unsigned = try Tensor([200, 100] as [UInt8], shape: Shape([1, 1, 2]))
        #expect(try evaluate("MaxPool", opset: 12, [unsigned], attributes: kernel(2))[0].integers() == [200])
        #expect(throws: OperatorError.self) { try evaluate("MaxPool", opset: 11, [x], attributes: kernel(1)) }
    }

    @Test("A last window of ceil mode counts if it starts within the input or the padding before it")
    func ceilMode() throws {
        let x = try Tensor([1, 2, 3, 4, 5] as [Float], shape: Shape([1, 1, 5]))
        let ceil = [Attribute("ceil_mode", .int(1))]
        #expect(
            try evaluate("MaxPool", opset: 10, [x], attributes: kernel(2, strides: [2]) + ceil)[0].doubles() == [2, 4, 5])
        // The third window would start at position 6 of −1 … 5: it is left out.
        let y = try evaluate("MaxPool", opset: 10, [x], attributes: kernel(3, strides: [3], pads: [1, 1]) + ceil)[0]
        #expect(try y.doubles() == [2, 5])
    }

    @Test("Dilated windows in three dimensions agree with trying every position")
    func dilatedThreeDimensions() throws {
        let x = try Tensor.counting(1, 2, 4, 5, 3)
        let y = try evaluate(
            "MaxPool", opset: 12, [x],
            attributes: kernel(2, 2, 2, strides: [1, 2, 1]) + [Attribute("dilations", .ints([2, 3, 1]))])[0]
        #expect(y.shape.dimensions == [1, 2, 2, 1, 2])
        // The numbers grow along every axis, so the last tap wins: position (d+2, h+3, w+1).
        var expected: [Double] = []
        for c in 0..<2 {
            for d in 0..<2 {
                for w in 0..<2 { expected.append(Double(((c * 4 + d + 2) * 5 + 3) * 3 + w + 1)) }
            }
        }
        #expect(try y.doubles() == expected)
    }

    // MARK: - AveragePool

    @Test(
        "The mean over what is inside, or over the padding too",
        arguments: [(nil, [1, 2.5, 4, 5.5, 7, 8.5]), (0, [1, 2.5, 4, 5.5, 7, 8.5]), (1, [0.5, 2.5, 2, 5.5, 3.5, 8.5])]
            as [(Int64?, [Double])])
    func averagePadding(countsPadding: Int64?, expected: [Double]) throws {
        let attributes = kernel(1, 2, strides: [1, 2], pads: [0, 1, 0, 0])
        let more = countsPadding.map { [Attribute("count_include_pad", .int($0))] } ?? []
        for opset in [7, 10, 11, 19, 22] {
            let y = try evaluate("AveragePool", opset: opset, [square()], attributes: attributes + more)[0]
            #expect(try y.doubles() == expected)
        }
        if countsPadding == nil {
            #expect(try evaluate("AveragePool", opset: 1, [square()], attributes: attributes)[0].doubles() == expected)
        }
    }

    @Test("What a last window of ceil mode covers beyond the padding never counts")
    func averageCeilMode() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: Shape([1, 1, 4]))
        for countsPadding in [Int64(0), 1] {
            let attributes =
                kernel(3, strides: [2], pads: [0, 1])
                + [Attribute("ceil_mode", .int(1)), Attribute("count_include_pad", .int(countsPadding))]
            let y = try evaluate("AveragePool", opset: 11, [x], attributes: attributes)[0]
            // Windows 1 2 3 and 3 4 ·; the padding counts as a third element or not.
            #expect(try y.doubles() == [2, countsPadding == 1 ? Double(Float(7.0 / 3)) : 3.5])
        }
        let beyond = kernel(3, strides: [3]) + [Attribute("ceil_mode", .int(1)), Attribute("count_include_pad", .int(1))]
        #expect(try evaluate("AveragePool", opset: 11, [x], attributes: beyond)[0].doubles() == [2, 4])
    }

    @Test("auto_pad and dilations")
    func averageModes() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: Shape([1, 1, 4]))
        func mean(_ attribute: Attribute) throws -> [Double] {
            try evaluate("AveragePool", opset: 19, [x], attributes: kernel(2) + [attribute])[0].doubles()
        }
        #expect(try mean(Attribute("auto_pad", .string("SAME_UPPER"))) == [1.5, 2.5, 3.5, 4])
        #expect(try mean(Attribute("auto_pad", .string("SAME_LOWER"))) == [1, 1.5, 2.5, 3.5])
        #expect(try mean(Attribute("auto_pad", .string("VALID"))) == [1.5, 2.5, 3.5])
        #expect(try mean(Attribute("dilations", .ints([3]))) == [2.5])
    }

    // MARK: - LpPool and global pooling

    @Test("p-norms of windows", arguments: [(1, 7.0), (2, 5), (3, 4.497941445275415)])
    func norms(p: Int64, expected: Double) throws {
        let x = try Tensor([3, -4, 0] as [Double], shape: Shape([1, 1, 3]))
        for opset in [2, 11, 18, 22] {
            let attributes = kernel(2) + [Attribute("p", .int(p))]
            let y = try evaluate("LpPool", opset: opset, [x], attributes: attributes)[0].doubles()
            #expect(abs(y[0] - expected) < 1e-12 && abs(y[1] - 4) < 1e-12)
        }
        let old = kernel(2) + [Attribute("p", .float(Float(p)))]
        #expect(abs(try evaluate("LpPool", opset: 1, [x], attributes: old)[0].doubles()[0] - expected) < 1e-12)
    }

    @Test("Global pooling keeps the rank and sees every element", arguments: [1, 22])
    func global(opset: Int) throws {
        let x = try Tensor([1, 2, 3, -4, 3, 4, 0, 0] as [Double], shape: Shape([1, 2, 2, 2]))
        func pooled(_ type: String, _ attributes: [Attribute] = []) throws -> [Double] {
            let y = try evaluate(type, opset: opset, [x], attributes: attributes)[0]
            #expect(y.shape.dimensions == [1, 2, 1, 1])
            return try y.doubles()
        }
        #expect(try pooled("GlobalAveragePool") == [0.5, 1.75])
        #expect(try pooled("GlobalMaxPool") == [3, 4])
        #expect(try pooled("GlobalLpPool") == [Double(30).squareRoot(), 5])
        let p = opset == 1 ? Attribute("p", .float(1)) : Attribute("p", .int(1))
        #expect(try pooled("GlobalLpPool", [p]) == [10, 7])
        #expect(
            try inferredShapes("GlobalAveragePool", opset: opset, [.float(.symbol("N"), 64, .symbol("H"), .symbol("W"))])
                == ["[N, 64, 1, 1]"])
    }

    @Test("A global maximum of nothing is refused, a mean of nothing is NaN, NaN spreads")
    func globalEdges() throws {
        let empty = try Tensor.counting(1, 1, 0)
        #expect(throws: OperatorError.self) { try evaluate("GlobalMaxPool", opset: 1, [empty]) }
        #expect(try evaluate("GlobalAveragePool", opset: 1, [empty])[0].doubles()[0].isNaN)
        let nan = try Tensor([1, .nan, 2] as [Float], shape: Shape([1, 1, 3]))
        #expect(try evaluate("GlobalMaxPool", opset: 1, [nan])[0].doubles()[0].isNaN)
    }

    @Test("Errors name the attribute or the axes")
    func refusals() throws {
        for type in ["MaxPool", "AveragePool", "LpPool"] {
            #expect { try evaluate(type, opset: 11, [square()]) } throws: {
                ($0 as? OperatorError)?.subject == "kernel_shape"
            }
            #expect(throws: OperatorError.self) { try evaluate(type, opset: 11, [square()], attributes: kernel(2)) }
            #expect(throws: OperatorError.self) { try evaluate(type, opset: 11, [square()], attributes: kernel(4, 1)) }
            #expect(throws: OperatorError.self) {
                try evaluate(type, opset: 9, [square()], attributes: kernel(2, 2) + [Attribute("ceil_mode", .int(1))])
            }
        }
    }
}
