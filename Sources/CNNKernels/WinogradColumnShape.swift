import CNNKernelTable

/// The input as an image of single numbers. A blocked map is one whose channels are the blocks, and whose windows are as many times as
/// wide, and as far apart, as there are lanes.
struct ColumnImage {
    let geometry: ConvolutionGeometry
    /// Channels of a pixel that lie side by side.
    let lanes: Int

    init(_ geometry: ConvolutionGeometry, _ input: ColumnInput) {
        var image = geometry
        switch input {
        case .planar:
            lanes = 1
        case .blocked:
            lanes = Vector.scalarCount
            image.inputChannels = (geometry.inputChannels + lanes - 1) / lanes
            image.window.input.width *= lanes
            image.window.kernel.width *= lanes
            image.window.stride.width *= lanes
            image.window.padBegin.width *= lanes
        }
        self.geometry = image
    }
}

/// Sizes of such a convolution.
struct ColumnShape {
    /// m.
    static let outputRows = 4

    let inputChannels: Int
    let kernelWidth: Int
    let lanes: Int
    let outputBlocks: Int
    /// Whether a vector holds pixels side by side of one channel.
    let hasFewChannels: Bool
    /// Pixels in the register tile of two blocks, where there are two,
    let tilePixels: Int
    /// and in that of a last single block.
    let singleTilePixels: Int
    let band: ImageBand
    let planes: Int
    /// From the row of one of the image's channels in a plane to the next one's.
    let rowStride: Int

    init(_ geometry: ConvolutionGeometry, _ input: ColumnInput) {
        let c = Vector.scalarCount
        let image = ColumnImage(geometry, input)
        inputChannels = geometry.inputChannels
        kernelWidth = geometry.window.kernel.width
        lanes = image.lanes
        outputBlocks = (geometry.outputChannels + c - 1) / c
        hasFewChannels = input == .planar && FewChannelTile.suits(geometry)
        let width = geometry.window.output.width
        tilePixels = RowTiles(width: width).pixels
        singleTilePixels = RowTiles(ofSingleBlock: width).pixels
        // The last tile of a row may reach beyond its end.
        func excess(_ pixels: Int) -> Int { (pixels - width % pixels) % pixels }
        var most = outputBlocks < TwoBlocks.blocks ? 0 : excess(tilePixels)
        if outputBlocks % TwoBlocks.blocks > 0 { most = max(most, excess(singleTilePixels)) }
        if hasFewChannels { most = max(most, excess(2 * c)) }
        band = ImageBand(image.geometry, rows: Self.outputRows, excess: most)
        planes = Self.planes(geometry)
        rowStride = (band.rowStride + c - 1) / c * c
    }

    /// Products of a column, and input rows of a row tile.
    static func planes(_ geometry: ConvolutionGeometry) -> Int {
        (outputRows - 1) * geometry.window.stride.height + geometry.window.kernel.height
    }

    /// Taps that are summed in a plane.
    var taps: Int { inputChannels * kernelWidth }

    /// The place of a tap in the order `[channel / lanes][kW][channel % lanes]`.
    func tap(_ channel: Int, _ column: Int) -> Int {
        let first = channel / lanes * lanes
        let lanes = min(lanes, inputChannels - first)
        return first * kernelWidth + column * lanes + channel - first
    }

    /// Where its input lies in a plane.
    func offset(_ channel: Int, _ column: Int) -> Int {
        channel / lanes * rowStride + column * lanes + channel % lanes
    }

    /// Floats of the band, and what the last vector of its last row reaches beyond it.
    var bandCount: Int { band.count + rowStride - band.rowStride }

    /// Floats of a plane.
    var planeCount: Int { band.channels * rowStride }
}
