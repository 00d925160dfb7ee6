import CNNKernelTable

/// Two output blocks of a convolution 1×1 with stride 1 and without padding: pixels lie side by side, so that a register tile has one
/// address for all, and no borders. What the general tile spends on finding its pixels and on handing its sums on is as much as
/// the arithmetic where there are few input channels. The sums are the same, bit for bit.
///
/// Written out, and not built of parts like the general tile: with that many parts in one function the compiler stops inlining
/// them, and the sums leave the registers.
struct PointwiseTile {
    let operands: ConvolutionOperands
    let activation: VectorActivation
    /// The first of the two output blocks.
    let block: Int
    /// The first input block of the group.
    let input: UnsafePointer<Float>
    let weights: UnsafePointer<Float>
    let inputBlocks: Int
    /// The lanes of an input block, as a variable: unrolled by a constant, the loop over them hoists more loads than there are registers.
    let lanes: Int

    private static var pixels: Int { 6 }

    /// Computes whole tiles.
    /// - Returns: the pixels that remain.
    func compute(_ pixels: Range<Int>) -> Range<Int> {
        #if KERNELS_AVX512
            // The general tile has twice as many pixels there.
            return pixels
        #else
            return withUnsafeTemporaryAllocation(of: Vector.self, capacity: 2 * Self.pixels) { sums in
                compute(pixels, sums.baseAddress.unsafelyUnwrapped)
            }
        #endif
    }

    /// - Parameter sums: room for `[pixel][block]`.
    @inline(never)
    private func compute(_ pixels: Range<Int>, _ sums: UnsafeMutablePointer<Vector>) -> Range<Int> {
        let c = Vector.scalarCount
        var first = pixels.lowerBound
        while first + Self.pixels <= pixels.upperBound {
            var s00 = Vector.zero
            var s01 = Vector.zero
            var s10 = Vector.zero
            var s11 = Vector.zero
            var s20 = Vector.zero
            var s21 = Vector.zero
            var s30 = Vector.zero
            var s31 = Vector.zero
            var s40 = Vector.zero
            var s41 = Vector.zero
            var s50 = Vector.zero
            var s51 = Vector.zero
            var weight = weights
            var source = input + first * c
            for _ in 0..<inputBlocks {
                var pointer = source
                let end = pointer + lanes
                repeat {
                    let w0 = load(weight)
                    let w1 = load(weight + c)
                    weight += 2 * c
                    var x = Vector(repeating: pointer.pointee)
                    s00 = multiplyAdd(s00, x, w0)
                    s01 = multiplyAdd(s01, x, w1)
                    x = Vector(repeating: pointer[c])
                    s10 = multiplyAdd(s10, x, w0)
                    s11 = multiplyAdd(s11, x, w1)
                    x = Vector(repeating: pointer[2 * c])
                    s20 = multiplyAdd(s20, x, w0)
                    s21 = multiplyAdd(s21, x, w1)
                    x = Vector(repeating: pointer[3 * c])
                    s30 = multiplyAdd(s30, x, w0)
                    s31 = multiplyAdd(s31, x, w1)
                    x = Vector(repeating: pointer[4 * c])
                    s40 = multiplyAdd(s40, x, w0)
                    s41 = multiplyAdd(s41, x, w1)
                    x = Vector(repeating: pointer[5 * c])
                    s50 = multiplyAdd(s50, x, w0)
                    s51 = multiplyAdd(s51, x, w1)
                    pointer += 1
                } while pointer < end
                source += operands.inputStride
            }
            sums[0] = s00
            sums[1] = s01
            sums[2] = s10
            sums[3] = s11
            sums[4] = s20
            sums[5] = s21
            sums[6] = s30
            sums[7] = s31
            sums[8] = s40
            sums[9] = s41
            sums[10] = s50
            sums[11] = s51
            finish(sums, first)
            first += Self.pixels
        }
        return first..<pixels.upperBound
    }

    /// Adds bias and residual to the sums of a tile, applies the activation and stores.
    @inline(__always)
    private func finish(_ sums: UnsafeMutablePointer<Vector>, _ first: Int) {
        let c = Vector.scalarCount
        for index in 0..<2 {
            let bias = operands.bias.map { load($0 + (block + index) * c) } ?? .zero
            let output = operands.output + ((block + index) * operands.outputStride + first * c)
            if let residual = operands.residual {
                let addend = residual + ((block + index) * operands.residualStride + first * c)
                for pixel in 0..<Self.pixels {
                    store(activation(sums[2 * pixel + index] + bias + load(addend + pixel * c)), output + pixel * c)
                }
            } else {
                for pixel in 0..<Self.pixels {
                    store(activation(sums[2 * pixel + index] + bias), output + pixel * c)
                }
            }
        }
    }
}
