import CNNKernelTable

/// Transformed weights of Winograd convolutions: `[output tile][plane][input channel][output lane of the tile]`, each plane once.
extension Kernels {
    package func winogradWeightCount(_ geometry: ConvolutionGeometry, _ form: WinogradForm) -> Int {
        let channels = WinogradChannels(geometry)
        return form.weightPlanes * channels.inputs * channels.outputs
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
        case .f2x3stride2: pack(TwoOfThreeStrideTwo.self, geometry, weights, outputTiles, packed)
        case .f4x3stride2: pack(FourOfThreeStrideTwo.self, geometry, weights, outputTiles, packed)
        case .f2x5stride2: pack(TwoOfFiveStrideTwo.self, geometry, weights, outputTiles, packed)
        case .f4x5stride2: pack(FourOfFiveStrideTwo.self, geometry, weights, outputTiles, packed)
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
        withUnsafeTemporaryAllocation(
            byteCount: c * taps * tileChannels * MemoryLayout<Float>.stride, alignment: MemoryLayout<Vector>.alignment
        ) { bytes in
            let gathered = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
            for tile in outputTiles {
                let firstOutput = tile * tileChannels
                let lanes = min(tileChannels, channels.outputs - firstOutput)
                let target = packed + firstOutput * channels.inputs * Transform.weightSpan * Transform.weightSpan
                // A block of input channels at a time: their weights lie side by side, and their transform stays in the cache.
                for firstInput in stride(from: 0, to: channels.inputs, by: c) {
                    gatherWeights(
                        geometry, weights, outputs: firstOutput..<min(firstOutput + lanes, geometry.outputChannels),
                        inputs: firstInput..<min(firstInput + c, geometry.inputChannels), lanes: lanes, gathered)
                    for input in 0..<c {
                        WeightTransform<Transform>.run(
                            gathered + input * taps * lanes, tapStep: lanes, lanes: lanes,
                            target + (firstInput + input) * lanes, planeStep: channels.inputs * lanes)
                    }
                }
            }
        }
    }

    /// Turns `[output][input][tap]` to `[input][tap][lane]`, with zeros for channels that do not exist.
    func gatherWeights(
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

/// `G·w·Gᵀ` on vectors of output channels.
struct WeightTransform<Transform: WinogradTransform> {
    /// Transforms the weights from one input channel to `lanes` output channels (an output tile), whose taps lie `tapStep` floats
    /// apart, to planes `planeStep` floats apart.
    @inline(__always)
    static func run(
        _ weights: UnsafePointer<Float>, tapStep: Int, lanes: Int, _ planes: UnsafeMutablePointer<Float>, planeStep: Int
    ) {
        for lane in stride(from: 0, to: lanes, by: Vector.scalarCount) {
            transform(weights + lane, tapStep, planes + lane, planeStep)
        }
    }

    @inline(never)
    private static func transform(
        _ weights: UnsafePointer<Float>, _ tapStep: Int, _ planes: UnsafeMutablePointer<Float>, _ planeStep: Int
    ) {
        var rows = TransformedRows<Transform>(planes: WeightPlanes(next: planes, step: planeStep))
        Transform.transformWeights(WeightRows<Transform.Weights>(taps: weights, step: tapStep), to: &rows)
    }
}
