/// Conversions between Double and the 16-bit float formats, by their bits: `Float16` does not exist on every platform
/// that Swift runs on. Rounding is to nearest, ties to even (IEEE 754-2019, section 4.3.1).
package enum ReducedPrecision {
    /// The value of an IEEE 754 binary16 number.
    package static func double(float16 bits: UInt16) -> Double {
        double(
            sign: bits >> 15, exponent: Int(bits >> 10 & 0x1F), fraction: Int(bits & 0x3FF), exponentBits: 5, fractionBits: 10)
    }

    /// The value of a bfloat16 number: the upper half of a binary32.
    package static func double(bfloat16 bits: UInt16) -> Double {
        Double(Float(bitPattern: UInt32(bits) << 16))
    }

    /// The nearest IEEE 754 binary16 number.
    package static func float16(_ value: Double) -> UInt16 {
        round(value, exponentBits: 5, fractionBits: 10)
    }

    /// The nearest bfloat16 number.
    package static func bfloat16(_ value: Double) -> UInt16 {
        round(value, exponentBits: 8, fractionBits: 7)
    }

    private static func double(sign: UInt16, exponent: Int, fraction: Int, exponentBits: Int, fractionBits: Int) -> Double {
        let bias = (1 << (exponentBits - 1)) - 1
        let magnitude: Double
        if exponent == (1 << exponentBits) - 1 {
            magnitude = fraction == 0 ? .infinity : .nan
        } else if exponent == 0 {
            magnitude = Double(sign: .plus, exponent: 1 - bias - fractionBits, significand: Double(fraction))
        } else {
            let significand = Double(fraction + (1 << fractionBits))
            magnitude = Double(sign: .plus, exponent: exponent - bias - fractionBits, significand: significand)
        }
        return sign == 0 ? magnitude : -magnitude
    }

    private static func round(_ value: Double, exponentBits: Int, fractionBits: Int) -> UInt16 {
        let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
        let bias = (1 << (exponentBits - 1)) - 1
        let infinity = UInt16(((1 << exponentBits) - 1) << fractionBits)
        if value.isNaN { return sign | infinity | UInt16(1 << (fractionBits - 1)) }
        if value.isInfinite { return sign | infinity }
        if value == 0 { return sign }
        // The unit in the last place at this magnitude; below the smallest normal number it stays that of the subnormals.
        let exponent = max(Int(value.exponent), 1 - bias)
        let units = (value.magnitude * Double(sign: .plus, exponent: fractionBits - exponent, significand: 1))
            .rounded(.toNearestOrEven)
        // `units` carries into the exponent field by itself when rounding passes a power of two.
        guard exponent <= bias, units < 1e9 else { return sign | infinity }
        let encoded = Int(units) + ((exponent + bias - 1) << fractionBits)
        return sign | UInt16(min(encoded, Int(infinity)))
    }
}
