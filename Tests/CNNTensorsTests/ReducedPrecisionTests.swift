import Testing

@testable import CNNTensors

/// A 16-bit float format, described by what IEEE 754 says of it: every finite number is a whole multiple of the smallest
/// subnormal one.
private struct Format: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let fractionBits: Int
    /// The smallest positive number.
    let unit: Double
    let decode: @Sendable (UInt16) -> Double
    let encode: @Sendable (Double) -> UInt16

    static let all = [
        Format(
            testDescription: "float16", fractionBits: 10, unit: 0x1p-24, decode: ReducedPrecision.double(float16:),
            encode: ReducedPrecision.float16),
        Format(
            testDescription: "bfloat16", fractionBits: 7, unit: 0x1p-133, decode: ReducedPrecision.double(bfloat16:),
            encode: ReducedPrecision.bfloat16),
    ]

    var infinity: UInt16 { 0x7FFF - (1 << fractionBits - 1) }

    /// The magnitude of a finite pattern: its fraction in units, and from the second exponent on with the leading bit and
    /// doubled at every step.
    func magnitude(_ bits: UInt16) -> Double {
        let fraction = Double(bits & (1 << fractionBits - 1))
        let exponent = Int(bits & 0x7FFF) >> fractionBits
        var value = exponent == 0 ? fraction : fraction + Double(1 << fractionBits)
        for _ in 1..<max(exponent, 1) { value *= 2 }
        return value * unit
    }
}

@Suite("16-bit floats")
struct ReducedPrecisionTests {
    @Test(
        "All 65,536 patterns have the value that the format defines, and are what that value rounds to", arguments: Format.all)
    fileprivate func everyPattern(format: Format) {
        var wrong: [UInt16] = []
        for bits in UInt16.min...UInt16.max {
            let value = format.decode(bits)
            let isNegative = bits & 0x8000 != 0
            let isRight: Bool
            if bits & 0x7FFF > format.infinity {
                let encoded = format.encode(value)
                isRight = value.isNaN && encoded & 0x7FFF > format.infinity
            } else {
                let magnitude = bits & 0x7FFF == format.infinity ? .infinity : format.magnitude(bits)
                isRight =
                    value.magnitude == magnitude && (value.sign == .minus) == isNegative && format.encode(value) == bits
            }
            if !isRight { wrong.append(bits) }
        }
        #expect(wrong.isEmpty)
    }

    @Test("Halfway between two neighbours rounds to the even one, a hair beside it to the nearer", arguments: Format.all)
    fileprivate func ties(format: Format) {
        var wrong: [UInt16] = []
        for lower in 0..<(format.infinity - 1) {
            let upper = lower + 1
            let middle = (format.magnitude(lower) + format.magnitude(upper)) / 2
            let even = lower & 1 == 0 ? lower : upper
            for sign in [UInt16(0), 0x8000] {
                let factor = sign == 0 ? 1.0 : -1.0
                let isRight =
                    format.encode(factor * middle) == sign | even && format.encode(factor * middle.nextDown) == sign | lower
                    && format.encode(factor * middle.nextUp) == sign | upper
                if !isRight { wrong.append(sign | lower) }
            }
        }
        #expect(wrong.isEmpty)
    }

    @Test("Past the largest number: half a step more is infinite, anything less is not", arguments: Format.all)
    fileprivate func overflow(format: Format) {
        let largest = format.infinity - 1
        let step = format.magnitude(largest) - format.magnitude(largest - 1)
        let limit = format.magnitude(largest) + step / 2
        #expect(format.encode(limit.nextDown) == largest)
        #expect(format.encode(limit) == format.infinity)
        #expect(format.encode(-limit) == 0x8000 | format.infinity)
        #expect(format.encode(.greatestFiniteMagnitude) == format.infinity)
        #expect(format.encode(-.infinity) == 0x8000 | format.infinity)
        #expect(format.encode(.leastNonzeroMagnitude) == 0)
        #expect(format.encode(-.leastNonzeroMagnitude) == 0x8000)
        #expect(format.encode(-0.0) == 0x8000)
    }
}
