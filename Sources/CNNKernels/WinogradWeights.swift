import CNNKernelTable

/// Transformed weights of Winograd convolutions: `[output tile][plane][input channel][output lane of the tile]`.
extension Kernels {
    package func winogradWeightCount(_ geometry: ConvolutionGeometry, _ form: WinogradForm) -> Int {
        let channels = WinogradChannels(geometry)
        return form.planes * channels.inputs * channels.outputs
    }

    package func packWinogradWeights(
        _ geometry: ConvolutionGeometry, _ form: WinogradForm, weights: UnsafePointer<Float>, outputTiles: Range<Int>,
        to packed: UnsafeMutablePointer<Float>
    ) {
        switch form {
        case .f2x3: pack(TwoOfThree.self, geometry, weights, outputTiles, packed)
        case .f4x3: pack(FourOfThree.self, geometry, weights, outputTiles, packed)
        case .f6x3: pack(SixOfThree.self, geometry, weights, outputTiles, packed)
        case .f2x5: pack(TwoOfFive.self, geometry, weights, outputTiles, packed)
        case .f4x5: pack(FourOfFive.self, geometry, weights, outputTiles, packed)
        }
    }

    private func pack<Transform: WinogradTransform>(
        _: Transform.Type, _ geometry: ConvolutionGeometry, _ weights: UnsafePointer<Float>, _ outputTiles: Range<Int>,
        _ packed: UnsafeMutablePointer<Float>
    ) {
        let c = Vector.scalarCount
        let channels = WinogradChannels(geometry)
        let tileChannels = TwoBlocks.blocks * c
        let taps = Transform.kernel * Transform.kernel
        withWeightTransform(Transform.self) { transform in
            let gathered = transform.block
            for tile in outputTiles {
                let firstOutput = tile * tileChannels
                let lanes = min(tileChannels, channels.outputs - firstOutput)
                let target = packed + firstOutput * channels.inputs * Transform.span * Transform.span
                // A block of input channels at a time: their weights lie side by side, and their transform stays in the cache.
                for firstInput in stride(from: 0, to: channels.inputs, by: c) {
                    gather(
                        geometry, weights, outputs: firstOutput..<min(firstOutput + lanes, geometry.outputChannels),
                        inputs: firstInput..<min(firstInput + c, geometry.inputChannels), lanes: lanes, gathered)
                    for input in 0..<c {
                        transform.run(
                            gathered + input * taps * lanes, tapStep: lanes, lanes: lanes,
                            target + (firstInput + input) * lanes, planeStep: channels.inputs * lanes)
                    }
                }
            }
        }
    }

    /// Turns `[output][input][tap]` to `[input][tap][lane]`, with zeros for channels that do not exist.
    private func gather(
        _ geometry: ConvolutionGeometry, _ weights: UnsafePointer<Float>, outputs: Range<Int>, inputs: Range<Int>, lanes: Int,
        _ gathered: UnsafeMutablePointer<Float>
    ) {
        let taps = geometry.window.kernel.count
        let count = inputs.count * taps
        if outputs.count < lanes || inputs.count < Vector.scalarCount {
            gathered.update(repeating: 0, count: Vector.scalarCount * taps * lanes)
        }
        for (lane, output) in outputs.enumerated() {
            let source = weights + (output * geometry.inputChannels + inputs.lowerBound) * taps
            var target = gathered + lane
            for index in 0..<count {
                target.pointee = source[index]
                target += lanes
            }
        }
    }
}

/// Channel counts in whole blocks.
struct WinogradChannels {
    let inputBlocks: Int
    let outputBlocks: Int

    init(_ geometry: ConvolutionGeometry) {
        let c = Vector.scalarCount
        inputBlocks = (geometry.inputChannels + c - 1) / c
        outputBlocks = (geometry.outputChannels + c - 1) / c
    }

    var inputs: Int { inputBlocks * Vector.scalarCount }
    var outputs: Int { outputBlocks * Vector.scalarCount }
}

/// Calls `body` with a transform that has its memory.
func withWeightTransform<Transform: WinogradTransform>(
    _: Transform.Type, _ body: (WeightTransform<Transform>) -> Void
) {
    let (span, kernel, c) = (Transform.span, Transform.kernel, Vector.scalarCount)
    let partial = span * kernel * TwoBlocks.blocks * c
    let block = c * kernel * kernel * TwoBlocks.blocks * c
    withUnsafeTemporaryAllocation(
        byteCount: (block + partial + span * kernel) * MemoryLayout<Float>.stride,
        alignment: MemoryLayout<Vector>.alignment
    ) { bytes in
        let base = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
        Transform.writeWeightMatrix(to: base + block + partial)
        body(WeightTransform(block: base, partial: base + block, matrix: base + block + partial))
    }
}

/// `G·w·Gᵀ` on vectors of output channels.
struct WeightTransform<Transform: WinogradTransform> {
    /// Room for the weights from a block of input channels to an output tile.
    let block: UnsafeMutablePointer<Float>
    /// `G·w`: `[m + r − 1][r][lane]`.
    let partial: UnsafeMutablePointer<Float>
    /// G.
    let matrix: UnsafePointer<Float>

    fileprivate init(
        block: UnsafeMutablePointer<Float>, partial: UnsafeMutablePointer<Float>, matrix: UnsafeMutablePointer<Float>
    ) {
        self.block = block
        self.partial = partial
        self.matrix = UnsafePointer(matrix)
    }

    /// Transforms the weights from one input channel to `lanes` output channels (an output tile), whose taps lie `tapStep` floats
    /// apart, to planes `planeStep` floats apart.
    @inline(__always)
    func run(
        _ weights: UnsafePointer<Float>, tapStep: Int, lanes: Int, _ planes: UnsafeMutablePointer<Float>, planeStep: Int
    ) {
        if lanes == TwoBlocks.blocks * Vector.scalarCount {
            run(TwoBlocks.self, weights, tapStep, planes, planeStep)
        } else {
            run(OneBlock.self, weights, tapStep, planes, planeStep)
        }
    }

    @inline(never)
    private func run<Sums: BlockSums>(
        _: Sums.Type, _ weights: UnsafePointer<Float>, _ tapStep: Int, _ planes: UnsafeMutablePointer<Float>,
        _ planeStep: Int
    ) {
        let (span, kernel, c) = (Transform.span, Transform.kernel, Vector.scalarCount)
        let lanes = Sums.blocks * c
        for column in 0..<kernel {
            for block in 0..<Sums.blocks {
                transform(
                    weights + column * tapStep + block * c, kernel * tapStep, partial + column * lanes + block * c,
                    kernel * lanes)
            }
        }
        for row in 0..<span {
            // All blocks at once: a plane's vectors fill a cache line, and the planes' lines compete for their place.
            for block in 0..<Sums.blocks {
                transform(
                    UnsafePointer(partial) + row * kernel * lanes + block * c, lanes,
                    planes + row * span * planeStep + block * c, planeStep)
            }
        }
    }

    /// G·w. The points behind 0 come in pairs ±p, whose rows share their even part and, but for the sign, their odd part.
    @inline(__always)
    private func transform(
        _ source: UnsafePointer<Float>, _ sourceStep: Int, _ target: UnsafeMutablePointer<Float>, _ targetStep: Int
    ) {
        let (span, kernel) = (Transform.span, Transform.kernel)
        let first = load(source)
        store(matrix[0] * first, target)
        var factors = matrix + kernel
        var values = target + targetStep
        for _ in 0..<(span - 2) / 2 {
            var even = factors[0] * first
            var odd = factors[1] * load(source + sourceStep)
            even = multiplyAdd(even, factors[2], load(source + 2 * sourceStep))
            if kernel == 5 {
                odd = multiplyAdd(odd, factors[3], load(source + 3 * sourceStep))
                even = multiplyAdd(even, factors[4], load(source + 4 * sourceStep))
            }
            store(even + odd, values)
            store(even - odd, values + targetStep)
            factors += 2 * kernel
            values += 2 * targetStep
        }
        store(load(source + (kernel - 1) * sourceStep), values)
    }
}
