import CNNKernelTable

extension Kernels {
    package func planarToBlocked(
        input: UnsafePointer<Float>, inputStride: Int, channels: Int, pixels: Int, output: UnsafeMutablePointer<Float>,
        outputStride: Int, blocks: Range<Int>
    ) {
        let c = Vector.scalarCount
        for block in blocks {
            let source = input + block * c * inputStride
            let target = output + block * outputStride
            let existing = min(c, channels - block * c)
            // A cache line of each channel at a time: with all channels at once, more lines than a set of the cache holds would come
            // from addresses a power of two apart.
            for first in stride(from: 0, to: pixels, by: 16) {
                let end = min(first + 16, pixels)
                transposeRectangle(
                    source + first, inputStride, rows: existing, columns: end - first, to: target + first * c, c)
                for lane in existing..<c {
                    for pixel in first..<end { target[pixel * c + lane] = 0 }
                }
            }
        }
    }

    package func blockedToPlanar(
        input: UnsafePointer<Float>, inputStride: Int, channels: Int, pixels: Int, output: UnsafeMutablePointer<Float>,
        outputStride: Int, blocks: Range<Int>
    ) {
        let c = Vector.scalarCount
        for block in blocks {
            let source = input + block * inputStride
            let target = output + block * c * outputStride
            let existing = min(c, channels - block * c)
            transposeRectangle(source, c, rows: pixels, columns: existing, to: target, outputStride)
        }
    }

    package func gatherChannels(
        _ channels: UnsafeBufferPointer<ChannelSource>, pixels: Int, block: Int, output: UnsafeMutablePointer<Float>
    ) {
        for (lane, channel) in channels.enumerated() {
            let (source, step, target) = (channel.pixels, channel.step, output + lane)
            if step == 1, block == 1 {
                target.update(from: source, count: pixels)
            } else {
                for pixel in 0..<pixels { target[pixel * block] = source[pixel * step] }
            }
        }
        for lane in channels.count..<max(block, channels.count) {
            for pixel in 0..<pixels { output[pixel * block + lane] = 0 }
        }
    }

    package func transpose(
        input: UnsafePointer<Float>, inputRowStride: Int, rows: Int, output: UnsafeMutablePointer<Float>,
        outputRowStride: Int, columns: Range<Int>
    ) {
        // Squares of 16, a cache line each way; four of them side by side in the output, whose pages are then met less often.
        for firstRow in stride(from: 0, to: rows, by: 64) {
            for firstColumn in stride(from: columns.lowerBound, to: columns.upperBound, by: 16) {
                for row in stride(from: firstRow, to: min(firstRow + 64, rows), by: 16) {
                    transposeRectangle(
                        input + (row * inputRowStride + firstColumn), inputRowStride, rows: min(16, rows - row),
                        columns: min(16, columns.upperBound - firstColumn),
                        to: output + (firstColumn * outputRowStride + row), outputRowStride)
                }
            }
        }
    }

    /// `output[j, i] = input[i, j]` for so many rows and columns of the input.
    @inline(__always)
    private func transposeRectangle(
        _ input: UnsafePointer<Float>, _ inputRowStride: Int, rows: Int, columns: Int,
        to output: UnsafeMutablePointer<Float>, _ outputRowStride: Int
    ) {
        let (wholeRow, wholeColumn) = (rows - rows % 4, columns - columns % 4)
        for column in stride(from: 0, to: wholeColumn, by: 4) {
            for row in stride(from: 0, to: wholeRow, by: 4) {
                Square(input + (row * inputRowStride + column), step: inputRowStride).transposed
                    .store(output + (column * outputRowStride + row), step: outputRowStride)
            }
        }
        for column in 0..<columns {
            for row in (column < wholeColumn ? wholeRow : 0)..<rows {
                output[column * outputRowStride + row] = input[row * inputRowStride + column]
            }
        }
    }
}

extension ConvolutionOperands {
    /// Zeros the lanes of a last block that no channel fills. Their sums are zero already, unless an infinite or undefined input has met
    /// the zero weights there (0 · ∞ is undefined), which would spread to every channel of the next layer.
    @inline(__always)
    func clearMissingChannels(of blocks: Range<Int>, outputChannels: Int, image: Int = 0, pixels: Range<Int>) {
        if blocks.upperBound * Vector.scalarCount > outputChannels {
            clearLastChannels(of: blocks.upperBound - 1, from: outputChannels, image, pixels)
        }
    }

    @inline(never)
    private func clearLastChannels(of block: Int, from outputChannels: Int, _ image: Int, _ pixels: Range<Int>) {
        let c = Vector.scalarCount
        let output = output + image * outputImageStride + block * outputStride
        var isMissing = SIMDMask<Vector.MaskStorage>(repeating: false)
        for lane in outputChannels - block * c..<c { isMissing[lane] = true }
        for pixel in pixels {
            store(load(output + pixel * c).replacing(with: 0, where: isMissing), output + pixel * c)
        }
    }
}
