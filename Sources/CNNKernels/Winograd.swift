import CNNKernelTable

/// Winograd convolution on the blocked layout. The transform of a map tile is `span²` planes, each a matrix
/// `[tiles, input channels]`; each plane is multiplied by its plane of transformed weights with the register tile of the matrix
/// product (Winograd tiles in place of pixels); the products of a tile, transformed back, are m×m output pixels.
extension Kernels {
    package func winogradForms(_ geometry: ConvolutionGeometry) -> [WinogradForm] {
        let window = geometry.window
        guard window.isPlane, geometry.groups == 1, window.kernel.height == window.kernel.width,
            window.stride.height == window.stride.width, window.dilation == .one
        else { return [] }
        return WinogradForm.allCases.filter { $0.kernelSize == window.kernel.height && $0.stride == window.stride.height }
    }

    package func winogradTiles(_ geometry: ConvolutionGeometry, _ form: WinogradForm) -> Int {
        WinogradShape(geometry, form).tilesPerImage
    }

    package func winogradRoundLimit(_ geometry: ConvolutionGeometry, _ form: WinogradForm) -> Int {
        WinogradRound.tileLimit(WinogradShape(geometry, form))
    }

    package func winogradParts(_ geometry: ConvolutionGeometry, _ method: WinogradMethod) -> Int {
        WinogradRound(WinogradShape(geometry, method.form), method, tiles: 1).parts
    }

    package func winogradInputCount(_ geometry: ConvolutionGeometry, _ method: WinogradMethod, tiles: Int) -> Int {
        WinogradRound.inputCount(WinogradShape(geometry, method.form), method, tiles: tiles)
    }

    package func winogradScratchCount(_ geometry: ConvolutionGeometry, _ method: WinogradMethod, tiles: Int) -> Int {
        WinogradRound.scratchCount(WinogradShape(geometry, method.form), method, tiles: tiles)
    }

    package func transformWinogradInputs(
        _ geometry: ConvolutionGeometry, _ method: WinogradMethod, _ operands: ConvolutionOperands, tiles: Range<Int>,
        to transformed: UnsafeMutablePointer<Float>
    ) {
        if tiles.isEmpty { return }
        let call = WinogradCall(geometry, method, operands, tiles: tiles)
        method.form.use(InputTransformation(call: call, transformed: transformed))
    }

    package func multiplyWinograd(
        _ geometry: ConvolutionGeometry, _ method: WinogradMethod, _ operands: ConvolutionOperands, outputTiles: Range<Int>,
        tiles: Range<Int>, transformed: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        if outputTiles.isEmpty || tiles.isEmpty { return }
        let call = WinogradCall(geometry, method, operands, tiles: tiles)
        method.form.use(
            WinogradMultiplication(
                call: call, transformsWeights: method.transformsWeights, outputTiles: outputTiles,
                transformed: transformed, scratch: scratch))
    }
}

/// What both halves of a round's work know.
struct WinogradCall {
    let shape: WinogradShape
    let round: WinogradRound
    let window: WindowGeometry
    let operands: ConvolutionOperands
    let outputChannels: Int
    /// Those of the round.
    let tiles: Range<Int>

    init(_ geometry: ConvolutionGeometry, _ method: WinogradMethod, _ operands: ConvolutionOperands, tiles: Range<Int>) {
        shape = WinogradShape(geometry, method.form)
        round = WinogradRound(shape, method, tiles: tiles.count)
        window = geometry.window
        self.operands = operands
        outputChannels = geometry.outputChannels
        self.tiles = tiles
    }
}

/// Work that is compiled for each form's transform.
protocol WinogradWork {
    func run<Transform: WinogradTransform>(_: Transform.Type)
}

extension WinogradForm {
    @inline(__always)
    func use(_ work: some WinogradWork) {
        switch self {
        case .f2x3: work.run(TwoOfThree.self)
        case .f4x3: work.run(FourOfThree.self)
        case .f6x3: work.run(SixOfThree.self)
        case .f2x5: work.run(TwoOfFive.self)
        case .f4x5: work.run(FourOfFive.self)
        case .f2x3stride2: work.run(TwoOfThreeStrideTwo.self)
        case .f4x3stride2: work.run(FourOfThreeStrideTwo.self)
        case .f2x5stride2: work.run(TwoOfFiveStrideTwo.self)
        case .f4x5stride2: work.run(FourOfFiveStrideTwo.self)
        }
    }
}

extension WinogradTransform {
    /// Calls `body` with room for the vectors of two tiles, `[span][span]` each.
    @inline(__always)
    static func withTileVectors(_ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void) {
        let count = span * span * Vector.scalarCount
        withUnsafeTemporaryAllocation(
            byteCount: 2 * count * MemoryLayout<Float>.stride, alignment: MemoryLayout<Vector>.alignment
        ) { bytes in
            let first = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
            body(first, first + count)
        }
    }
}
