import Testing

@testable import CNNTensors

@Suite("Floats of 8 bits and fewer")
struct NarrowFloatTests {
    private static let types: [DataType] = [
        .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float6e2m3, .float6e3m2, .float4e2m1,
    ]

    /// The OCP specifications' tables of extreme values.
    @Test(
        "Largest, smallest normal and smallest number",
        arguments: [
            (DataType.float8e4m3fn, 448, 0x1p-6, 0x1p-9), (.float8e5m2, 57344, 0x1p-14, 0x1p-16),
            (.float8e4m3fnuz, 240, 0x1p-7, 0x1p-10), (.float8e5m2fnuz, 57344, 0x1p-15, 0x1p-17),
            (.float6e2m3, 7.5, 1, 0.125), (.float6e3m2, 28, 0.25, 0.0625), (.float4e2m1, 6, 1, 0.5),
        ])
    func extremes(type: DataType, largest: Double, smallestNormal: Double, smallest: Double) throws {
        let format = try #require(NarrowFloat(type))
        #expect(format.value(of: format.code(of: 1e9, saturates: true)) == largest)
        #expect(format.value(of: 1) == smallest)
        #expect(format.code(of: smallest / 2, saturates: true) == 0)
        #expect(format.value(of: format.code(of: smallestNormal, saturates: true)) == smallestNormal)
    }

    @Test("Every code survives decoding and encoding", arguments: types)
    func roundTrip(type: DataType) throws {
        let format = try #require(NarrowFloat(type))
        let width = try #require(type.bitWidth)
        for code in 0..<UInt8(truncatingIfNeeded: 1 << width &- 1) {
            let value = format.value(of: code)
            if value.isNaN {
                #expect(format.value(of: format.code(of: value, saturates: false)).isNaN)
            } else {
                #expect(format.code(of: value, saturates: false) == code)
            }
        }
    }

    @Test("Between two neighbours the nearer one is taken, at the middle the even one", arguments: types)
    func nearest(type: DataType) throws {
        let format = try #require(NarrowFloat(type))
        let largest = format.code(of: 1e9, saturates: true)
        for code in 0..<largest {
            let (low, high) = (format.value(of: code), format.value(of: code + 1))
            let middle = (low + high) / 2
            #expect(format.code(of: middle, saturates: true) == code + code % 2)
            #expect(format.code(of: middle.nextDown, saturates: true) == code)
            #expect(format.code(of: middle.nextUp, saturates: true) == code + 1)
        }
    }

    @Test("Packed codes come back, also where one crosses a byte", arguments: types + [.uint4, .uint2, .uint8])
    func packing(type: DataType) throws {
        let width = try #require(type.bitWidth)
        let codes = (0..<11).map { UInt8(truncatingIfNeeded: $0 * 37) & UInt8(truncatingIfNeeded: (1 << width) - 1) }
        let tensor = try Tensor(codes: codes, dataType: type, shape: .vector(11))
        #expect(try tensor.codes() == codes)
        #expect(tensor.byteCount == (11 * width + 7) / 8)
    }

    @Test("6-bit codes follow each other without gaps, lowest bits first")
    func sixBits() throws {
        let tensor = try Tensor(codes: [0x01, 0x02, 0x03, 0x3F], dataType: .float6e2m3, shape: .vector(4))
        // 000001 | 10 0000 | 0011 0000 | 111111 from the low end: 0x81, 0x30, 0xFC.
        #expect(tensor.withUnsafeBytes { Array($0) } == [0x81, 0x30, 0xFC])
    }
}
