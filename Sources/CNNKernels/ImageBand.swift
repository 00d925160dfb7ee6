import CNNKernelTable

/// The part of an image, with the zeros around it, that some output rows see: `[channels][inputRows][rowStride]`.
struct ImageBand {
    let window: WindowGeometry
    let channels: Int
    /// Output rows.
    let rows: Int
    let rowStride: Int
    let channelStride: Int

    /// Pixels that a run, or a vector of pixels, may have beyond the end of a row.
    private static let excess = Vector.scalarCount - 1
    /// A band stays in the second-level cache, together with what is written meanwhile.
    private static let byteCount = 128 * 1024

    /// - Parameters:
    ///   - rows: output rows; nil for as many as stay in the cache.
    ///   - excess: pixels that a register tile may have beyond the end of a row.
    init(_ geometry: ConvolutionGeometry, rows: Int? = nil, excess: Int = excess) {
        window = geometry.window
        channels = geometry.inputChannels
        let reach = (window.kernel.height - 1) * window.dilation.height + 1
        rowStride =
            (window.output.width - 1 + excess) * window.stride.width + (window.kernel.width - 1) * window.dilation.width
            + 1
        let inputRows = Self.byteCount / MemoryLayout<Float>.stride / (channels * rowStride)
        self.rows = rows ?? min(max((inputRows - reach) / window.stride.height + 1, 1), window.output.height)
        channelStride = ((self.rows - 1) * window.stride.height + reach) * rowStride
    }

    var count: Int { channels * channelStride }

    /// Whether the band of a single output row is not out of all proportion: strides, dilations and pads may be of any size.
    static func isSmall(_ geometry: ConvolutionGeometry) -> Bool {
        let window = geometry.window
        func extent(_ size: Int, _ stride: Int, _ kernel: Int, _ dilation: Int) -> Double {
            Double(size) * Double(stride) + Double(kernel) * Double(dilation)
        }
        let width = extent(
            window.output.width + excess, window.stride.width, window.kernel.width, window.dilation.width)
        let height = extent(1, window.stride.height, window.kernel.height, window.dilation.height)
        return Double(geometry.inputChannels) * width * height <= 1_000_000
    }

    /// Where each tap of each channel lies, from the first: `[channels][kH][kW]`.
    func listTaps(_ taps: UnsafeMutableBufferPointer<Int>) {
        var index = 0
        for channel in 0..<channels {
            for row in 0..<window.kernel.height {
                for column in 0..<window.kernel.width {
                    taps[index] =
                        channel * channelStride + row * window.dilation.height * rowStride + column * window.dilation.width
                    index += 1
                }
            }
        }
    }

    /// Copies what the output rows `rows`, at most as many as the band has, see.
    func copy(
        _ image: UnsafePointer<Float>, channelStride stride: Int, rows: Range<Int>, to target: UnsafeMutablePointer<Float>
    ) {
        let left = min(window.padBegin.width, rowStride)
        let width = min(window.input.width, rowStride - left)
        let top = rows.lowerBound * window.stride.height - window.padBegin.height
        let inputRows = (rows.count - 1) * window.stride.height + (window.kernel.height - 1) * window.dilation.height + 1
        for channel in 0..<channels {
            var row = target + channel * channelStride
            for y in top..<top + inputRows {
                if y >= 0 && y < window.input.height {
                    row.update(repeating: 0, count: left)
                    (row + left).update(from: image + (channel * stride + y * window.input.width), count: width)
                    (row + (left + width)).update(repeating: 0, count: rowStride - left - width)
                } else {
                    row.update(repeating: 0, count: rowStride)
                }
                row += rowStride
            }
        }
    }

    /// Floats from the input of an output row to that of the next.
    var rowStep: Int { window.stride.height * rowStride }
}
