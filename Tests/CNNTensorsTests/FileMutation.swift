/// Damages the bytes of a file in the ways that find the holes of a parser: flipped bits, extreme bytes, removed, repeated
/// and exchanged runs, extreme numbers, a cut. Seeded, so that a failure can be repeated.
struct FileMutation {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// The next number of SplitMix64 (Steele, Lea, Flood 2014).
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    private mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }

    /// The bytes with one to four damages.
    mutating func damaged(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0...below(4) where !bytes.isEmpty { damage(&bytes) }
        return bytes
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        let place = below(bytes.count)
        switch below(8) {
        case 0: bytes[place] ^= 1 << UInt8(below(8))
        case 1: bytes[place] = [0x00, 0xFF, 0x7F, 0x80, 0x22, 0x7B, 0x5B, 0x2C, 0x39][below(9)]
        case 2: bytes.removeSubrange(place..<min(place + 1 + below(8), bytes.count))
        case 3: bytes.insert(contentsOf: bytes[place..<min(place + 1 + below(16), bytes.count)], at: below(bytes.count))
        case 4: bytes.swapAt(place, below(bytes.count))
        case 5:
            let width = [2, 4, 8][below(3)]
            for index in place..<min(place + width, bytes.count) { bytes[index] = 0xFF }
        case 6: bytes.removeSubrange(place...)
        default:
            bytes.replaceSubrange(
                place..<min(place + 1, bytes.count), with: Array("99999999999999999999".utf8).prefix(1 + below(20)))
        }
    }
}
