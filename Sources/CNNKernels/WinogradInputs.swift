import CNNKernelTable

/// One call of `transformWinogradInputs`.
struct InputTransformation: WinogradWork {
    let call: WinogradCall
    /// `[plane][channel / depth][tile][channel % depth]`.
    let transformed: UnsafeMutablePointer<Float>

    func run<Transform: WinogradTransform>(_: Transform.Type) {
        Transform.withTileVectors { patch, partial in
            TileTransform<Transform>(
                shape: call.shape, round: call.round, window: call.window, operands: call.operands, transformed: transformed,
                patch: patch, partial: partial
            ).run(call.tiles)
        }
    }
}

private struct TileTransform<Transform: WinogradTransform> {
    let shape: WinogradShape
    let round: WinogradRound
    let window: WindowGeometry
    let operands: ConvolutionOperands
    let transformed: UnsafeMutablePointer<Float>
    /// One tile's vectors `[span][span]`.
    let patch: UnsafeMutablePointer<Float>
    /// The same, transformed along one axis.
    let partial: UnsafeMutablePointer<Float>

    /// Transforms all input blocks of some tiles.
    func run(_ tiles: Range<Int>) {
        // A few blocks at a time: with all of them the rows of the map would be more streams than the processor can foresee,
        // with fewer the cache lines of the planes would be written in parts.
        let together = max(1, 64 / MemoryLayout<Vector>.stride)
        for firstBlock in stride(from: 0, to: shape.channels.inputBlocks, by: together) {
            let blocks = firstBlock..<min(firstBlock + together, shape.channels.inputBlocks)
            var place = TilePlace(tiles.lowerBound, shape, size: Transform.size)
            for index in 0..<tiles.count {
                // A tile sees too little of a row for the processor to foresee what comes next.
                for block in blocks where block + together < shape.channels.inputBlocks { ask(place, block + together) }
                transformInput(place, blocks, transformed + index * round.depth)
                place.advance()
            }
        }
    }

    /// Asks for what a tile sees of a block, but for the columns that it shares with the tile before.
    @inline(__always)
    private func ask(_ place: TilePlace, _ block: Int) {
        let c = Vector.scalarCount
        let columns = Transform.size * Transform.stride
        let top = place.top * Transform.stride - window.padBegin.height
        let left = place.left * Transform.stride - window.padBegin.width + Transform.span - columns
        let map = operands.input + place.image * operands.inputImageStride + block * operands.inputStride
        for row in top..<top + Transform.span {
            prefetch(map + (row * window.input.width + left) * c, count: columns * c)
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
}
