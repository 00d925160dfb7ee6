import CNNKernelTable

/// Convolution by columns. The input rows that a row tile sees, with zeros around them, are transformed to as many rows (planes); each
/// plane is convolved by its own weights of height 1; the sums of all planes, transformed back, are pixels above each other.
extension Kernels {
    package func supportsWinogradColumns(_ geometry: ConvolutionGeometry, _ input: ColumnInput) -> Bool {
        let isLayoutSupported =
            switch input {
            case .planar: supportsFirst(geometry)
            case .blocked: supportsBlocked(geometry) && geometry.groups == 1
            }
        return isLayoutSupported && ColumnForm(geometry, input) != nil
            && ImageBand.isSmall(ColumnImage(geometry, input).geometry)
    }

    package func winogradColumnWeightCount(_ geometry: ConvolutionGeometry, _ input: ColumnInput) -> Int {
        let shape = ColumnShape(geometry, input)
        return shape.outputBlocks * shape.planes * shape.taps * Vector.scalarCount
    }

    package func packWinogradColumnWeights(
        _ geometry: ConvolutionGeometry, _ input: ColumnInput, weights: UnsafePointer<Float>, outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        ColumnForm(geometry, input)?.use(
            ColumnWeights(
                kernels: self, geometry: geometry, shape: ColumnShape(geometry, input), weights: weights,
                outputTiles: outputTiles, packed: packed))
    }

    package func winogradRowTiles(_ geometry: ConvolutionGeometry) -> Int {
        (geometry.window.output.height + ColumnShape.outputRows - 1) / ColumnShape.outputRows
    }

    package func winogradColumnProducts(_ geometry: ConvolutionGeometry) -> Int {
        ColumnShape.planes(geometry)
    }

    package func winogradColumnScratchCount(_ geometry: ConvolutionGeometry, _ input: ColumnInput) -> Int {
        let shape = ColumnShape(geometry, input)
        return shape.bandCount + shape.planes * shape.planeCount
    }

    package func convolveWinogradColumns(
        _ geometry: ConvolutionGeometry, _ input: ColumnInput, _ operands: ConvolutionOperands, outputTiles: Range<Int>,
        rowTiles: Range<Int>, scratch: UnsafeMutablePointer<Float>
    ) {
        let shape = ColumnShape(geometry, input)
        withUnsafeTemporaryAllocation(of: Int.self, capacity: shape.taps) { taps in
            for channel in 0..<geometry.inputChannels {
                for column in 0..<geometry.window.kernel.width {
                    taps[shape.tap(channel, column)] = shape.offset(channel, column)
                }
            }
            ColumnForm(geometry, input)?.use(
                ColumnConvolution(
                    shape: shape, operands: operands, activation: VectorActivation(operands.activation),
                    outputChannels: geometry.outputChannels, outputTiles: outputTiles, rowTiles: rowTiles,
                    taps: UnsafeBufferPointer(taps), band: scratch, planes: scratch + shape.bandCount))
        }
    }
}

/// The kernels and strides that there is a transform for, and that take less time so.
enum ColumnForm {
    case f4x5, f4x5blocked, f4x7stride2, f4x11stride4

    init?(_ geometry: ConvolutionGeometry, _ input: ColumnInput) {
        let window = geometry.window
        guard window.isPlane, window.dilation == .one, window.kernel.height == window.kernel.width,
            window.stride.height == window.stride.width
        else { return nil }
        switch (input, window.kernel.height, window.stride.height) {
        case (.planar, 5, 1): self = .f4x5
        case (.planar, 7, 2): self = .f4x7stride2
        case (.planar, 11, 4): self = .f4x11stride4
        case (.blocked, 5, 1): self = .f4x5blocked
        default: return nil
        }
    }

    @inline(__always)
    func use(_ work: some ColumnWork) {
        switch self {
        case .f4x5: work.run(FourOfFive.self, OneStep.self)
        case .f4x5blocked: work.run(FourOfFive.self, BlockStep.self)
        case .f4x7stride2: work.run(FourOfSevenStrideTwo.self, TwoStep.self)
        case .f4x11stride4: work.run(FourOfElevenStrideFour.self, FourStep.self)
        }
    }
}

/// Work that is compiled for each form.
protocol ColumnWork {
    func run<Transform: WinogradTransform, Step: PixelStep>(_: Transform.Type, _: Step.Type)
}
