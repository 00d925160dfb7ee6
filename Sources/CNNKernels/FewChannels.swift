import CNNKernelTable

/// The first layer of a network where it gives few channels, which would leave lanes idle: here the lanes of a vector are pixels side by
/// side. A register tile is six channels by a vector of pixels in each of two rows; the sums are transposed when they are stored.
struct FewChannels {
    let band: ImageBand
    let image: UnsafePointer<Float>
    let operands: ConvolutionOperands
    let activation: VectorActivation
    let outputChannels: Int
    let taps: UnsafeBufferPointer<Int>

    private static let channels = 6

    /// Whether the channels fit one tile, and the tile a block.
    static func suits(_ geometry: ConvolutionGeometry) -> Bool {
        Vector.scalarCount >= 8 && geometry.outputChannels <= channels && geometry.window.stride.width == 1
    }

    @inline(never)
    func compute(rows: Range<Int>) {
        let c = Vector.scalarCount
        let width = band.window.output.width
        withUnsafeTemporaryAllocation(of: Vector.self, capacity: 2 * 8) { sums in
            let sums = sums.baseAddress.unsafelyUnwrapped
            // What the transposition takes for the channels that there are not.
            (sums + 2 * Self.channels).initialize(repeating: .zero, count: 4)
            var row = image
            for y in stride(from: rows.lowerBound, to: rows.upperBound, by: 2) {
                // A last row without a neighbour is its own.
                let hasNext = y + 1 < rows.upperBound
                let next = hasNext ? row + band.rowStep : row
                let output = operands.output + y * width * c
                for x in stride(from: 0, to: width, by: c) {
                    accumulate(sums, row + x, next + x)
                    finish(sums)
                    let count = min(width - x, c)
                    store(sums, output + x * c, count)
                    if hasNext { store(sums + 1, output + (width + x) * c, count) }
                }
                row += 2 * band.rowStep
            }
        }
        // The channels beyond those of the tile are zero anyway.
        if outputChannels < Self.channels {
            operands.clearMissingChannels(
                of: 0..<1, outputChannels: outputChannels, pixels: rows.lowerBound * width..<rows.upperBound * width)
        }
    }

    /// Sums in the order of all first convolutions, `[channel][row]`.
    @inline(never)
    private func accumulate(
        _ result: UnsafeMutablePointer<Vector>, _ upper: UnsafePointer<Float>, _ lower: UnsafePointer<Float>
    ) {
        var sums0 = RowPair()
        var sums1 = RowPair()
        var sums2 = RowPair()
        var sums3 = RowPair()
        var sums4 = RowPair()
        var sums5 = RowPair()
        var weights = operands.weights
        for offset in taps {
            let x = (load(upper + offset), load(lower + offset))
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

    /// Adds the bias to the sums and applies the activation.
    @inline(__always)
    private func finish(_ sums: UnsafeMutablePointer<Vector>) {
        for channel in 0..<Self.channels {
            let bias = Vector(repeating: operands.bias.map { $0[channel] } ?? 0)
            let sums = sums + 2 * channel
            sums[0] = activation(sums[0] + bias)
            sums[1] = activation(sums[1] + bias)
        }
    }

    /// Stores the first `count` pixels of a row, of each channel every other vector.
    @inline(__always)
    private func store(_ sums: UnsafePointer<Vector>, _ output: UnsafeMutablePointer<Float>, _ count: Int) {
        let c = Vector.scalarCount
        var first = 0
        while first < count {
            let four = UnsafeRawPointer(sums) + first * MemoryLayout<Float>.stride
            let low = transpose(four)
            let high = transpose(four + 8 * MemoryLayout<Vector>.stride)
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
    private func transpose(_ sums: UnsafeRawPointer) -> (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>, SIMD4<Float>) {
        func channel(_ index: Int) -> SIMD4<Float> {
            (sums + 2 * index * MemoryLayout<Vector>.stride).loadUnaligned(as: SIMD4<Float>.self)
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
private struct RowPair {
    var upper = Vector.zero
    var lower = Vector.zero

    @inline(__always)
    mutating func add(_ x: (Vector, Vector), _ weight: Float) {
        let weight = Vector(repeating: weight)
        upper = multiplyAdd(upper, x.0, weight)
        lower = multiplyAdd(lower, x.1, weight)
    }

    @inline(__always)
    func store(_ result: UnsafeMutablePointer<Vector>) {
        result[0] = upper
        result[1] = lower
    }
}
