/// One channel of a map: where its pixels lie.
package struct ChannelSource {
    package let pixels: UnsafePointer<Float>
    /// Floats from one pixel to the next: 1 in the planar layout, the channel block in the blocked one.
    package let step: Int

    package init(pixels: UnsafePointer<Float>, step: Int) {
        self.pixels = pixels
        self.step = step
    }
}

/// Moves between layouts. Strides are elements from one channel (planar) or channel block (blocked) to the next.
package protocol LayoutKernels {
    /// Planar `[channels][pixels]` to blocked: writes the blocks `blocks`, the missing channels of the last one as zeros.
    func planarToBlocked(
        input: UnsafePointer<Float>, inputStride: Int, channels: Int, pixels: Int, output: UnsafeMutablePointer<Float>,
        outputStride: Int, blocks: Range<Int>)
    /// Blocked to planar: reads the blocks `blocks` and writes those of their channels that exist.
    func blockedToPlanar(
        input: UnsafePointer<Float>, inputStride: Int, channels: Int, pixels: Int, output: UnsafeMutablePointer<Float>,
        outputStride: Int, blocks: Range<Int>)
    /// Puts channels side by side, `block` floats a pixel; lanes beyond the last channel are written as zeros.
    func gatherChannels(
        _ channels: UnsafeBufferPointer<ChannelSource>, pixels: Int, block: Int, output: UnsafeMutablePointer<Float>)
    /// `output[j, i] = input[i, j]` for the input columns `columns` (the output's rows) of a matrix `[rows, …]`.
    func transpose(
        input: UnsafePointer<Float>, inputRowStride: Int, rows: Int, output: UnsafeMutablePointer<Float>,
        outputRowStride: Int, columns: Range<Int>)
}
