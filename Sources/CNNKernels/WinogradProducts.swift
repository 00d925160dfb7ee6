import CNNKernelTable

/// One call of `multiplyWinograd`.
struct WinogradMultiplication: WinogradWork {
    let call: WinogradCall
    let transformsWeights: Bool
    let outputTiles: Range<Int>
    /// As `InputTransformation` leaves them.
    let transformed: UnsafePointer<Float>
    let scratch: UnsafeMutablePointer<Float>

    func run<Transform: WinogradTransform>(_: Transform.Type) {
        Transform.withTileVectors { patch, partial in
            WinogradProducts<Transform>(
                shape: call.shape, round: call.round, window: call.window, operands: call.operands,
                outputChannels: call.outputChannels, tiles: call.tiles, activation: VectorActivation(call.operands.activation),
                transformed: transformed, products: scratch,
                transformedWeights: scratch + call.shape.planes * call.round.outputPlane, patch: patch,
                partial: partial
            ).run(outputTiles, transformsWeights: transformsWeights)
        }
    }
}

private struct WinogradProducts<Transform: WinogradTransform> {
    let shape: WinogradShape
    let round: WinogradRound
    let window: WindowGeometry
    let operands: ConvolutionOperands
    let outputChannels: Int
    let tiles: Range<Int>
    let activation: VectorActivation
    let transformed: UnsafePointer<Float>
    /// `[plane][tile][output channel of those multiplied together]`.
    let products: UnsafeMutablePointer<Float>
    /// Weights of one output tile from some input channels: `[plane][input channel][output lane]`.
    let transformedWeights: UnsafeMutablePointer<Float>
    /// One tile's vectors `[span][span]`.
    let patch: UnsafeMutablePointer<Float>
    /// The same, transformed along one axis.
    let partial: UnsafeMutablePointer<Float>

    /// Computes some output tiles of the round.
    func run(_ outputTiles: Range<Int>, transformsWeights: Bool) {
        for first in stride(from: outputTiles.lowerBound, to: outputTiles.upperBound, by: round.outputTiles) {
            let together = first..<min(first + round.outputTiles, outputTiles.upperBound)
            if transformsWeights {
                multiplyTransformingWeights(first)
            } else {
                multiply(together)
            }
            for outputTile in together { transformOutputs(outputTile, outputTile - first) }
        }
    }

    /// Multiplies each plane by its weights to some output tiles.
    private func multiply(_ outputTiles: Range<Int>) {
        let tileChannels = TwoBlocks.blocks * Vector.scalarCount
        let inputs = shape.channels.inputs
        for plane in 0..<shape.planes {
            for outputTile in outputTiles {
                let channel = outputTile * tileChannels
                let lanes = min(tileChannels, shape.channels.outputs - channel)
                let weights = operands.weights + (channel * shape.weightPlanes + weightPlane(plane) * lanes) * inputs
                let output = products + plane * round.outputPlane + (outputTile - outputTiles.lowerBound) * tileChannels
                for first in stride(from: 0, to: inputs, by: round.depth) {
                    multiplyPlane(plane, output, weights + first * lanes, lanes, first)
                }
            }
        }
    }

    /// The same for one output tile and weights as `packBlockedWeights` leaves them: `[output tile][input block][tap][input
    /// lane][output lane of the tile]`.
    private func multiplyTransformingWeights(_ outputTile: Int) {
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
                multiplyPlane(plane, products + plane * round.outputPlane, weights, lanes, firstInput)
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
        _ plane: Int, _ output: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, _ lanes: Int, _ firstInput: Int
    ) {
        if lanes == TwoBlocks.blocks * Vector.scalarCount {
            multiplyPlane(TwoBlocks.self, plane, output, weights, firstInput)
        } else {
            multiplyPlane(OneBlock.self, plane, output, weights, firstInput)
        }
    }

    private func multiplyPlane<Sums: BlockSums>(
        _: Sums.Type, _ plane: Int, _ output: UnsafeMutablePointer<Float>, _ weights: UnsafePointer<Float>, _ firstInput: Int
    ) {
        PlaneProduct<Sums>(
            input: transformed + plane * round.inputPlane + round.offset(ofInput: firstInput), inputStep: round.depth,
            depth: min(round.depth, shape.channels.inputs - firstInput), output: output, outputStep: round.outputs,
            weights: weights, isAdded: firstInput > 0, following: round.inputPlane
        ).computeTiles(0..<tiles.count)
    }

    /// Transforms the products of an output tile back and stores the pixels that exist.
    /// - Parameter number: that of the output tile among those multiplied together.
    private func transformOutputs(_ outputTile: Int, _ number: Int) {
        let c = Vector.scalarCount
        let firstBlock = outputTile * TwoBlocks.blocks
        let blocks = firstBlock..<min(firstBlock + TwoBlocks.blocks, shape.channels.outputBlocks)
        let map = StoredMap(window, operands)
        var place = TilePlace(tiles.lowerBound, shape, size: Transform.size)
        for index in 0..<tiles.count {
            let rows = min(Transform.size, window.output.height - place.top)
            let columns = min(Transform.size, window.output.width - place.left)
            let pixel = map.pixel(row: place.top, column: place.left) * c
            for block in blocks {
                let bias = operands.bias.map { load($0 + block * c) } ?? .zero
                let output =
                    operands.output + place.image * operands.outputImageStride + block * operands.outputStride + pixel
                let residual = operands.residual.map {
                    $0 + place.image * operands.residualImageStride + block * operands.residualStride + pixel
                }
                transformTileBack(
                    products + index * round.outputs + (number * TwoBlocks.blocks + block - firstBlock) * c, bias,
                    residual,
                    output, rows, columns)
            }
            if blocks.upperBound * c > outputChannels { clearMissingChannels(of: blocks, place, map, rows, columns) }
            place.advance()
        }
    }

    @inline(never)
    private func clearMissingChannels(
        of blocks: Range<Int>, _ place: TilePlace, _ map: StoredMap, _ rows: Int, _ columns: Int
    ) {
        for row in 0..<map.count(rows) {
            let first = map.pixel(row: place.top, column: place.left) + row * map.width
            operands.clearMissingChannels(
                of: blocks, outputChannels: outputChannels, image: place.image, pixels: first..<first + map.count(columns))
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
        if operands.poolsPairs {
            poolPairs(bias, output, rows / 2, columns / 2)
        } else if let residual {
            transformRows(bias, residual, output, rows, columns)
        } else {
            transformRows(bias, output, rows, columns)
        }
    }

    // Functions of their own: inlined into one, it would be too large for the compiler to inline the rest.

    @inline(never)
    private func transformRows(_ bias: Vector, _ output: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int) {
        let c = Vector.scalarCount
        for row in 0..<rows {
            let pixels = output + row * window.output.width * c
            askForNext(pixels, Transform.size)
            Transform.transformOutput(UnsafePointer(partial) + row * Transform.span * c, c, patch, c, adding: false)
            for column in 0..<columns { store(activation(load(patch + column * c) + bias), pixels + column * c) }
        }
    }

    @inline(never)
    private func transformRows(
        _ bias: Vector, _ residual: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int
    ) {
        let c = Vector.scalarCount
        for row in 0..<rows {
            let first = row * window.output.width * c
            askForNext(output + first, Transform.size)
            Transform.transformOutput(UnsafePointer(partial) + row * Transform.span * c, c, patch, c, adding: false)
            for column in 0..<columns {
                let pixel = first + column * c
                store(activation(load(patch + column * c) + bias + load(residual + pixel)), output + pixel)
            }
        }
    }

    /// Transforms the rows of a tile two by two and stores the largest of each 2×2 pixels.
    /// - Parameters:
    ///   - rows: of the output.
    ///   - columns: of the output.
    @inline(never)
    private func poolPairs(_ bias: Vector, _ output: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int) {
        let c = Vector.scalarCount
        let span = Transform.span
        let below = patch + Transform.size * c
        for row in 0..<rows {
            let pixels = output + row * (window.output.width / 2) * c
            askForNext(pixels, Transform.size / 2)
            let products = UnsafePointer(partial) + 2 * row * span * c
            Transform.transformOutput(products, c, patch, c, adding: false)
            Transform.transformOutput(products + span * c, c, below, c, adding: false)
            for column in 0..<columns {
                let left = 2 * column * c
                let largest = PartialMaximum(load(patch + left), load(patch + left + c))
                    .joined(PartialMaximum(load(below + left), load(below + left + c))).result
                store(activation(largest + bias), pixels + column * c)
            }
        }
    }

    /// Asks for what the next tile's pixels will be stored to: a line must come before a part of it is written.
    @inline(__always)
    private func askForNext(_ pixels: UnsafeMutablePointer<Float>, _ columns: Int) {
        prefetch(pixels + columns * Vector.scalarCount, count: columns * Vector.scalarCount)
    }
}
