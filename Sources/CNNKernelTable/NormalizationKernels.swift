/// Local response normalization (ONNX LRN): `y = x / (bias + alpha/size · Σ x²)^beta`, the sum over the channels from
/// c − ⌊(size−1)/2⌋ to c + ⌈(size−1)/2⌉ that exist.
package struct LocalResponse: Sendable, Hashable {
    package var size: Int
    package var alpha: Float
    package var beta: Float
    package var bias: Float

    package init(size: Int, alpha: Float, beta: Float, bias: Float) {
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.bias = bias
    }
}

/// Normalizations of one image.
package protocol NormalizationKernels {
    /// LRN on the blocked layout over pixels `pixels` of all `channels` channels. `scratch` holds `lrnScratchCount` floats.
    func lrnBlocked(
        _ response: LocalResponse, channels: Int, input: UnsafePointer<Float>, inputStride: Int,
        output: UnsafeMutablePointer<Float>, outputStride: Int, pixels: Range<Int>, scratch: UnsafeMutablePointer<Float>)
    func lrnScratchCount(_ response: LocalResponse, channels: Int) -> Int
    /// LRN on the planar layout over pixels `pixels` of all `channels` channels.
    func lrnPlanar(
        _ response: LocalResponse, channels: Int, input: UnsafePointer<Float>, inputStride: Int,
        output: UnsafeMutablePointer<Float>, outputStride: Int, pixels: Range<Int>)

    /// `y = activation(scale[channel]·x + shift[channel])` for all pixels of channel blocks `blocks` (BatchNormalization folded
    /// to a scale and a shift). `scale` and `shift` are padded to whole blocks. In place is allowed.
    func scaleShiftBlocked(
        input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>, outputStride: Int, pixels: Int,
        scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, activation: Activation, blocks: Range<Int>)
    /// The same on planar channels `channels`.
    func scaleShiftPlanar(
        input: UnsafePointer<Float>, inputStride: Int, output: UnsafeMutablePointer<Float>, outputStride: Int, pixels: Int,
        scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, activation: Activation, channels: Range<Int>)

    /// Softmax of each of the rows `rows`, `length` contiguous elements each: `exp(x − max) / Σ exp(x − max)`. In place is allowed.
    func softmax(
        input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, length: Int, rows: Range<Int>)
    /// `x − max − log Σ exp(x − max)` of each row. In place is allowed.
    func logSoftmax(
        input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, length: Int, rows: Range<Int>)
}
