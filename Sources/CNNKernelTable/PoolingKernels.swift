/// Pooling over windows and over whole maps, one image a call.
///
/// `inputStride` and `outputStride` are the distances from one channel block (blocked) or channel (planar) to the next. Cells beyond the map never
/// take part in a maximum; NaN in the window gives NaN.
package protocol PoolingKernels {
    /// Blocked, two spatial dimensions at most: output rows `rows` of channel blocks `blocks`.
    func maxPoolBlocked(
        _ geometry: WindowGeometry, input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>,
        outputStride: Int, blocks: Range<Int>, rows: Range<Int>)
    /// Planar, up to three spatial dimensions: whole maps of channels `channels`.
    func maxPoolPlanar(
        _ geometry: WindowGeometry, input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>,
        outputStride: Int, channels: Range<Int>)
    /// As `maxPoolBlocked`. The divisor is the number of cells in the window that lie in the map, or, with `countPadding`, in
    /// the map and its padding (ONNX count_include_pad; what ceil mode adds beyond never counts).
    func averagePoolBlocked(
        _ geometry: WindowGeometry, countPadding: Bool, input: UnsafePointer<Float>, inputStride: Int,
        output: UnsafeMutablePointer<Float>, outputStride: Int, blocks: Range<Int>, rows: Range<Int>)
    /// As `maxPoolPlanar`, with the divisor of `averagePoolBlocked`.
    func averagePoolPlanar(
        _ geometry: WindowGeometry, countPadding: Bool, input: UnsafePointer<Float>, inputStride: Int,
        output: UnsafeMutablePointer<Float>, outputStride: Int, channels: Range<Int>)

    /// Mean over the `pixels` pixels of each channel: blocked input, output `[blocks][c]` (which is planar as well: one value
    /// a channel). Writes the blocks `blocks`.
    func globalAverageBlocked(
        input: UnsafePointer<Float>, inputStride: Int, pixels: Int, output: UnsafeMutablePointer<Float>, blocks: Range<Int>)
    /// Maximum over the pixels of each channel, as `globalAverageBlocked`.
    func globalMaxBlocked(
        input: UnsafePointer<Float>, inputStride: Int, pixels: Int, output: UnsafeMutablePointer<Float>, blocks: Range<Int>)
    /// Mean over the `pixels` consecutive elements of each channel (also ReduceMean over trailing axes).
    func globalAveragePlanar(
        input: UnsafePointer<Float>, inputStride: Int, pixels: Int, output: UnsafeMutablePointer<Float>, channels: Range<Int>)
    /// Maximum over the `pixels` consecutive elements of each channel.
    func globalMaxPlanar(
        input: UnsafePointer<Float>, inputStride: Int, pixels: Int, output: UnsafeMutablePointer<Float>, channels: Range<Int>)
}
