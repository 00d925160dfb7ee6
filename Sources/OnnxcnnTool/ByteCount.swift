import ArgumentParser

/// A number of bytes on the command line: `1500000`, `64K`, `512M`, `2G`, the letters standing for powers of 1024.
struct ByteCount: ExpressibleByArgument, Hashable {
    let bytes: Int

    init?(argument: String) {
        var digits = argument[...]
        var unit = 1
        if let last = argument.last, let power = ["K": 10, "M": 20, "G": 30, "T": 40][last.uppercased()] {
            unit = 1 << power
            digits.removeLast()
        }
        // Int's own initialiser would take a sign.
        guard digits.allSatisfy({ ("0"..."9").contains($0) }), let number = Int(digits) else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        self.bytes = bytes
    }

    var defaultValueDescription: String { "\(bytes)" }
}
