import CNNTensors

/// Random numbers that are the same in every run (SplitMix64).
struct RandomNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// Float32 numbers between −1 and 1 times a power of two between 1/8 and 8, of mixed magnitudes.
    mutating func tensor(_ dimensions: [Int], positive: Bool = false) throws -> Tensor {
        let shape = try Shape(dimensions)
        let values = (0..<shape.elementCount).map { _ in
            let size = Float.random(in: -1...1, using: &self) * ([0.125, 0.5, 1, 2, 8].randomElement(using: &self) ?? 1)
            return positive ? size.magnitude + 0.01 : size
        }
        return try Tensor(values, shape: shape)
    }

    /// The sum in float32 of products in float32, in a random order and association, with fused multiply-adds at random.
    mutating func sum(_ factors: [[Double]]) -> Float {
        var parts: [Float] = []
        for addend in factors.shuffled(using: &self) {
            let numbers = addend.map { Float($0) }
            if numbers.count == 2, !parts.isEmpty, Bool.random(using: &self) {
                parts[parts.count - 1] = parts[parts.count - 1].addingProduct(numbers[0], numbers[1])
            } else {
                parts.append(numbers.dropFirst().reduce(numbers[0], *))
            }
        }
        while parts.count > 1 {
            let second = parts.remove(at: Int.random(in: 0..<parts.count, using: &self))
            let first = Int.random(in: 0..<parts.count, using: &self)
            parts[first] += second
        }
        return parts.first ?? 0
    }
}
