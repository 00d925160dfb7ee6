/// A float format of 8 bits or fewer (ONNX, "Float stored in 8 bits" and its 4- and 6-bit relatives; OCP 8-bit Floating
/// Point Specification 1.0 and Microscaling Formats 1.0). Codes are the bits in the low end of a byte.
package struct NarrowFloat: Sendable, Hashable {
    private let exponentBits: Int
    private let fractionBits: Int
    private let bias: Int
    private let specials: Specials

    /// What the codes at the end of the range mean.
    private enum Specials {
        /// As in IEEE 754: the largest exponent holds infinity and NaN.
        case infinityAndNaN
        /// The largest code is NaN, there is no infinity.
        case largestIsNaN
        /// The code of −0 is NaN, there is neither infinity nor −0.
        case negativeZeroIsNaN
        /// Every code is a finite number.
        case none
    }

    /// The format of a tensor's elements; nil if they are not floats of 8 bits or fewer with a sign.
    package init?(_ dataType: DataType) {
        switch dataType {
        case .float8e4m3fn: self.init(exponentBits: 4, fractionBits: 3, bias: 7, specials: .largestIsNaN)
        case .float8e4m3fnuz: self.init(exponentBits: 4, fractionBits: 3, bias: 8, specials: .negativeZeroIsNaN)
        case .float8e5m2: self.init(exponentBits: 5, fractionBits: 2, bias: 15, specials: .infinityAndNaN)
        case .float8e5m2fnuz: self.init(exponentBits: 5, fractionBits: 2, bias: 16, specials: .negativeZeroIsNaN)
        case .float6e2m3: self.init(exponentBits: 2, fractionBits: 3, bias: 1, specials: .none)
        case .float6e3m2: self.init(exponentBits: 3, fractionBits: 2, bias: 3, specials: .none)
        case .float4e2m1: self.init(exponentBits: 2, fractionBits: 1, bias: 1, specials: .none)
        default: return nil
        }
    }

    private init(exponentBits: Int, fractionBits: Int, bias: Int, specials: Specials) {
        self.exponentBits = exponentBits
        self.fractionBits = fractionBits
        self.bias = bias
        self.specials = specials
    }

    private var signBit: Int { 1 << (exponentBits + fractionBits) }

    /// The code of the largest finite number.
    private var largestCode: Int {
        switch specials {
        case .infinityAndNaN: ((1 << exponentBits) - 1) << fractionBits - 1
        case .largestIsNaN: signBit - 2
        case .negativeZeroIsNaN, .none: signBit - 1
        }
    }

    /// The value of a code.
    package func value(of code: UInt8) -> Double {
        let isNegative = Int(code) & signBit != 0
        let magnitude = Int(code) & (signBit - 1)
        if specials == .negativeZeroIsNaN, isNegative, magnitude == 0 { return .nan }
        if magnitude > largestCode {
            let isInfinity = specials == .infinityAndNaN && magnitude == largestCode + 1
            return isInfinity ? (isNegative ? -.infinity : .infinity) : .nan
        }
        let exponent = magnitude >> fractionBits
        let fraction = magnitude & ((1 << fractionBits) - 1)
        // Numbers without exponent lie as close together as those of the exponent 1, without the leading digit.
        let significand = Double(exponent == 0 ? fraction : fraction + 1 << fractionBits)
        let value = Double(sign: .plus, exponent: max(exponent, 1) - bias - fractionBits, significand: significand)
        return isNegative ? -value : value
    }

    /// The code of the nearest number, ties to even.
    /// - Parameter saturates: whether what is too large becomes the largest finite number; otherwise it becomes infinity, or
    ///   NaN where there is none, or that largest number all the same where there is no NaN either.
    package func code(of value: Double, saturates: Bool) -> UInt8 {
        if value.isNaN { return nanCode(isNegative: value.sign == .minus) }
        let code = roundedMagnitude(value)
        let isNegative = value.sign == .minus
        if code > largestCode, !saturates {
            return switch specials {
            case .infinityAndNaN: UInt8(largestCode + 1 + (isNegative ? signBit : 0))
            case .largestIsNaN, .negativeZeroIsNaN: nanCode(isNegative: isNegative)
            case .none: UInt8(largestCode + (isNegative ? signBit : 0))
            }
        }
        let magnitude = min(code, largestCode)
        let keepsSign = isNegative && !(magnitude == 0 && specials == .negativeZeroIsNaN)
        return UInt8(magnitude + (keepsSign ? signBit : 0))
    }

    private func nanCode(isNegative: Bool) -> UInt8 {
        switch specials {
        case .infinityAndNaN: UInt8(largestCode + 1 + (1 << (fractionBits - 1)) + (isNegative ? signBit : 0))
        case .largestIsNaN: UInt8(signBit - 1 + (isNegative ? signBit : 0))
        case .negativeZeroIsNaN: UInt8(signBit)
        // The format has no NaN; ONNX leaves the result open. −0, as the Python package ml_dtypes has it.
        case .none: UInt8(signBit)
        }
    }

    /// The code of the magnitude, rounded as if codes went on past the largest.
    private func roundedMagnitude(_ value: Double) -> Int {
        guard value != 0 else { return 0 }
        guard value.isFinite else { return Int.max }
        let exponent = max(Int(value.exponent), 1 - bias)
        let units = (value.magnitude * Double(sign: .plus, exponent: fractionBits - exponent, significand: 1))
            .rounded(.toNearestOrEven)
        // Past this exponent the code is past every format's largest.
        guard exponent < 64, units < 1e9 else { return Int.max }
        return Int(units) + (exponent + bias - 1) << fractionBits
    }
}

/// The format `float8e8m0`: a power of two, `2^(code − 127)`; the code 255 is NaN. It has neither sign nor zero.
package enum ExponentByte {
    package enum Rounding: String, CaseIterable, Sendable {
        case up
        case down
        case nearest
    }

    package static func value(of code: UInt8) -> Double {
        code == 255 ? .nan : Double(sign: .plus, exponent: Int(code) - 127, significand: 1)
    }

    /// The code of the magnitude of `value`, rounded to a power of two (`nearest`: a tie upwards).
    /// - Parameter saturates: whether what is out of range becomes the nearest end; otherwise it becomes NaN.
    package static func code(of value: Double, rounding: Rounding, saturates: Bool) -> UInt8 {
        if value.isNaN { return 255 }
        guard value != 0, value.isFinite else { return saturates ? (value == 0 ? 0 : 254) : 255 }
        let significand = value.significand
        let carries =
            switch rounding {
            case .up: significand > 1
            case .down: false
            case .nearest: significand >= 1.5
            }
        let code = Int(value.exponent) + 127 + (carries ? 1 : 0)
        guard !(0...254 ~= code) else { return UInt8(code) }
        return saturates ? (code < 0 ? 0 : 254) : 255
    }
}
