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
    /// `output[j, i] = input[i, j]` for the input columns `columns` (the output's rows) of a matrix `[rows, …]`.
    func transpose(
        input: UnsafePointer<Float>, inputRowStride: Int, rows: Int, output: UnsafeMutablePointer<Float>,
        outputRowStride: Int, columns: Range<Int>)
}
