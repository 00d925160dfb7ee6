/// Where a convolution by columns finds its input.
package enum ColumnInput: Sendable, Hashable {
    /// A planar image of at most four channels: the input of a network.
    case planar
    case blocked
}

/// Winograd's minimal filtering F(4, r) along the height of the map alone: four output rows at once, for as many products as there are
/// input rows that they see, in place of 4·r; along the width the taps are summed one by one. With few input channels, to transform
/// products along both axes would take longer than they save. Fast mode only: the sum is reordered.
///
/// Square kernels of a few sizes and strides, dilation 1, one group; blocked output.
package protocol WinogradColumnKernels {
    func supportsWinogradColumns(_ geometry: ConvolutionGeometry, _ input: ColumnInput) -> Bool
    /// Floats in the transformed weights.
    func winogradColumnWeightCount(_ geometry: ConvolutionGeometry, _ input: ColumnInput) -> Int
    /// Transforms those of the ONNX weights `[O, I, r, r]` for `convolveWinogradColumns` that belong to some output tiles (those of
    /// `blockedOutputTiles`). Tiles may be packed side by side; `weights` and `packed` point to the whole.
    func packWinogradColumnWeights(
        _ geometry: ConvolutionGeometry, _ input: ColumnInput, weights: UnsafePointer<Float>, outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>)
    /// Tiles of four output rows.
    func winogradRowTiles(_ geometry: ConvolutionGeometry) -> Int
    /// Products that a column of a row tile takes for each tap along the width.
    func winogradColumnProducts(_ geometry: ConvolutionGeometry) -> Int
    /// Computes some row tiles of some output tiles of one image. `scratch` holds `winogradColumnScratchCount` floats, one such buffer for
    /// each call that runs at the same time.
    func convolveWinogradColumns(
        _ geometry: ConvolutionGeometry, _ input: ColumnInput, _ operands: ConvolutionOperands, outputTiles: Range<Int>,
        rowTiles: Range<Int>, scratch: UnsafeMutablePointer<Float>)
    func winogradColumnScratchCount(_ geometry: ConvolutionGeometry, _ input: ColumnInput) -> Int
}
