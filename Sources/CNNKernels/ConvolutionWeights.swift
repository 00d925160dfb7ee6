import CNNKernelTable

/// Packing of convolution weights.
extension Kernels {
    package func blockedWeightCount(_ geometry: ConvolutionGeometry) -> Int {
        let shape = BlockedShape(geometry, inputLanes: Vector.scalarCount)
        return geometry.groups * shape.outputBlocks * shape.weightsPerBlock
    }

    package func packBlockedWeights(
        _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>, outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        pack(geometry, inputLanes: Vector.scalarCount, weights: weights, outputTiles, to: packed)
    }

    package func firstWeightCount(_ geometry: ConvolutionGeometry) -> Int {
        let shape = BlockedShape(geometry, inputLanes: 1)
        return geometry.groups * shape.outputBlocks * shape.weightsPerBlock
    }

    package func packFirstWeights(
        _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>, outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        pack(geometry, inputLanes: 1, weights: weights, outputTiles, to: packed)
    }

    /// `[groups][output tile][input block][tap][input lane][output lane of the tile]`: the order in which the register tile
    /// uses them.
    private func pack(
        _ geometry: ConvolutionGeometry, inputLanes: Int, weights: UnsafePointer<Float>, _ outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        let c = Vector.scalarCount
        let shape = BlockedShape(geometry, inputLanes: inputLanes)
        let inputs = geometry.inputChannels / geometry.groups
        let outputs = geometry.outputChannels / geometry.groups
        let taps = geometry.window.kernel.count
        for tile in outputTiles {
            let group = tile / shape.tilesPerGroup
            let firstBlock = (tile - group * shape.tilesPerGroup) * TwoBlocks.blocks
            let lanes = min(TwoBlocks.blocks, shape.outputBlocks - firstBlock) * c
            let existing = min(lanes, outputs - firstBlock * c)
            var target = packed + (group * shape.outputBlocks + firstBlock) * shape.weightsPerBlock
            for inputBlock in 0..<shape.inputBlocks {
                let firstChannel = inputBlock * inputLanes
                let channels = min(inputLanes, inputs - firstChannel)
                if existing < lanes || channels < inputLanes {
                    target.update(repeating: 0, count: taps * inputLanes * lanes)
                }
                // Output by output, since the weights of an output lie side by side.
                var source = weights + ((group * outputs + firstBlock * c) * inputs + firstChannel) * taps
                for lane in 0..<existing {
                    var weight = source
                    for channel in 0..<channels {
                        var element = target + channel * lanes + lane
                        for _ in 0..<taps {
                            element.pointee = weight.pointee
                            weight += 1
                            element += inputLanes * lanes
                        }
                    }
                    source += inputs * taps
                }
                target += taps * inputLanes * lanes
            }
        }
    }

    package func depthwiseWeightCount(_ geometry: ConvolutionGeometry) -> Int {
        let c = Vector.scalarCount
        return (geometry.inputChannels + c - 1) / c * c * geometry.window.kernel.count
    }

    package func packDepthwiseWeights(
        _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>, blocks: Range<Int>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        let c = Vector.scalarCount
        let taps = geometry.window.kernel.count
        for block in blocks {
            for tap in 0..<taps {
                for lane in 0..<c {
                    let channel = block * c + lane
                    packed[(block * taps + tap) * c + lane] =
                        channel < geometry.inputChannels ? weights[channel * taps + tap] : 0
                }
            }
        }
    }
}
