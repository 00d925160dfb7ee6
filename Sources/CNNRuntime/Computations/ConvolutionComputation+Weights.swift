import CNNKernelTable
import CNNTensors

/// The weights in the form that the method's kernel reads.
extension ConvolutionComputation {
    var constantBytes: Int { packing.count * MemoryLayout<Float>.stride }

    var packedSource: Tensor? { weights }

    func packedWeights() throws -> FloatBuffer {
        try library.packed(WeightLibrary.Key(node: node, form: form), source: weights, scale: scale, packing)
    }

    private var form: WeightLibrary.Form {
        switch method {
        case .blocked: .blocked
        case .winograd(let method): method.transformsWeights ? .blocked : .winograd(method.form)
        case .first: .first
        case .winogradColumns(let input): .winogradColumns(input)
        case .depthwise: .depthwise
        case .planar: .planar
        }
    }

    private var packing: WeightPacking {
        let (kernels, geometry) = (kernels, geometry)
        if let groupPadding { return packing(groupPadding) }
        return switch method {
        case .winograd(let method) where !method.transformsWeights:
            packing(
                count: kernels.winogradWeightCount(geometry, method.form), tiles: kernels.blockedOutputTiles(geometry)
            ) { kernels.packWinogradWeights(geometry, method.form, weights: $0, outputTiles: $1, to: $2) }
        case .blocked, .winograd:
            packing(
                count: kernels.blockedWeightCount(geometry), tiles: kernels.blockedOutputTiles(geometry)
            ) { kernels.packBlockedWeights(geometry, weights: $0, outputTiles: $1, to: $2) }
        case .first:
            packing(count: kernels.firstWeightCount(geometry), tiles: kernels.firstOutputTiles(geometry)) {
                kernels.packFirstWeights(geometry, weights: $0, outputTiles: $1, to: $2)
            }
        case .winogradColumns(let input):
            packing(
                count: kernels.winogradColumnWeightCount(geometry, input), tiles: kernels.blockedOutputTiles(geometry)
            ) { kernels.packWinogradColumnWeights(geometry, input, weights: $0, outputTiles: $1, to: $2) }
        case .depthwise:
            WeightPacking(
                count: kernels.depthwiseWeightCount(geometry), pieces: kernels.channelBlocks(geometry.inputChannels),
                firstSlice: { min($0 * kernels.channelBlock, geometry.outputChannels) },
                pack: { kernels.packDepthwiseWeights(geometry, weights: $0, blocks: $1, to: $2) })
        case .planar:
            WeightPacking(
                count: kernels.planarWeightCount(geometry), pieces: geometry.groups,
                firstSlice: { $0 * (geometry.outputChannels / geometry.groups) },
                pack: { kernels.packPlanarWeights(geometry, weights: $0, groups: $1, to: $2) })
        }
    }

    /// Packing by output tiles, which are numbered through the groups: a group's last tile may be narrower than the others.
    private func packing(
        count: Int, tiles: Int, _ pack: @escaping (UnsafePointer<Float>, Range<Int>, UnsafeMutablePointer<Float>) -> Void
    ) -> WeightPacking {
        let channels = geometry.outputChannels / geometry.groups
        let tilesPerGroup = tiles / geometry.groups
        let channelsPerTile = kernels.convolutionBlockTile * kernels.channelBlock
        return WeightPacking(
            count: count, pieces: tiles,
            firstSlice: { $0 / tilesPerGroup * channels + min($0 % tilesPerGroup * channelsPerTile, channels) }, pack: pack)
    }
}
