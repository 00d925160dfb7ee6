/// The random numbers of NumPy's `RandomState`: the generator MT19937 (Matsumoto and Nishimura 1998), seeded with one
/// number. ONNX's reference draws Dropout's masks from it, so equal seeds give equal masks.
struct MersenneTwister {
    private var state: [UInt32]
    private var position: Int

    private static let size = 624
    private static let shift = 397

    init(seed: UInt32) {
        state = [seed]
        for index in 1..<Self.size {
            let last = state[index - 1]
            state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(index))
        }
        position = Self.size
    }

    private mutating func next() -> UInt32 {
        if position == Self.size { refill() }
        var word = state[position]
        position += 1
        word ^= word >> 11
        word ^= word << 7 & 0x9D2C_5680
        word ^= word << 15 & 0xEFC6_0000
        return word ^ word >> 18
    }

    private mutating func refill() {
        for index in 0..<Self.size {
            let word = state[index] & 0x8000_0000 | state[(index + 1) % Self.size] & 0x7FFF_FFFF
            let twist: UInt32 = word & 1 == 0 ? 0 : 0x9908_B0DF
            state[index] = state[(index + Self.shift) % Self.size] ^ word >> 1 ^ twist
        }
        position = 0
    }

    /// The next number of the uniform distribution over 0 ..< 1, of 53 random bits.
    mutating func nextUniform() -> Double {
        let (high, low) = (next() >> 5, next() >> 6)
        return (Double(high) * 67_108_864 + Double(low)) / 9_007_199_254_740_992
    }
}
