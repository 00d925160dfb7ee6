/// A small generator of pseudo-random words with a state of one word: 64-bit addition, two xor-shift-multiply rounds and a
/// final xor-shift (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). It is stated here
/// because initial weights and inputs made from a seed must be the same on every platform and in every version of Swift.
package struct SplitMix64: Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    /// A number in `-1 ..< 1`, one of 2^24 that lie equally far apart: as many as a float32 tells apart there.
    package mutating func nextSymmetricUnit() -> Float {
        Float(Int32(truncatingIfNeeded: next() >> 40) - (1 << 23)) * 0x1p-23
    }
}
