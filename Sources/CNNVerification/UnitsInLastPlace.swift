import CNNTensors

/// How many representable numbers apart two floating-point arrays lie: the distance in units in the last place (ULP), counted
/// on the line of the type's own numbers, on which −0 and +0 are one point (Bruce Dawson, "Comparing Floating Point Numbers").
///
/// It says how far two roundings of one number are apart; near zero, where the numbers stand dense, it is large without any
/// meaning, and only the absolute difference counts.
public struct UnitsInLastPlace: Sendable, Hashable {
    /// The largest distance.
    public let maximum: UInt64
    /// The distance that half of the elements do not exceed. This and the other percentiles follow the nearest-rank rule; they
    /// are exact below 1,024 and rounded down by less than 1/64 above.
    public let median: UInt64
    public let percentile90: UInt64
    public let percentile99: UInt64

    package init(maximum: UInt64, median: UInt64, percentile90: UInt64, percentile99: UInt64) {
        self.maximum = maximum
        self.median = median
        self.percentile90 = percentile90
        self.percentile99 = percentile99
    }

    /// Measures arrays of one type and shape.
    /// - Returns: nil if the elements are no real floating-point numbers of 16 to 64 bits, or none is finite on both sides.
    init?(actual: Tensor, reference: Tensor) {
        let counts =
            switch actual.dataType {
            case .float32: Self.counts(actual, reference, UInt32.self, infinity: Float.infinity.bitPattern)
            case .float64: Self.counts(actual, reference, UInt64.self, infinity: Double.infinity.bitPattern)
            case .float16: Self.counts(actual, reference, UInt16.self, infinity: 0x7C00)
            case .bfloat16: Self.counts(actual, reference, UInt16.self, infinity: 0x7F80)
            default: DistanceCounts()
            }
        guard counts.total > 0 else { return nil }
        maximum = counts.maximum
        median = counts.percentile(50)
        percentile90 = counts.percentile(90)
        percentile99 = counts.percentile(99)
    }

    /// - Parameter infinity: the type's bit pattern of +∞; magnitudes from there on are infinite or NaN.
    private static func counts<Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ actual: Tensor, _ reference: Tensor, _ type: Bits.Type, infinity: Bits
    ) -> DistanceCounts {
        var counts = DistanceCounts()
        let sign = Bits(1) << Bits(Bits.bitWidth - 1)
        actual.withUnsafeBytes { actual in
            reference.withUnsafeBytes { reference in
                let width = MemoryLayout<Bits>.size
                for offset in stride(from: 0, to: min(actual.count, reference.count) / width * width, by: width) {
                    let own = actual.loadUnaligned(fromByteOffset: offset, as: Bits.self)
                    let other = reference.loadUnaligned(fromByteOffset: offset, as: Bits.self)
                    let (magnitude, otherMagnitude) = (own & ~sign, other & ~sign)
                    guard magnitude < infinity, otherMagnitude < infinity else { continue }
                    let larger = max(magnitude, otherMagnitude)
                    let smaller = min(magnitude, otherMagnitude)
                    // Magnitudes of opposite signs lie on both sides of zero; both are below half of the range.
                    let distance = (own ^ other) & sign == 0 ? larger &- smaller : larger &+ smaller
                    counts.count(UInt64(truncatingIfNeeded: distance))
                }
            }
        }
        return counts
    }
}

/// How often each distance was met: one counter for each below 1,024, 64 for each doubling above.
private struct DistanceCounts {
    private(set) var total = 0
    private(set) var maximum: UInt64 = 0
    private var counters = [Int](repeating: 0, count: exact + (64 - exactBits) * perDoubling)

    private static let exactBits = 10
    private static let exact = 1 << exactBits
    private static let doublingBits = 6
    private static let perDoubling = 1 << doublingBits

    mutating func count(_ distance: UInt64) {
        total += 1
        if distance > maximum { maximum = distance }
        counters[Self.counter(of: distance)] += 1
    }

    /// The smallest distance that at least this percentage of all does not exceed.
    func percentile(_ percentage: Int) -> UInt64 {
        let (share, rest) = total.quotientAndRemainder(dividingBy: 100)
        // ⌈total · percentage / 100⌉ without overflow.
        let rank = max(share * percentage + (rest * percentage + 99) / 100, 1)
        var passed = 0
        for (index, count) in counters.enumerated() {
            passed += count
            if passed >= rank { return Self.lowest(of: index) }
        }
        return maximum
    }

    private static func counter(of distance: UInt64) -> Int {
        guard distance >= exact else { return Int(distance) }
        let exponent = 63 - distance.leadingZeroBitCount
        let step = Int((distance >> UInt64(exponent - doublingBits)) & UInt64(perDoubling - 1))
        return exact + (exponent - exactBits) * perDoubling + step
    }

    private static func lowest(of counter: Int) -> UInt64 {
        guard counter >= exact else { return UInt64(counter) }
        let (doubling, step) = (counter - exact).quotientAndRemainder(dividingBy: perDoubling)
        return UInt64(perDoubling + step) << UInt64(doubling + exactBits - doublingBits)
    }
}
