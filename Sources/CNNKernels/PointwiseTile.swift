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
    @inline(never)
    func compute(_ pixels: Range<Int>) -> Range<Int> {
        #if KERNELS_AVX512
            // The general tile has twice as many pixels there.
            return pixels
        #else
            let c = Vector.scalarCount
            let bias0 = operands.bias.map { load($0 + block * c) } ?? .zero
            let bias1 = operands.bias.map { load($0 + (block + 1) * c) } ?? .zero
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
                let out0 = operands.output + (block * operands.outputStride + first * c)
                let out1 = out0 + operands.outputStride
                if let residual = operands.residual {
                    let addend0 = residual + (block * operands.residualStride + first * c)
                    let addend1 = addend0 + operands.residualStride
                    store(activation(s00 + bias0 + load(addend0)), out0)
                    store(activation(s01 + bias1 + load(addend1)), out1)
                    store(activation(s10 + bias0 + load(addend0 + c)), out0 + c)
                    store(activation(s11 + bias1 + load(addend1 + c)), out1 + c)
                    store(activation(s20 + bias0 + load(addend0 + 2 * c)), out0 + 2 * c)
                    store(activation(s21 + bias1 + load(addend1 + 2 * c)), out1 + 2 * c)
                    store(activation(s30 + bias0 + load(addend0 + 3 * c)), out0 + 3 * c)
                    store(activation(s31 + bias1 + load(addend1 + 3 * c)), out1 + 3 * c)
                    store(activation(s40 + bias0 + load(addend0 + 4 * c)), out0 + 4 * c)
                    store(activation(s41 + bias1 + load(addend1 + 4 * c)), out1 + 4 * c)
                    store(activation(s50 + bias0 + load(addend0 + 5 * c)), out0 + 5 * c)
                    store(activation(s51 + bias1 + load(addend1 + 5 * c)), out1 + 5 * c)
                } else {
                    store(activation(s00 + bias0), out0)
                    store(activation(s01 + bias1), out1)
                    store(activation(s10 + bias0), out0 + c)
                    store(activation(s11 + bias1), out1 + c)
                    store(activation(s20 + bias0), out0 + 2 * c)
                    store(activation(s21 + bias1), out1 + 2 * c)
                    store(activation(s30 + bias0), out0 + 3 * c)
                    store(activation(s31 + bias1), out1 + 3 * c)
                    store(activation(s40 + bias0), out0 + 4 * c)
                    store(activation(s41 + bias1), out1 + 4 * c)
                    store(activation(s50 + bias0), out0 + 5 * c)
                    store(activation(s51 + bias1), out1 + 5 * c)
                }
                first += Self.pixels
            }
            return first..<pixels.upperBound
        #endif
    }
}
