import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Cast")
struct CastTests {
    private func cast(_ input: Tensor, to type: DataType, opset: Int = 25, _ attributes: Attribute...) throws -> Tensor {
        let to = Attribute("to", .int(Int64(type.rawValue)))
        return try evaluate("Cast", opset: opset, [input], attributes: [to] + attributes)[0]
    }

    private func texts(_ input: Tensor) throws -> [String] {
        try cast(input, to: .string).strings().map { String(decoding: $0, as: UTF8.self) }
    }

    private func strings(_ texts: String...) throws -> Tensor {
        try Tensor(strings: texts.map { Array($0.utf8) }, shape: .vector(texts.count))
    }

    @Test("Version 1 names the type", arguments: [("FLOAT", DataType.float32), ("DOUBLE", .float64), ("INT64", .int64)])
    func typeNames(name: String, type: DataType) throws {
        let result = try evaluate(
            "Cast", opset: 1, [Tensor([Int32(3)])], attributes: [Attribute("to", .string(name))])[0]
        #expect(result.dataType == type)
        #expect(try result.doubles() == [3])
    }

    @Test("A type that the version does not have is an error")
    func unknownTypes() throws {
        #expect(throws: OperatorError.self) { try cast(Tensor([Int32(3)]), to: .bfloat16, opset: 9) }
        #expect(throws: OperatorError.self) { try cast(Tensor([Int32(3)]), to: .complex64) }
        for name in ["float", "float32", "FLOAT99"] {
            let to = Attribute("to", .string(name))
            #expect(throws: OperatorError.self) { try evaluate("Cast", opset: 1, [Tensor([Int32(3)])], attributes: [to]) }
        }
        let outside = Attribute("to", .int(1 << 40))
        #expect(throws: OperatorError.self) { try evaluate("Cast", opset: 13, [Tensor([Int32(3)])], attributes: [outside]) }
    }

    @Test("Floats lose their fraction, then their higher bits; what is no number becomes 0")
    func floatsToIntegers() throws {
        let values = try Tensor([1.9, -1.9, 300, -1, .nan, .infinity, 1e30])
        #expect(try cast(values, to: .int32) == Tensor([Int32(1), -1, 300, -1, 0, 0, 0]))
        #expect(try cast(values, to: .uint8) == Tensor([UInt8(1), 255, 44, 255, 0, 0, 0]))
        #expect(try cast(Tensor([0x1p63, 0x1p64 - 2048]), to: .uint64) == Tensor([UInt64(1) << 63, .max - 2047]))
    }

    @Test("Integers lose their higher bits")
    func integersToIntegers() throws {
        #expect(try cast(Tensor([Int16(200), -1]), to: .int8) == Tensor([Int8(-56), -1]))
        #expect(try cast(Tensor([Int64(-1)]), to: .uint64) == Tensor([UInt64.max]))
        #expect(try cast(Tensor([UInt64.max]), to: .int64) == Tensor([Int64(-1)]))
    }

    @Test("Truth values")
    func bools() throws {
        let truths = try Tensor(bools: [true, false], shape: .vector(2))
        #expect(try cast(truths, to: .float32).doubles() == [1, 0])
        #expect(try cast(truths, to: .int8) == Tensor([Int8(1), 0]))
        #expect(try cast(Tensor([Float(0), -0.0, 0.1, .nan]), to: .bool).integers() == [0, 0, 1, 1])
        #expect(try cast(Tensor([Int64(0), 2, 256]), to: .bool).integers() == [0, 1, 1])
    }

    @Test("Numbers are rounded once, ties to even; past the range they are infinite")
    func rounding() throws {
        // 2^24 + 1 lies between two float32 numbers; by way of Double the second would be rounded twice.
        #expect(
            try cast(Tensor([Int64(1 << 24 + 1), 1 << 60 + 1 << 36 + 1]), to: .float32).doubles() == [0x1p24, 0x1p60 + 0x1p37])
        #expect(try cast(Tensor([2049.0, 2051, 65520]), to: .float16).doubles() == [2048, 2052, .infinity])
        #expect(try cast(Tensor([1e39]), to: .float32).doubles() == [.infinity])
    }

    @Test("Texts are read as decimal numbers")
    func fromStrings() throws {
        let texts = try strings("3.14", "1e-5", "1E8", "+INF", "inf", "-INF", " 7 ")
        #expect(
            try cast(texts, to: .float64).doubles() == [3.14, 1e-5, 1e8, .infinity, .infinity, -.infinity, 7])
        #expect(try cast(strings("NaN"), to: .float32).doubles()[0].isNaN)
        #expect(try cast(strings("-12", "100.5"), to: .int64) == Tensor([Int64(-12), 100]))
        #expect(try cast(strings("18446744073709551615"), to: .uint64) == Tensor([UInt64.max]))
        #expect(throws: OperatorError.self) { try cast(strings("Hello World!"), to: .float32) }
        #expect(throws: OperatorError.self) { try cast(strings(""), to: .float32) }
    }

    /// The texts that NumPy's `astype(str)` gives.
    @Test("Numbers are written plainly and read back as the same number")
    func toStrings() throws {
        #expect(
            try texts(Tensor([Float(0.1), 3.1415927, 1e10, 16_777_216])) == ["0.1", "3.1415927", "10000000000.0", "16777216.0"])
        #expect(
            try texts(Tensor([0.1, -1.5e-4, 1e15, 1.25e16, 1e-5])) == [
                "0.1", "-0.00015", "1000000000000000.0", "1.25e+16", "1e-05",
            ])
        #expect(try texts(Tensor([Float.nan, .infinity, -.infinity])) == ["nan", "inf", "-inf"])
        #expect(try texts(Tensor([UInt64.max])) == ["18446744073709551615"])
        #expect(try texts(Tensor(bools: [true, false], shape: .vector(2))) == ["True", "False"])
    }

    @Test("8-bit floats saturate unless told otherwise")
    func saturation() throws {
        let values = try Tensor([Float(1e6), -.infinity])
        let keep = Attribute("saturate", .int(0))
        #expect(try cast(values, to: .float8e4m3fn).codes() == [0x7E, 0xFE])
        #expect(try cast(values, to: .float8e4m3fn, keep).codes() == [0x7F, 0xFF])
        #expect(try cast(values, to: .float8e5m2, keep).codes() == [0x7C, 0xFC])
    }

    @Test("Integers of 4 and 2 bits, packed")
    func packed() throws {
        let values = try Tensor([Float(-9), -1, 7])
        let packed = try cast(values, to: .int4)
        #expect(packed.withUnsafeBytes { Array($0) } == [0xF7, 0x07])
        #expect(try cast(packed, to: .int32) == Tensor([Int32(7), -1, 7]))
        #expect(try cast(cast(values, to: .uint2), to: .int32) == Tensor([Int32(3), 3, 3]))
    }

    @Test("float8e8m0 rounds as round_mode says")
    func exponents() throws {
        func codes(_ mode: String) throws -> [UInt8] {
            try cast(Tensor([Float(1), 1.25, 1.5, 3]), to: .float8e8m0, Attribute("round_mode", .string(mode))).codes()
        }
        #expect(try codes("up") == [127, 128, 128, 129])
        #expect(try codes("down") == [127, 127, 127, 128])
        #expect(try codes("nearest") == [127, 127, 128, 129])
    }

    @Test("CastLike takes the type of its second input", arguments: [15, 19, 21, 23, 24, 25])
    func castLike(opset: Int) throws {
        let result = try evaluate("CastLike", opset: opset, [Tensor([1.5, -2.5]), Tensor([Int8]())])[0]
        #expect(result == (try Tensor([Int8(1), -2])))
    }

    @Test("Sizes are followed from integer to integer, not through floats")
    func sizes() throws {
        let n = Dimension.symbol("N")
        func elements(to type: DataType) throws -> [Dimension]? {
            let to = Attribute("to", .int(Int64(type.rawValue)))
            let made = try OperatorUnderTest("Cast", opset: 13, inputs: [true], outputs: 1, attributes: [to])
            let sizes = ValueFact(dataType: .int64, shape: SymbolicShape([2]), elements: [try n + 1, 3])
            return try made.operator.infer([sizes])[0].elements
        }
        #expect(try elements(to: .int32) == [n + 1, 3])
        #expect(try elements(to: .bool) == [1, 1])
        #expect(try elements(to: .float32) == nil)
        // Of N = 300 a byte holds 44.
        for narrow in [DataType.uint8, .int16] { #expect(try elements(to: narrow) == nil) }
    }
}
