import CNNTensors

/// Input arrays that follow from a seed, with the same bits on every machine: only whole numbers and exact divisions take part.
enum SeededInput {
    /// More elements than the inputs of a network have would only exhaust the memory of whoever opens a hostile file.
    private static let elementLimit = 1 << 28

    /// The array at this position among a model's inputs.
    ///
    /// Floating-point elements are the sum of twelve uniform numbers k/2^16 less 6: nearly normal with mean 0 and variance 1
    /// (Irwin–Hall), a multiple of 2^−16 below 6 and so exact in float32. Whole numbers are 0 to 9, truth values a coin.
    /// - Throws: `SelfCheckError` for other types and for absurd sizes.
    static func tensor(_ dataType: DataType, _ shape: Shape, seed: UInt64, position: Int) throws -> Tensor {
        guard shape.elementCount <= elementLimit else { throw SelfCheckError("an input of shape \(shape) is too large") }
        // A stream of its own for each input.
        var random = SplitMix64(seed: seed &+ UInt64(truncatingIfNeeded: position) &* 0xD1B5_4A32_D192_ED03)
        switch dataType {
        case .float16, .bfloat16, .float32, .float64:
            let values = (0..<shape.elementCount).map { _ -> Double in
                var sum = 0
                for _ in 0..<3 {
                    let word = random.next()
                    for part in 0..<4 { sum += Int(word >> UInt64(16 * part) & 0xFFFF) }
                }
                return Double(sum) * 0x1p-16 - 6
            }
            return try Tensor(rounding: values, to: dataType, shape: shape)
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64:
            return try Tensor(
                exactly: (0..<shape.elementCount).map { _ in Int64(random.next() % 10) }, as: dataType, shape: shape)
        case .bool: return try Tensor(bools: (0..<shape.elementCount).map { _ in random.next() & 1 == 1 }, shape: shape)
        default: throw SelfCheckError("there is no recipe for inputs of type \(dataType)")
        }
    }
}

/// The signs of a projection.
struct ProjectionSigns {
    private var random: SplitMix64
    private var word: UInt64 = 0
    private var rest = 0

    init(index: Int) { random = SplitMix64(seed: 0x5E1F_C4EC &+ UInt64(truncatingIfNeeded: index)) }

    /// The next sign: 1 or −1.
    mutating func next() -> Double {
        if rest == 0 { (word, rest) = (random.next(), 64) }
        defer { (word, rest) = (word >> 1, rest - 1) }
        return word & 1 == 0 ? 1 : -1
    }
}
