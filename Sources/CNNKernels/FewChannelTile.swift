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

    /// Of the sums `[channel][4]` of four rows, makes the first vector the largest of each 2×2 of the upper two rows, and then of the others.
    @inline(__always)
    func poolPairs(_ sums: UnsafeMutablePointer<Vector>) {
        for channel in 0..<Self.channels {
            let rows = sums + 4 * channel
            let (upper, lower) = (maximum(rows[0], rows[1]), maximum(rows[2], rows[3]))
            let left = Vector(lowHalf: upper.evenHalf, highHalf: lower.evenHalf)
            let right = Vector(lowHalf: upper.oddHalf, highHalf: lower.oddHalf)
            rows[0] = maximum(left, right)
        }
    }

    /// Adds the bias to the first `rows` of the sums `[channel][all]` and applies the activation.
    @inline(__always)
    func finish(_ sums: UnsafeMutablePointer<Vector>, rows: Int, of all: Int) {
        for channel in 0..<Self.channels {
            let bias = Vector(repeating: operands.bias.map { $0[channel] } ?? 0)
            for row in 0..<rows {
                let sum = sums + (channel * all + row)
                sum.pointee = activation(sum.pointee + bias)
            }
        }
    }

    /// Stores the first `count` pixels of a row of sums, in which a channel's begin `rows` vectors behind those of the one before it.
    @inline(__always)
    func store(_ sums: UnsafePointer<Float>, rows: Int, _ output: UnsafeMutablePointer<Float>, _ count: Int) {
        let c = Vector.scalarCount
        var first = 0
        while first < count {
            let four = sums + first
            let low = Square(four, step: rows * c).transposed
            let high = Square(four + 4 * rows * c, step: rows * c).transposed
            let target = UnsafeMutableRawPointer(output + first * c)
            store(low.row0, high.row0, target)
            if first + 1 < count { store(low.row1, high.row1, target + MemoryLayout<Vector>.stride) }
            if first + 2 < count { store(low.row2, high.row2, target + 2 * MemoryLayout<Vector>.stride) }
            if first + 3 < count { store(low.row3, high.row3, target + 3 * MemoryLayout<Vector>.stride) }
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
