/// A minimal filtering algorithm F(m×m, r×r): m×m output pixels of an r×r convolution at once, for (m + r − 1)² products instead of
/// m²·r²; with stride 2 for (2m + r − 2)².
///
/// The errors beside the forms are largest and root mean square difference from the sum in Double, relative to the largest output,
/// as measured with AVX2 on uniform weights and rectified uniform inputs. Direct summation: 1.8e-6 and 2.0e-7 for 3×3 from 512 channels,
/// 2.0e-6 and 2.4e-7 for 5×5 from 256.
package enum WinogradForm: Sendable, Hashable, CaseIterable {
    /// 4.6e-7, 9.6e-8 from 512 channels: fewer roundings than the direct sum has.
    case f2x3
    /// 6.2e-6, 4.2e-7 from 512 channels; 5.6e-6, 3.1e-7 from 64.
    case f4x3
    /// 7.4e-6, 8.0e-7 from 512 channels; 7.1e-6, 5.9e-7 from 64.
    case f6x3
    /// 5.5e-6, 5.0e-7 from 256 channels; 2.8e-6, 3.5e-7 from 64.
    case f2x5
    /// 6.3e-6, 8.2e-7 from 256 channels; 4.1e-6, 5.7e-7 from 64.
    case f4x5
    /// 5.3e-7, 9.3e-8 from 512 channels.
    case f2x3stride2
    /// 5.4e-6, 2.3e-7 from 512 channels; 1.1e-6, 1.1e-7 from 64.
    case f4x3stride2
    /// 2.7e-7, 6.9e-8 from 256 channels.
    case f2x5stride2
    /// 3.8e-6, 4.3e-7 from 256 channels; 3.6e-6, 2.5e-7 from 64.
    case f4x5stride2

    /// m, output pixels along one axis.
    package var outputSize: Int {
        switch self {
        case .f2x3, .f2x5, .f2x3stride2, .f2x5stride2: 2
        case .f4x3, .f4x5, .f4x3stride2, .f4x5stride2: 4
        case .f6x3: 6
        }
    }

    /// r, weights along one axis.
    package var kernelSize: Int {
        switch self {
        case .f2x3, .f4x3, .f6x3, .f2x3stride2, .f4x3stride2: 3
        case .f2x5, .f4x5, .f2x5stride2, .f4x5stride2: 5
        }
    }

    package var stride: Int {
        switch self {
        case .f2x3, .f4x3, .f6x3, .f2x5, .f4x5: 1
        case .f2x3stride2, .f4x3stride2, .f2x5stride2, .f4x5stride2: 2
        }
    }

    /// Input pixels along one axis: m + r − 1 with stride 1. There are as many products.
    package var span: Int { (outputSize - 1) * stride + kernelSize }

    /// Products for each pair of channels and tile of m×m output pixels: the planes of a transformed tile.
    package var planes: Int { span * span }

    /// Transformed weights for each pair of channels. With stride 2, the one odd weight of an axis is the same in m products.
    package var weightPlanes: Int {
        let distinct = stride == 2 && kernelSize == 3 ? span - outputSize + 1 : span
        return distinct * distinct
    }
}

/// How Winograd convolution works.
package struct WinogradMethod: Sendable, Hashable {
    package var form: WinogradForm
    /// Whether the weights are those of `packBlockedWeights`, transformed again in every round, and not those of
    /// `packWinogradWeights`. That takes the memory of r² weights in place of `weightPlanes`, and no longer where reading all the
    /// transformed weights would take as long as transforming them: with many channels and few tiles.
    package var transformsWeights: Bool

    package init(_ form: WinogradForm, transformsWeights: Bool = false) {
        self.form = form
        self.transformsWeights = transformsWeights
    }
}

/// Winograd's minimal filtering for square kernels of stride 1 or 2 and dilation 1, on the blocked layout. Fast mode only: the sum is
/// reordered, and the error grows with m + r.
package protocol WinogradKernels {
    /// The forms that can compute this convolution: none unless it has one group, a kernel and stride of a form's size, dilation 1
    /// and two spatial dimensions.
    func winogradForms(_ geometry: ConvolutionGeometry) -> [WinogradForm]
    /// Floats in the transformed weights.
    func winogradWeightCount(_ geometry: ConvolutionGeometry, _ form: WinogradForm) -> Int
    /// Transforms those of the ONNX weights `[O, I, r, r]` for `multiplyWinograd` that belong to some output tiles (those of
    /// `blockedOutputTiles`). Tiles may be packed side by side; `weights` and `packed` point to the whole.
    func packWinogradWeights(
        _ geometry: ConvolutionGeometry, _ form: WinogradForm, weights: UnsafePointer<Float>, outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>)
    /// Tiles of m×m output pixels in an image: ⌈H/m⌉·⌈W/m⌉, row-major.
    func winogradTiles(_ geometry: ConvolutionGeometry, _ form: WinogradForm) -> Int
    /// Tiles that are computed together, a round, at most. The weights are read once for each.
    func winogradRoundLimit(_ geometry: ConvolutionGeometry, _ form: WinogradForm) -> Int
    /// Into how many parts `multiplyWinograd` cuts the sums over the input channels.
    func winogradParts(_ geometry: ConvolutionGeometry, _ method: WinogradMethod) -> Int
    /// The first half of a round: transforms the input at its tiles, which are numbered through all images (`inputImageStride` …), so
    /// that weights that are read once serve many images. `transformed` holds `winogradInputCount` floats.
    func transformWinogradInputs(
        _ geometry: ConvolutionGeometry, _ method: WinogradMethod, _ operands: ConvolutionOperands, tiles: Range<Int>,
        to transformed: UnsafeMutablePointer<Float>)
    /// The second half, for the output tiles `outputTiles` (those of `blockedOutputTiles`): multiplies, transforms back and stores
    /// their output blocks. `scratch` holds `winogradScratchCount` floats, one such buffer for each call that runs at the same time.
    func multiplyWinograd(
        _ geometry: ConvolutionGeometry, _ method: WinogradMethod, _ operands: ConvolutionOperands, outputTiles: Range<Int>,
        tiles: Range<Int>, transformed: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>)
    /// - Parameter tiles: of the largest round.
    func winogradInputCount(_ geometry: ConvolutionGeometry, _ method: WinogradMethod, tiles: Int) -> Int
    /// - Parameter tiles: of the largest round.
    func winogradScratchCount(_ geometry: ConvolutionGeometry, _ method: WinogradMethod, tiles: Int) -> Int
}
