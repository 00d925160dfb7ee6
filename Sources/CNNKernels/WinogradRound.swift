import CNNKernelTable

/// Sizes of a Winograd convolution.
struct WinogradShape {
    let channels: WinogradChannels
    let planes: Int
    let weightPlanes: Int
    let tileColumns: Int
    let tilesPerImage: Int

    init(_ geometry: ConvolutionGeometry, _ form: WinogradForm) {
        channels = WinogradChannels(geometry)
        planes = form.planes
        weightPlanes = form.weightPlanes
        let tileRows = (geometry.window.output.height + form.outputSize - 1) / form.outputSize
        tileColumns = (geometry.window.output.width + form.outputSize - 1) / form.outputSize
        tilesPerImage = tileRows * tileColumns
    }
}

/// How a round's numbers lie in memory, and how much of it is done at once.
struct WinogradRound {
    /// Winograd tiles.
    let tiles: Int
    /// Output tiles.
    let outputTiles: Int
    /// From one plane of transformed inputs to the next. One cache line more than the plane itself, so that the planes of a tile
    /// fall into different sets of the first-level cache.
    let inputPlane: Int
    /// From one plane of products to the next.
    let outputPlane: Int
    /// From one tile's products to the next's.
    let outputs: Int
    /// Input channels that are multiplied at once: so many that their weights to an output tile stay in the first-level cache while
    /// the tiles go by, or, if they are transformed on the way, all planes of them in the second-level cache. Sums of such partial sums
    /// are also more accurate than sums over all channels.
    let depth: Int
    /// How often `depth` channels are multiplied.
    let parts: Int
    /// From one plane of weights that are transformed on the way to the next; 0 for others.
    let weightPlane: Int

    init(_ shape: WinogradShape, _ method: WinogradMethod, tiles: Int) {
        let c = Vector.scalarCount
        let floatBytes = MemoryLayout<Float>.stride
        let padding = 64 / floatBytes
        let tileChannels = TwoBlocks.blocks * c
        self.tiles = tiles
        depth = Self.depth(shape, method)
        parts = (shape.channels.inputs + depth - 1) / depth
        inputPlane = tiles * parts * depth + padding
        if method.transformsWeights {
            weightPlane = depth * tileChannels + padding
            outputTiles = 1
        } else {
            weightPlane = 0
            outputTiles = min(
                max(1, Self.productLimit / (shape.planes * max(tiles, 1) * tileChannels)),
                (shape.channels.outputs + tileChannels - 1) / tileChannels)
        }
        outputs = min(outputTiles * tileChannels, shape.channels.outputs)
        outputPlane = tiles * outputs + padding
    }

    /// The same for any part of the tiles, so that the partition does not change the order of the sums.
    private static func depth(_ shape: WinogradShape, _ method: WinogradMethod) -> Int {
        let c = Vector.scalarCount
        let blockBytes = TwoBlocks.blocks * c * c * MemoryLayout<Float>.stride
        let all = max(1, shape.channels.inputBlocks)
        let limit: Int
        if method.transformsWeights {
            limit = max(1, 256 * 1024 / (shape.weightPlanes * blockBytes))
        } else if shape.tilesPerImage <= 4 * MainTile<TwoBlocks>.pixels {
            // Weights that few tiles read are not read again soon.
            return all * c
        } else {
            limit = max(1, 8 * 1024 / blockBytes)
        }
        // Parts of nearly the same size: a last one of a few channels would spend its time on handing sums on.
        let parts = (all + limit - 1) / limit
        return (all + parts - 1) / parts * c
    }

    /// Where an input channel of the first tile lies in a plane.
    @inline(__always)
    func offset(ofInput channel: Int) -> Int {
        let (part, inPart) = channel.quotientAndRemainder(dividingBy: depth)
        return part * tiles * depth + inPart
    }

    /// Floats of all products of a round, unless one output tile has more.
    private static var productLimit: Int { 64 * 1024 }

    /// The most tiles of a round: few enough that their transforms stay in the second-level cache, but enough of them to pay for
    /// reading all the weights once more.
    static func tileLimit(_ shape: WinogradShape) -> Int {
        max(512 * 1024 / (shape.planes * shape.channels.inputs * MemoryLayout<Float>.stride), 60)
    }

    /// Floats of the transformed inputs of a round of so many tiles or fewer.
    static func inputCount(_ shape: WinogradShape, _ method: WinogradMethod, tiles: Int) -> Int {
        shape.planes * WinogradRound(shape, method, tiles: tiles).inputPlane
    }

    /// Floats of what else it needs, at most.
    static func scratchCount(_ shape: WinogradShape, _ method: WinogradMethod, tiles: Int) -> Int {
        let largest = WinogradRound(shape, method, tiles: tiles)
        // Of fewer tiles there may be the products of more channels.
        let tileChannels = TwoBlocks.blocks * Vector.scalarCount
        let products = max(productLimit, shape.planes * largest.tiles * tileChannels)
        let all = shape.planes * largest.tiles * shape.channels.outputs
        return shape.planes * (64 / MemoryLayout<Float>.stride) + shape.weightPlanes * largest.weightPlane + min(products, all)
    }
}
