import CNNKernelTable

extension Kernels {
    /// Two multipliers of up to five cycles' latency need ten chains; twelve fit into sixteen registers beside the factor and
    /// the addend.
    private static let chains = 12

    package var multiplyAddsPerRound: Int { Self.chains * Vector.scalarCount }

    package func multiplyInRegisters(rounds: Int) -> Float {
        // Neither a fixed point nor a denormal number is near: x ← 0.9·x + 1 tends to 10.
        let (factor, addend) = (Vector(repeating: 0.9), Vector(repeating: 1))
        var (a, b, c, d) = (Vector(repeating: 1), Vector(repeating: 2), Vector(repeating: 3), Vector(repeating: 4))
        var (e, f, g, h) = (Vector(repeating: 5), Vector(repeating: 6), Vector(repeating: 7), Vector(repeating: 8))
        var (i, j, k, l) = (Vector(repeating: 9), Vector(repeating: 11), Vector(repeating: 12), Vector(repeating: 13))
        for _ in 0..<rounds {
            a = multiplyAdd(addend, a, factor)
            b = multiplyAdd(addend, b, factor)
            c = multiplyAdd(addend, c, factor)
            d = multiplyAdd(addend, d, factor)
            e = multiplyAdd(addend, e, factor)
            f = multiplyAdd(addend, f, factor)
            g = multiplyAdd(addend, g, factor)
            h = multiplyAdd(addend, h, factor)
            i = multiplyAdd(addend, i, factor)
            j = multiplyAdd(addend, j, factor)
            k = multiplyAdd(addend, k, factor)
            l = multiplyAdd(addend, l, factor)
        }
        return horizontalSum((a + b + c) + (d + e + f) + (g + h + i) + (j + k + l))
    }
}
