import CNNKernelTable

/// Direct convolution on the blocked layout.
///
/// A register tile is a few pixels by `convolutionBlockTile` channel blocks. Its inner loop runs over the channels of one
/// input block under one tap of the kernel: load the weights (contiguous, in the order they are used), broadcast one input element
/// per pixel, multiply and add.
extension Kernels {
    package var convolutionPixelTile: Int { MainTile<TwoBlocks>.pixels }
    package var convolutionBlockTile: Int { TwoBlocks.blocks }

    package func supportsBlocked(_ geometry: ConvolutionGeometry) -> Bool {
        let c = Vector.scalarCount
        let wholeBlocks =
            geometry.inputChannels % (geometry.groups * c) == 0 && geometry.outputChannels % (geometry.groups * c) == 0
        return geometry.window.isPlane && (geometry.groups == 1 || wholeBlocks)
    }

    package func blockedOutputTiles(_ geometry: ConvolutionGeometry) -> Int {
        BlockedShape(geometry, inputLanes: Vector.scalarCount).outputTiles
    }

    package func convolveBlocked(
        _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, outputTiles: Range<Int>, pixels: Range<Int>
    ) {
        if geometry.inputChannels / geometry.groups % Vector.scalarCount == 0 {
            convolveBlocked(WholeBlocks.self, geometry, operands, outputTiles: outputTiles, pixels: pixels)
        } else {
            convolveBlocked(PaddedBlocks.self, geometry, operands, outputTiles: outputTiles, pixels: pixels)
        }
    }

    @inline(__always)
    private func convolveBlocked<Filling: BlockFilling>(
        _: Filling.Type, _ geometry: ConvolutionGeometry, _ operands: ConvolutionOperands, outputTiles: Range<Int>,
        pixels: Range<Int>
    ) {
        let shape = BlockedShape(geometry, inputLanes: Vector.scalarCount)
        let window = geometry.window
        let stepCount = shape.inputBlocks * window.kernel.count
        let maskCount = window.kernel.height + window.kernel.width
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Vector.scalarCount) { zeros in
            zeros.initialize(repeating: 0)
            withUnsafeTemporaryAllocation(byteCount: (2 * stepCount + maskCount) * MemoryLayout<Int>.stride, alignment: 64) {
                table in
                let steps = table.baseAddress.unsafelyUnwrapped.bindMemory(to: TapStep.self, capacity: stepCount)
                let masks = UnsafeMutableRawPointer(steps + stepCount).bindMemory(to: Int.self, capacity: maskCount)
                let run = DirectConvolution<Filling>(
                    shape: shape, window: window, operands: operands, activation: VectorActivation(operands.activation),
                    outputChannels: geometry.outputChannels, steps: steps, stepCount: stepCount,
                    isPointwise: window.isPointwise, rowMasks: masks, columnMasks: masks + window.kernel.height,
                    zeros: UnsafePointer(zeros.baseAddress.unsafelyUnwrapped))
                run.listSteps(inputChannels: geometry.inputChannels / geometry.groups)
                let band = bandPixels(geometry, shape.inputBlocks * Vector.scalarCount)
                var first = pixels.lowerBound
                while first < pixels.upperBound {
                    let end = min(first + band, pixels.upperBound)
                    for tile in outputTiles {
                        run.computeTile(tile, pixels: first..<end)
                    }
                    first = end
                }
            }
        }
    }

    /// Output pixels whose inputs stay in the second-level cache while all output tiles pass over them; but enough of them to
    /// pay for reading the weights once more. Each tap more is more arithmetic on the same input, which may then come from
    /// further away.
    private func bandPixels(_ geometry: ConvolutionGeometry, _ channels: Int) -> Int {
        let window = geometry.window
        let inputRows = 384 * 1024 * window.kernel.width / max(1, window.input.width * channels * MemoryLayout<Float>.stride)
        let reach = (window.kernel.height - 1) * window.dilation.height
        let rows = max(0, inputRows - reach) / window.stride.height
        let tile = MainTile<TwoBlocks>.pixels
        return max(rows * window.output.width / tile, 16) * tile
    }
}

/// Whether the last input block may have fewer channels than fit in. A type, since that choice in the inner loop costs registers.
protocol BlockFilling {
    static var isWhole: Bool { get }
}

enum WholeBlocks: BlockFilling {
    @inline(__always) static var isWhole: Bool { true }
}

enum PaddedBlocks: BlockFilling {
    @inline(__always) static var isWhole: Bool { false }
}

/// Block counts of a blocked convolution.
struct BlockedShape {
    /// Input blocks of one group.
    let inputBlocks: Int
    /// Output blocks of one group.
    let outputBlocks: Int
    /// Output tiles of one group; the last may be short.
    let tilesPerGroup: Int
    /// Floats of packed weights for one output block of one group.
    let weightsPerBlock: Int

    /// Output tiles of all groups.
    let outputTiles: Int

    /// - Parameter inputLanes: how many channels of a pixel lie side by side in the input: 1 for an image as it is.
    init(_ geometry: ConvolutionGeometry, inputLanes: Int) {
        let c = Vector.scalarCount
        inputBlocks = (geometry.inputChannels / geometry.groups + inputLanes - 1) / inputLanes
        outputBlocks = (geometry.outputChannels / geometry.groups + c - 1) / c
        tilesPerGroup = (outputBlocks + TwoBlocks.blocks - 1) / TwoBlocks.blocks
        outputTiles = tilesPerGroup * geometry.groups
        weightsPerBlock = inputBlocks * geometry.window.kernel.count * inputLanes * c
    }
}

/// The pixels of one output tile.
private struct OutputTile<Filling: BlockFilling, Sums: BlockSums>: RegisterTiling {
    let convolution: DirectConvolution<Filling>
    let block: Int
    let weights: UnsafePointer<Float>
    let input: UnsafePointer<Float>

    @inline(__always)
    func compute<Tile: PixelSums>(_: Tile.Type, _ first: Int, _ count: Int)
    where Tile.Sums == Sums, Tile.Pointers: MaskedPointers {
        convolution.compute(Tile.self, block, weights, input, first, count)
    }
}

/// An input block under a tap.
struct TapStep {
    /// Where it lies, from a pixel's first input.
    let offset: Int
    /// Channels that exist in the block.
    let channels: Int
}

/// One call of `convolveBlocked`.
struct DirectConvolution<Filling: BlockFilling> {
    let shape: BlockedShape
    let window: WindowGeometry
    let operands: ConvolutionOperands
    let activation: VectorActivation
    /// Of all groups.
    let outputChannels: Int
    /// `[inputBlocks][kH][kW]`.
    let steps: UnsafeMutablePointer<TapStep>
    let stepCount: Int
    /// 1×1, stride 1, no padding.
    let isPointwise: Bool
    /// For each row of the kernel, a bit per pixel of the current tile: whether it falls inside the map.
    let rowMasks: UnsafeMutablePointer<Int>
    /// The same for each column.
    let columnMasks: UnsafeMutablePointer<Int>
    /// What a tap beyond the map reads: one block.
    let zeros: UnsafePointer<Float>

    /// - Parameter inputChannels: of one group.
    func listSteps(inputChannels: Int) {
        let rowStep = window.dilation.height * window.input.width * Vector.scalarCount
        let columnStep = window.dilation.width * Vector.scalarCount
        var step = steps
        for inputBlock in 0..<shape.inputBlocks {
            let channels = min(inputChannels - inputBlock * Vector.scalarCount, Vector.scalarCount)
            for tapRow in 0..<window.kernel.height {
                for tapColumn in 0..<window.kernel.width {
                    let offset = inputBlock * operands.inputStride + tapRow * rowStep + tapColumn * columnStep
                    step.initialize(to: TapStep(offset: offset, channels: channels))
                    step += 1
                }
            }
        }
    }

    @inline(__always)
    func computeTile(_ tile: Int, pixels: Range<Int>) {
        let group = tile / shape.tilesPerGroup
        let tileInGroup = tile - group * shape.tilesPerGroup
        let blockInGroup = tileInGroup * TwoBlocks.blocks
        let block = group * shape.outputBlocks + blockInGroup
        let weights = operands.weights + block * shape.weightsPerBlock
        let input = operands.input + group * shape.inputBlocks * operands.inputStride
        var rest = pixels
        if shape.outputBlocks - blockInGroup >= 2 {
            if isPointwise {
                let sizes = TileSizes(pixels.count, limit: MainTile<TwoBlocks>.pixels)
                let call = PointwiseCall(convolution: self, block: block, weights: weights, input: input)
                call.compute(sizes.longer, tilesOf: sizes.size + 1, &rest)
                call.compute(sizes.tiles - sizes.longer, tilesOf: sizes.size, &rest)
            }
            run(TwoBlocks.self, block: block, weights: weights, input: input, pixels: rest)
        } else {
            if isPointwise {
                let call = PointwiseCall(convolution: self, block: block, weights: weights, input: input)
                call.compute(TwelvePixels<OneBlock>.self, pixels.count / TwelvePixels<OneBlock>.pixels, &rest)
            }
            run(OneBlock.self, block: block, weights: weights, input: input, pixels: rest)
        }
    }

    @inline(never)
    private func run<Sums: BlockSums>(
        _: Sums.Type, block: Int, weights: UnsafePointer<Float>, input: UnsafePointer<Float>, pixels: Range<Int>
    ) {
        OutputTile<Filling, Sums>(convolution: self, block: block, weights: weights, input: input).computeTiles(pixels)
    }

    @inline(__always)
    func compute<Tile: PixelSums>(
        _: Tile.Type, _ block: Int, _ weights: UnsafePointer<Float>, _ input: UnsafePointer<Float>, _ first: Int,
        _ count: Int
    ) where Tile.Pointers: MaskedPointers {
        var sums = Tile()
        if isPointwise {
            // Pixel for pixel the same place, and no border: nothing to look up.
            var index = 0
            let pointers = Tile.Pointers {
                defer { index += 1 }
                return input + (first + min(index, count - 1)) * Vector.scalarCount
            }
            accumulate(&sums, pointers, weights)
        } else {
            var inside = true
            let pointers = locate(Tile.self, input, first, count, &inside)
            if inside {
                accumulate(&sums, pointers, weights)
            } else {
                markTaps(first, count)
                accumulateMasked(&sums, pointers, weights)
            }
        }
        withUnsafeBytes(of: &sums) { bytes in
            let vectors = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Vector.self)
            storeSums(vectors, Tile.Sums.blocks, block, first, count)
        }
    }

    /// The first input of each pixel of a tile; `inside` becomes false where a tap of one lies beyond the border.
    @inline(__always)
    func locate<Tile: PixelSums>(
        _: Tile.Type, _ input: UnsafePointer<Float>, _ first: Int, _ count: Int, _ inside: inout Bool
    ) -> Tile.Pointers {
        let width = window.output.width
        let rowStride = window.input.width * Vector.scalarCount
        var y = first / width
        var x = first - y * width
        let maxY = window.input.height - (window.kernel.height - 1) * window.dilation.height
        let maxX = window.input.width - (window.kernel.width - 1) * window.dilation.width
        var pixel = 0
        return Tile.Pointers {
            let inputY = y * window.stride.height - window.padBegin.height
            let inputX = x * window.stride.width - window.padBegin.width
            inside = inside && inputY >= 0 && inputX >= 0 && inputY < maxY && inputX < maxX
            // Pixels past the end repeat the last one: their sums are not stored.
            pixel += 1
            if pixel < count {
                x += 1
                if x == width {
                    x = 0
                    y += 1
                }
            }
            return input + inputY * rowStride + inputX * Vector.scalarCount
        }
    }

    /// All taps of all pixels lie inside the map: one flat loop over the places that `steps` lists.
    ///
    /// A function of its own, as is the next: inlined among their callers, the sums would not stay in registers.
    @inline(never)
    func accumulate<Tile: PixelSums>(
        _ result: UnsafeMutablePointer<Tile>, _ pointers: Tile.Pointers, _ weights: UnsafePointer<Float>
    ) where Tile.Pointers: MaskedPointers {
        var weights = weights
        var sums = Tile()
        var step = UnsafePointer(steps)
        let end = step + stepCount
        repeat {
            let tapPointers = pointers.moved(step.pointee.offset, mask: ~0, zeros: zeros)
            if Filling.isWhole {
                sums.addBlock(tapPointers, 0, weights)
            } else {
                sums.addBlock(tapPointers, channels: step.pointee.channels, weights)
            }
            weights += Vector.scalarCount * Tile.weightStep
            step += 1
        } while step < end
        result.pointee = sums
    }

    /// The same sum in the same order, with zeros for the taps beyond the border.
    @inline(never)
    func accumulateMasked<Tile: PixelSums>(
        _ result: UnsafeMutablePointer<Tile>, _ pointers: Tile.Pointers, _ weights: UnsafePointer<Float>
    ) where Tile.Pointers: MaskedPointers {
        var weights = weights
        var step = steps
        var sums = Tile()
        for _ in 0..<shape.inputBlocks {
            for tapRow in 0..<window.kernel.height {
                for tapColumn in 0..<window.kernel.width {
                    let mask = rowMasks[tapRow] & columnMasks[tapColumn]
                    let tapPointers = pointers.moved(step.pointee.offset, mask: mask, zeros: zeros)
                    if Filling.isWhole {
                        sums.addBlock(tapPointers, 0, weights)
                    } else {
                        sums.addBlock(tapPointers, channels: step.pointee.channels, weights)
                    }
                    weights += Vector.scalarCount * Tile.weightStep
                    step += 1
                }
            }
        }
        result.pointee = sums
    }

    /// Fills the masks for the tile of `count` pixels from `first`.
    @inline(never)
    func markTaps(_ first: Int, _ count: Int) {
        let (kernel, dilation) = (window.kernel, window.dilation)
        rowMasks.update(repeating: 0, count: kernel.height)
        columnMasks.update(repeating: 0, count: kernel.width)
        var y = first / window.output.width
        var x = first - y * window.output.width
        for pixel in 0..<count {
            var inputY = y * window.stride.height - window.padBegin.height
            for tap in 0..<kernel.height {
                rowMasks[tap] |= (inputY >= 0 && inputY < window.input.height ? 1 : 0) << pixel
                inputY += dilation.height
            }
            var inputX = x * window.stride.width - window.padBegin.width
            for tap in 0..<kernel.width {
                columnMasks[tap] |= (inputX >= 0 && inputX < window.input.width ? 1 : 0) << pixel
                inputX += dilation.width
            }
            x += 1
            if x == window.output.width {
                x = 0
                y += 1
            }
        }
    }

    /// Adds bias and residual to the sums `[pixel][block]` of a tile, applies the activation and stores the first `count` pixels.
    @inline(never)
    func storeSums(_ sums: UnsafePointer<Vector>, _ blocks: Int, _ block: Int, _ first: Int, _ count: Int) {
        let c = Vector.scalarCount
        for index in 0..<blocks {
            let bias = operands.bias.map { load($0 + (block + index) * c) } ?? .zero
            var output = operands.output + (block + index) * operands.outputStride + first * c
            var sum = sums + index
            if let residual = operands.residual {
                var addend = residual + (block + index) * operands.residualStride + first * c
                for _ in 0..<count {
                    store(activation(sum.pointee + bias + load(addend)), output)
                    addend += c
                    output += c
                    sum += blocks
                }
            } else {
                for _ in 0..<count {
                    store(activation(sum.pointee + bias), output)
                    output += c
                    sum += blocks
                }
            }
        }
        operands.clearMissingChannels(
            of: block..<block + blocks, outputChannels: outputChannels, pixels: first..<first + count)
    }
}
