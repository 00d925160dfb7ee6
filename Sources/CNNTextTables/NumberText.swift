/// Numbers as people read them.
package enum NumberText {
    /// The number with its digits in groups of three: `1,234,567`.
    package static func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// A number of bytes in units of 1,024: `512 B`, `1.5 MiB`.
    package static func bytes(_ number: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var (value, unit) = (Double(number), 0)
        while value >= 1024, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
        return unit == 0 ? "\(number) B" : "\(fixed(value, digits: 1)) \(units[unit])"
    }

    /// Three significant digits with an exponent: `1.91e-06`; `0` for zero, `inf`, `-inf` and `nan` for what is no number.
    package static func scientific(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        guard value != 0 else { return "0" }
        // Swift prints the shortest digits that give the number back: these are rounded, without a rounding of our own.
        let (digits, exponent) = decimal(value.magnitude, significantDigits: 3)
        let sign = exponent < 0 ? "-" : "+"
        let exponentText = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
        return "\(value < 0 ? "-" : "")\(digits / 100).\(digits / 10 % 10)\(digits % 10)e\(sign)\(exponentText)"
    }

    /// The value with so many digits behind the point.
    /// - Precondition: `digits` is 1 to 9; larger values than 10^9 are written as `scientific` does.
    package static func fixed(_ value: Double, digits: Int) -> String {
        precondition(1...9 ~= digits, "1 to 9 digits stand behind the point")
        guard value.magnitude < 1e9 else { return scientific(value) }
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((value.magnitude * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return "\(sign)\(scaled / scale).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }

    /// The value's leading digits as a whole number, and the power of ten of the first of them.
    private static func decimal(_ value: Double, significantDigits: Int) -> (digits: Int, exponent: Int) {
        // The shortest text has its digits in order, a point somewhere and perhaps an exponent.
        let parts = value.description.split(separator: "e")
        var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let (whole, fraction) = (mantissa[0], mantissa.count > 1 ? mantissa[1] : "")
        let all = Array((whole + fraction).utf8).map { Int($0) - 48 }
        let leadingZeros = all.prefix { $0 == 0 }.count
        exponent += whole.count - 1 - leadingZeros
        let significant = all.dropFirst(leadingZeros)
        var digits = significant.prefix(significantDigits).reduce(0) { $0 * 10 + $1 }
        for _ in significant.count..<max(significantDigits, significant.count) { digits *= 10 }
        let rest = significant.dropFirst(significantDigits)
        if let next = rest.first, next >= 5 { digits += 1 }
        // 9.996 becomes 10.0: one digit more before the point.
        var limit = 1
        for _ in 0..<significantDigits { limit *= 10 }
        return digits == limit ? (digits / 10, exponent + 1) : (digits, exponent)
    }
}
