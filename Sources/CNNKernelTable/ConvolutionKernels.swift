/// The shape of a convolution. Channel counts are those of the whole layer, all groups together.
package struct ConvolutionGeometry: Sendable, Hashable {
    package var window: WindowGeometry
    package var inputChannels: Int
    package var outputChannels: Int
    package var groups: Int

    package init(window: WindowGeometry, inputChannels: Int, outputChannels: Int, groups: Int = 1) {
        self.window = window
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.groups = groups
    }
}

/// The memory that a convolution of one image works on: `output = activation(input ∗ weights + bias + residual)`.
///
/// A stride is the distance from one channel block (blocked layout) or one channel (planar layout) to the next; pixels lie
/// without gaps. So `output` may be a run of channel blocks inside a larger tensor, and Concat costs nothing.
package struct ConvolutionOperands {
    package var input: UnsafePointer<Float>
    package var inputStride: Int
    /// Packed by the packing function that belongs to the kernel.
    package var weights: UnsafePointer<Float>
    /// One value per output channel, padded with zeros to whole blocks for a blocked output (`paddedChannels`); or nil.
    package var bias: UnsafePointer<Float>?
    /// In the output's layout, or nil. May be `output` itself.
    package var residual: UnsafePointer<Float>?
    package var residualStride: Int
    package var output: UnsafeMutablePointer<Float>
    package var outputStride: Int
    package var activation: Activation
    /// Where the next image's operands lie, for kernels that take several images in one call.
    package var inputImageStride = 0
    package var residualImageStride = 0
    package var outputImageStride = 0
    /// Whether the output is the largest of each 2×2 pixels, the last of an odd number of rows or columns left out. Winograd's kernels can
    /// do that, without a residual. They take the maximum before bias and activation, so the bias must be finite and the activation keep the
    /// order of numbers.
    package var poolsPairs = false

    package init(
        input: UnsafePointer<Float>, inputStride: Int, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil,
        residual: UnsafePointer<Float>? = nil, residualStride: Int = 0, output: UnsafeMutablePointer<Float>,
        outputStride: Int, activation: Activation = .none
    ) {
        self.input = input
        self.inputStride = inputStride
        self.weights = weights
        self.bias = bias
        self.residual = residual
        self.residualStride = residualStride
        self.output = output
        self.outputStride = outputStride
        self.activation = activation
    }
}

/// Direct convolutions, one image a call.
///
/// The work of an image is a grid: *output tiles* (a few channel blocks that share a register tile, numbered through all groups)
/// by *pixels* (output pixels in row-major order, y·W + x). A call computes one rectangle of that grid. Every pixel costs
/// the same, and a range of pixels may end anywhere, though multiples of `convolutionPixelTile` waste nothing.
/// All sums run in the order (input channel block, kernel row, kernel column, channel in block).
package protocol ConvolutionKernels {
    /// Output pixels in the register tile.
    var convolutionPixelTile: Int { get }
    /// Channel blocks in an output tile.
    var convolutionBlockTile: Int { get }

    /// Whether `convolveBlocked` can do it: two spatial dimensions at most, and one group, or groups whose input and output
    /// channels are whole blocks.
    func supportsBlocked(_ geometry: ConvolutionGeometry) -> Bool
    /// Floats in the weights packed by `packBlockedWeights`.
    func blockedWeightCount(_ geometry: ConvolutionGeometry) -> Int
    /// Packs those of the ONNX weights `[O, I/groups, kH, kW]` for `convolveBlocked` that belong to some output tiles. Tiles
    /// may be packed side by side; `weights` and `packed` point to the whole, as in all packing functions.
    func packBlockedWeights(
        _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>, outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>)
    /// Output tiles of `convolveBlocked`.
    func blockedOutputTiles(_ geometry: ConvolutionGeometry) -> Int
    /// Blocked input, blocked output.
    func convolveBlocked(
        _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, outputTiles: Range<Int>, pixels: Range<Int>)

    /// Whether `convolveFirst` is meant for it: one group, two spatial dimensions at most, at most four input channels, and rows of no
    /// extraordinary length.
    func supportsFirst(_ geometry: ConvolutionGeometry) -> Bool
    /// Floats in the weights packed by `packFirstWeights`.
    func firstWeightCount(_ geometry: ConvolutionGeometry) -> Int
    /// Packs those of the ONNX weights `[O, I, kH, kW]` for `convolveFirst` that belong to some output tiles.
    func packFirstWeights(
        _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>, outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>)
    /// Output tiles of `convolveFirst`.
    func firstOutputTiles(_ geometry: ConvolutionGeometry) -> Int
    /// The first layer of a network: *planar* input of few channels, blocked output, whose rows `rows` are computed. Sums run in the order
    /// (input channel, kernel row, kernel column). `scratch` holds `firstScratchCount` floats, one such buffer for each call that runs
    /// at the same time.
    func convolveFirst(
        _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, outputTiles: Range<Int>, rows: Range<Int>,
        scratch: UnsafeMutablePointer<Float>)
    func firstScratchCount(_ geometry: ConvolutionGeometry) -> Int

    /// Whether `convolveDepthwise` can do it: as many groups as input and output channels, two spatial dimensions at most.
    func supportsDepthwise(_ geometry: ConvolutionGeometry) -> Bool
    /// Floats in the weights packed by `packDepthwiseWeights`.
    func depthwiseWeightCount(_ geometry: ConvolutionGeometry) -> Int
    /// Packs some blocks of ONNX weights `[C, 1, kH, kW]` to `[⌈C/c⌉][kH][kW][c]`.
    func packDepthwiseWeights(
        _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>, blocks: Range<Int>,
        to packed: UnsafeMutablePointer<Float>)
    /// Blocked input and output; computes the output rows `rows` of the channel blocks `blocks`.
    func convolveDepthwise(
        _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, blocks: Range<Int>, rows: Range<Int>)

    /// Floats in the weights packed by `packPlanarWeights`.
    func planarWeightCount(_ geometry: ConvolutionGeometry) -> Int
    /// Packs the ONNX weights `[O, I/groups, kD, kH, kW]` of some groups for `convolvePlanar`.
    func packPlanarWeights(
        _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>, groups: Range<Int>,
        to packed: UnsafeMutablePointer<Float>)
    /// Any convolution in one to three spatial dimensions, planar input and output: patches are gathered a few columns at a time
    /// and multiplied by `gemm`. Computes all output channels of group `group` at the output positions `pixels` (bounds that
    /// are multiples of `gemmPanelColumns` waste nothing; the bits do not depend on the bounds). `scratch` holds
    /// `planarScratchCount` floats, one such buffer for each call that runs at the same time.
    func convolvePlanar(
        _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, group: Int, pixels: Range<Int>,
        scratch: UnsafeMutablePointer<Float>)
    func planarScratchCount(_ geometry: ConvolutionGeometry) -> Int
}
