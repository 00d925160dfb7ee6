import CNNKernelSelection
import CNNKernelTable
import Testing

/// A table as a test argument, printed by its name.
struct TableUnderTest: Sendable, CustomTestStringConvertible {
    let kernels: any KernelTable

    var testDescription: String { kernels.name }

    /// Every table that this processor can run.
    static let all = KernelSelection.available.map(TableUnderTest.init)
}

/// Memory for one operand, with a margin on both sides that no kernel may write.
final class Buffer {
    private static let margin = 32
    private static let untouched: Float = -12345.678
    private let memory: UnsafeMutableBufferPointer<Float>
    let count: Int

    /// `count` elements that hold NaN: a kernel that reads what it should have written shows it.
    init(unwritten count: Int) {
        self.count = count
        memory = .allocate(capacity: count + 2 * Self.margin)
        memory.initialize(repeating: Self.untouched)
        for index in 0..<count { memory[Self.margin + index] = .nan }
    }

    convenience init(_ values: [Float]) {
        self.init(unwritten: values.count)
        for (index, value) in values.enumerated() { memory[Self.margin + index] = value }
    }

    deinit { memory.deallocate() }

    var pointer: UnsafeMutablePointer<Float> { memory.baseAddress.unsafelyUnwrapped + Self.margin }
    var constant: UnsafePointer<Float> { UnsafePointer(pointer) }
    var values: [Float] { (0..<count).map { pointer[$0] } }

    /// Whether nothing was written outside the elements.
    var isIntact: Bool {
        memory[..<Self.margin].allSatisfy { $0 == Self.untouched }
            && memory[(Self.margin + count)...].allSatisfy { $0 == Self.untouched }
    }
}

/// Reproducible numbers (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }
}

/// A sum of products in Double, and Σ|a·b| beside it, from which the error bound of the same sum in float32 follows.
struct ExactSum {
    var value = 0.0
    var magnitude = 0.0
    var terms = 0

    mutating func add(_ left: Float, _ right: Float = 1) {
        let product = Double(left) * Double(right)
        value += product
        magnitude += abs(product)
        terms += 1
    }

    /// The bound of Higham, *Accuracy and Stability of Numerical Algorithms*, §3.1: a sum of n products in any order, however
    /// fused, is off by at most γₙ Σ|a·b| with γₙ = n·u/(1 − n·u), u = 2⁻²⁴. `extra` counts further roundings (a scale, an
    /// activation's slope, a division); the smallest subnormal covers underflow.
    func bound(extra: Int = 1) -> Double {
        let nu = Double(terms + extra) * 0x1p-24
        return nu / (1 - nu) * magnitude + 0x1p-149
    }
}

extension Activation {
    func exact(_ x: Double) -> Double {
        if x.isNaN { return x }
        return min(max(x < 0 ? Double(slope) * x : x, Double(lower)), Double(upper))
    }
}

/// Blocked `[blocks][pixels][c]` from planar, zeros in the missing channels, by definition and not by the kernel.
func blocked(_ planar: [Float], channels: Int, pixels: Int, block c: Int) -> [Float] {
    let blocks = (channels + c - 1) / c
    var result = [Float](repeating: 0, count: blocks * pixels * c)
    for channel in 0..<channels {
        for pixel in 0..<pixels {
            result[(channel / c * pixels + pixel) * c + channel % c] = planar[channel * pixels + pixel]
        }
    }
    return result
}

/// The inverse of `blocked`.
func planar(_ blocked: [Float], channels: Int, pixels: Int, block c: Int) -> [Float] {
    var result = [Float](repeating: 0, count: channels * pixels)
    for channel in 0..<channels {
        for pixel in 0..<pixels {
            result[channel * pixels + pixel] = blocked[(channel / c * pixels + pixel) * c + channel % c]
        }
    }
    return result
}

func padded(_ values: [Float], to count: Int) -> [Float] {
    values + [Float](repeating: 0, count: count - values.count)
}

/// Cuts a range at a few places, so that the pieces have odd sizes.
func pieces(_ range: Range<Int>, seed: UInt64) -> [Range<Int>] {
    var numbers = SeededNumbers(seed: seed)
    let cuts = (0..<3).map { _ in Int.random(in: range.lowerBound...range.upperBound, using: &numbers) }.sorted()
    let bounds = [range.lowerBound] + cuts + [range.upperBound]
    return zip(bounds, bounds.dropFirst()).map { $0..<$1 }
}

func sameBits(_ left: [Float], _ right: [Float]) -> Bool {
    left.map(\.bitPattern) == right.map(\.bitPattern)
}
