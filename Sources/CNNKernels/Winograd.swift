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

    package func winogradRounds(_ geometry: ConvolutionGeometry, _ form: WinogradForm, images: Int) -> Int {
        let shape = WinogradShape(geometry, form)
        let tiles = shape.tilesPerImage * images
        let round = WinogradRound(shape, WinogradMethod(form), tiles: tiles).tiles
        return round > 0 ? (tiles + round - 1) / round : 0
    }

    package func winogradParts(_ geometry: ConvolutionGeometry, _ method: WinogradMethod) -> Int {
        WinogradRound(WinogradShape(geometry, method.form), method, tiles: 1).parts
    }

    package func winogradScratchCount(_ geometry: ConvolutionGeometry, _ method: WinogradMethod, images: Int) -> Int {
        let shape = WinogradShape(geometry, method.form)
        return WinogradRound.scratchCount(shape, method, tiles: shape.tilesPerImage * images)
    }

    package func convolveWinograd(
        _ geometry: ConvolutionGeometry, _ method: WinogradMethod, _ operands: ConvolutionOperands,
        outputTiles: Range<Int>, tiles: Range<Int>, scratch: UnsafeMutablePointer<Float>
    ) {
        switch method.form {
        case .f2x3: convolve(TwoOfThree.self, geometry, method, operands, outputTiles, tiles, scratch)
        case .f4x3: convolve(FourOfThree.self, geometry, method, operands, outputTiles, tiles, scratch)
        case .f6x3: convolve(SixOfThree.self, geometry, method, operands, outputTiles, tiles, scratch)
        case .f2x5: convolve(TwoOfFive.self, geometry, method, operands, outputTiles, tiles, scratch)
        case .f4x5: convolve(FourOfFive.self, geometry, method, operands, outputTiles, tiles, scratch)
        case .f2x3stride2: convolve(TwoOfThreeStrideTwo.self, geometry, method, operands, outputTiles, tiles, scratch)
        case .f4x3stride2: convolve(FourOfThreeStrideTwo.self, geometry, method, operands, outputTiles, tiles, scratch)
        case .f2x5stride2: convolve(TwoOfFiveStrideTwo.self, geometry, method, operands, outputTiles, tiles, scratch)
        case .f4x5stride2: convolve(FourOfFiveStrideTwo.self, geometry, method, operands, outputTiles, tiles, scratch)
        }
    }

    private func convolve<Transform: WinogradTransform>(
        _: Transform.Type, _ geometry: ConvolutionGeometry, _ method: WinogradMethod, _ operands: ConvolutionOperands,
        _ outputTiles: Range<Int>, _ tiles: Range<Int>, _ scratch: UnsafeMutablePointer<Float>
    ) {
        if outputTiles.isEmpty || tiles.isEmpty { return }
        let shape = WinogradShape(geometry, method.form)
        let round = WinogradRound(shape, method, tiles: tiles.count)
        let planeVectors = shape.planes * Vector.scalarCount
        withUnsafeTemporaryAllocation(
            byteCount: 2 * planeVectors * MemoryLayout<Float>.stride, alignment: MemoryLayout<Vector>.alignment
        ) { bytes in
            let patch = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
            let products = scratch + round.inputPlane * shape.planes
            let run = WinogradConvolution<Transform>(
                shape: shape, round: round, window: geometry.window, operands: operands,
                activation: VectorActivation(operands.activation), transformed: scratch, products: products,
                transformedWeights: products + round.outputPlane * shape.planes, patch: patch, partial: patch + planeVectors)
            for first in stride(from: tiles.lowerBound, to: tiles.upperBound, by: round.tiles) {
                let count = min(round.tiles, tiles.upperBound - first)
                run.transformInputs(first, count)
                for output in stride(from: outputTiles.lowerBound, to: outputTiles.upperBound, by: round.outputTiles) {
                    let outputs = output..<min(output + round.outputTiles, outputTiles.upperBound)
                    if method.transformsWeights {
                        run.multiplyTransformingWeights(count, output)
                    } else {
                        run.multiply(count, outputs)
                    }
                    for outputTile in outputs {
                        run.transformOutputs(first, count, outputTile, outputTile - output)
                    }
                }
            }
        }
    }
}

/// One call of `convolveWinograd`.
private struct WinogradConvolution<Transform: WinogradTransform> {
    let shape: WinogradShape
    let round: WinogradRound
    let window: WindowGeometry
    let operands: ConvolutionOperands
    let activation: VectorActivation
    /// Transformed inputs `[plane][channel / depth][tile][channel % depth]`.
    let transformed: UnsafeMutablePointer<Float>
    /// Products `[plane][tile][output channel of the round]`.
    let products: UnsafeMutablePointer<Float>
    /// Weights of one output tile from some input channels: `[plane][input channel][output lane]`.
    let transformedWeights: UnsafeMutablePointer<Float>
    /// One tile's vectors `[span][span]`.
    let patch: UnsafeMutablePointer<Float>
    /// The same, transformed along one axis.
    let partial: UnsafeMutablePointer<Float>

    /// Transforms all input blocks of `count` tiles from `first`.
    func transformInputs(_ first: Int, _ count: Int) {
        // A few blocks at a time: with all of them the rows of the map would be more streams than the processor can foresee,
        // with fewer the cache lines of the planes would be written in parts.
        let together = max(1, 64 / MemoryLayout<Vector>.stride)
        for firstBlock in stride(from: 0, to: shape.channels.inputBlocks, by: together) {
            let blocks = firstBlock..<min(firstBlock + together, shape.channels.inputBlocks)
            var place = TilePlace(first, shape, size: Transform.size)
            for index in 0..<count {
                transformInput(place, blocks, transformed + index * round.depth)
                place.advance()
            }
        }
    }

    @inline(__always)
    private func transformInput(_ place: TilePlace, _ blocks: Range<Int>, _ target: UnsafeMutablePointer<Float>) {
        let c = Vector.scalarCount
        let span = Transform.span
        let (height, width) = (window.input.height, window.input.width)
        let top = place.top * Transform.stride - window.padBegin.height
        let left = place.left * Transform.stride - window.padBegin.width
        let image = operands.input + place.image * operands.inputImageStride + (top * width + left) * c
        if top >= 0 && left >= 0 && top + span <= height && left + span <= width {
            for block in blocks {
                transformTile(image + block * operands.inputStride, width * c, target + round.offset(ofInput: block * c))
            }
            return
        }
        // Zeros beyond the border.
        let rows = clamp(-top)..<clamp(height - top)
        let columns = clamp(-left)..<clamp(width - left)
        patch.update(repeating: 0, count: span * span * c)
        for block in blocks {
            let corner = image + block * operands.inputStride
            for row in rows {
                for column in columns {
                    store(load(corner + (row * width + column) * c), patch + (row * span + column) * c)
                }
            }
            transformTile(patch, span * c, target + round.offset(ofInput: block * c))
        }
    }

    private func clamp(_ x: Int) -> Int { max(0, min(x, Transform.span)) }

    @inline(__always)
    private func transformTile(
        _ source: UnsafePointer<Float>, _ rowStride: Int, _ target: UnsafeMutablePointer<Float>
    ) {
        let c = Vector.scalarCount
        let span = Transform.span
        for row in 0..<span {
            Transform.transformInput(source + row * rowStride, c, partial + row * span * c, c)
        }
        for column in 0..<span {
            Transform.transformInput(
                UnsafePointer(partial) + column * c, span * c, target + column * round.inputPlane, span * round.inputPlane)
        }
    }

    /// Multiplies each plane of the first `count` tiles by its weights to some output tiles.
    func multiply(_ count: Int, _ outputTiles: Range<Int>) {
        let tileChannels = TwoBlocks.blocks * Vector.scalarCount
        let inputs = shape.channels.inputs
        for plane in 0..<shape.planes {
            for outputTile in outputTiles {
                let channel = outputTile * tileChannels
                let lanes = min(tileChannels, shape.channels.outputs - channel)
                let weights = operands.weights + (channel * shape.weightPlanes + weightPlane(plane) * lanes) * inputs
                let output = products + plane * round.outputPlane + (outputTile - outputTiles.lowerBound) * tileChannels
                for first in stride(from: 0, to: inputs, by: round.depth) {
                    multiplyPlane(plane, output, count, weights + first * lanes, lanes, first)
                }
            }
        }
    }

    /// The same for one output tile and weights as `packBlockedWeights` leaves them: `[output tile][input block][tap][input
    /// lane][output lane of the tile]`.
    func multiplyTransformingWeights(_ count: Int, _ outputTile: Int) {
        let c = Vector.scalarCount
        let taps = Transform.kernel * Transform.kernel
        let channel = outputTile * TwoBlocks.blocks * c
        let lanes = min(TwoBlocks.blocks * c, shape.channels.outputs - channel)
        let tileWeights = operands.weights + channel * taps * shape.channels.inputs
        for firstInput in stride(from: 0, to: shape.channels.inputs, by: round.depth) {
            for block in stride(from: firstInput, to: min(firstInput + round.depth, shape.channels.inputs), by: c) {
                let weights = tileWeights + block * taps * lanes
                for lane in 0..<c {
                    WeightTransform<Transform>.run(
                        weights + lane * lanes, tapStep: c * lanes, lanes: lanes,
                        transformedWeights + (block - firstInput + lane) * lanes, planeStep: round.weightPlane)
                }
            }
            // The weights that are transformed next lie in memory: they come while these are multiplied.
            let following = tileWeights + min(firstInput + round.depth, shape.channels.inputs) * taps * lanes
            let share = round.depth * taps * lanes / shape.planes
            for plane in 0..<shape.planes {
                prefetch(following + plane * share, count: share)
                let weights = UnsafePointer(transformedWeights) + weightPlane(plane) * round.weightPlane
                multiplyPlane(plane, products + plane * round.outputPlane, count, weights, lanes, firstInput)
            }
        }
    }

    /// Where the weights of a plane's products stand: planes whose products have the same weights share them.
    @inline(__always)
    private func weightPlane(_ plane: Int) -> Int {
        let (row, column) = plane.quotientAndRemainder(dividingBy: Transform.span)
        return Transform.weightPoint(row) * Transform.weightSpan + Transform.weightPoint(column)
    }

    /// - Parameters:
    ///   - lanes: output channels of the tile.
    ///   - firstInput: the first of the at most `depth` input channels that `weights` belong to; the products of channels that follow
    ///     others are added to theirs.
    @inline(__always)
    private func multiplyPlane(
        _ plane: Int, _ output: UnsafeMutablePointer<Float>, _ count: Int, _ weights: UnsafePointer<Float>, _ lanes: Int,
        _ firstInput: Int
    ) {
        if lanes == TwoBlocks.blocks * Vector.scalarCount {
            multiplyPlane(TwoBlocks.self, plane, output, count, weights, firstInput)
        } else {
            multiplyPlane(OneBlock.self, plane, output, count, weights, firstInput)
        }
    }

    private func multiplyPlane<Sums: BlockSums>(
        _: Sums.Type, _ plane: Int, _ output: UnsafeMutablePointer<Float>, _ count: Int, _ weights: UnsafePointer<Float>,
        _ firstInput: Int
    ) {
        PlaneProduct<Sums>(
            input: transformed + plane * round.inputPlane + round.offset(ofInput: firstInput), inputStep: round.depth,
            depth: min(round.depth, shape.channels.inputs - firstInput), output: output, outputStep: round.outputs,
            weights: weights, isAdded: firstInput > 0
        ).computeTiles(0..<count)
    }

    /// Transforms the products of `count` tiles back and stores the pixels that exist.
    func transformOutputs(_ first: Int, _ count: Int, _ outputTile: Int, _ tileInRound: Int) {
        let c = Vector.scalarCount
        let firstBlock = outputTile * TwoBlocks.blocks
        let blocks = firstBlock..<min(firstBlock + TwoBlocks.blocks, shape.channels.outputBlocks)
        let width = window.output.width
        var place = TilePlace(first, shape, size: Transform.size)
        for index in 0..<count {
            let rows = min(Transform.size, window.output.height - place.top)
            let columns = min(Transform.size, width - place.left)
            let pixel = (place.top * width + place.left) * c
            for block in blocks {
                let bias = operands.bias.map { load($0 + block * c) } ?? .zero
                let output =
                    operands.output + place.image * operands.outputImageStride + block * operands.outputStride + pixel
                let residual = operands.residual.map {
                    $0 + place.image * operands.residualImageStride + block * operands.residualStride + pixel
                }
                transformTileBack(
                    products + index * round.outputs + (tileInRound * TwoBlocks.blocks + block - firstBlock) * c, bias,
                    residual,
                    output, rows, columns)
            }
            place.advance()
        }
    }

    @inline(__always)
    private func transformTileBack(
        _ source: UnsafePointer<Float>, _ bias: Vector, _ residual: UnsafePointer<Float>?,
        _ output: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int
    ) {
        let c = Vector.scalarCount
        let span = Transform.span
        for column in 0..<span {
            Transform.transformOutput(
                source + column * round.outputPlane, span * round.outputPlane, partial + column * c, span * c, adding: false)
        }
        let rowStride = window.output.width * c
        for row in 0..<rows {
            Transform.transformOutput(UnsafePointer(partial) + row * span * c, c, patch, c, adding: false)
            let pixels = output + row * rowStride
            if let residual {
                let addends = residual + row * rowStride
                for column in 0..<columns {
                    store(activation(load(patch + column * c) + bias + load(addends + column * c)), pixels + column * c)
                }
            } else {
                for column in 0..<columns {
                    store(activation(load(patch + column * c) + bias), pixels + column * c)
                }
            }
        }
    }
}
