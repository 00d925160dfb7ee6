import CNNKernelTable

/// Register tiles whose lanes are pixels side by side of one channel: six channels by two vectors.
struct FewChannelTile {
    let operands: ConvolutionOperands
    let activation: VectorActivation
    let outputChannels: Int
    /// Where the input of each tap lies, from that of the first.
    let taps: UnsafeBufferPointer<Int>

    static let channels = 6

    /// Whether the channels fit one tile, and the tile a block.
    static func suits(_ geometry: ConvolutionGeometry) -> Bool {
        Vector.scalarCount >= 8 && geometry.outputChannels <= channels && geometry.window.stride.width == 1
    }

    /// Calls `body` with room for the sums of some rows, `[channel][rows]`: those of channels that there are not, which are transposed
    /// with the others, are zero.
    @inline(__always)
    static func withSums(rows: Int, _ body: (UnsafeMutablePointer<Vector>) -> Void) {
        withUnsafeTemporaryAllocation(of: Vector.self, capacity: rows * 8) { sums in
            sums.initialize(repeating: .zero)
            body(sums.baseAddress.unsafelyUnwrapped)
        }
    }

    /// The channels of the block beyond those of the tile are zero anyway.
    func clearMissingChannels(pixels: Range<Int>) {
        if outputChannels < Self.channels {
            operands.clearMissingChannels(of: 0..<1, outputChannels: outputChannels, pixels: pixels)
        }
    }

    /// The sums of two vectors of pixels over all taps, `[channel][2]`.
    @inline(never)
    func accumulate(
        _ result: UnsafeMutablePointer<Vector>, _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>,
        _ weights: UnsafePointer<Float>
    ) {
        var sums0 = VectorPair()
        var sums1 = VectorPair()
        var sums2 = VectorPair()
        var sums3 = VectorPair()
        var sums4 = VectorPair()
        var sums5 = VectorPair()
        var weights = weights
        for offset in taps {
            let x = (load(first + offset), load(second + offset))
            sums0.add(x, weights[0])
            sums1.add(x, weights[1])
            sums2.add(x, weights[2])
            sums3.add(x, weights[3])
            sums4.add(x, weights[4])
            sums5.add(x, weights[5])
            weights += Vector.scalarCount
        }
        sums0.store(result)
        sums1.store(result + 2)
        sums2.store(result + 4)
        sums3.store(result + 6)
        sums4.store(result + 8)
        sums5.store(result + 10)
    }

    /// Adds the bias to the sums `[channel][rows]` and applies the activation.
    @inline(__always)
    func finish(_ sums: UnsafeMutablePointer<Vector>, rows: Int) {
        for channel in 0..<Self.channels {
            let bias = Vector(repeating: operands.bias.map { $0[channel] } ?? 0)
            for row in 0..<rows {
                let sum = sums + (channel * rows + row)
                sum.pointee = activation(sum.pointee + bias)
            }
        }
    }

    /// Stores the first `count` pixels of the first row of sums `[channel][rows]`.
    @inline(__always)
    func store(_ sums: UnsafePointer<Vector>, rows: Int, _ output: UnsafeMutablePointer<Float>, _ count: Int) {
        let c = Vector.scalarCount
        var first = 0
        while first < count {
            let four = UnsafeRawPointer(sums) + first * MemoryLayout<Float>.stride
            let low = transpose(four, rows)
            let high = transpose(four + 4 * rows * MemoryLayout<Vector>.stride, rows)
            let target = UnsafeMutableRawPointer(output + first * c)
            store(low.0, high.0, target)
            if first + 1 < count { store(low.1, high.1, target + MemoryLayout<Vector>.stride) }
            if first + 2 < count { store(low.2, high.2, target + 2 * MemoryLayout<Vector>.stride) }
            if first + 3 < count { store(low.3, high.3, target + 3 * MemoryLayout<Vector>.stride) }
            first += 4
        }
    }

    /// The channels of a pixel, and zeros up to a whole block.
    @inline(__always)
    private func store(_ low: SIMD4<Float>, _ high: SIMD4<Float>, _ target: UnsafeMutableRawPointer) {
        target.storeBytes(of: SIMD8(lowHalf: low, highHalf: high), as: SIMD8<Float>.self)
        if Vector.scalarCount > 8 {
            (target + MemoryLayout<SIMD8<Float>>.stride).storeBytes(of: .zero, as: SIMD8<Float>.self)
        }
    }

    /// Four pixels of four channels, those of each pixel side by side.
    @inline(__always)
    private func transpose(
        _ sums: UnsafeRawPointer, _ rows: Int
    ) -> (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>, SIMD4<Float>) {
        func channel(_ index: Int) -> SIMD4<Float> {
            (sums + rows * index * MemoryLayout<Vector>.stride).loadUnaligned(as: SIMD4<Float>.self)
        }
        let (low01, high01) = interleave(channel(0), channel(1))
        let (low23, high23) = interleave(channel(2), channel(3))
        return (
            SIMD4(lowHalf: low01.lowHalf, highHalf: low23.lowHalf),
            SIMD4(lowHalf: low01.highHalf, highHalf: low23.highHalf),
            SIMD4(lowHalf: high01.lowHalf, highHalf: high23.lowHalf),
            SIMD4(lowHalf: high01.highHalf, highHalf: high23.highHalf)
        )
    }

    @inline(__always)
    private func interleave(_ even: SIMD4<Float>, _ odd: SIMD4<Float>) -> (low: SIMD4<Float>, high: SIMD4<Float>) {
        var (low, high) = (SIMD4<Float>.zero, SIMD4<Float>.zero)
        (low.evenHalf, low.oddHalf) = (even.lowHalf, odd.lowHalf)
        (high.evenHalf, high.oddHalf) = (even.highHalf, odd.highHalf)
        return (low, high)
    }
}

/// The sums of one channel.
private struct VectorPair {
    var first = Vector.zero
    var second = Vector.zero

    @inline(__always)
    mutating func add(_ x: (Vector, Vector), _ weight: Float) {
        let weight = Vector(repeating: weight)
        first = multiplyAdd(first, x.0, weight)
        second = multiplyAdd(second, x.1, weight)
    }

    @inline(__always)
    func store(_ result: UnsafeMutablePointer<Vector>) {
        result[0] = first
        result[1] = second
    }
}
