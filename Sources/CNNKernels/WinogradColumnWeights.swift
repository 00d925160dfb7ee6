import CNNKernelTable

/// One call of `packWinogradColumnWeights`: `[output tile][plane][tap][output lane of the tile]`.
struct ColumnWeights: ColumnWork {
    let kernels: Kernels
    let geometry: ConvolutionGeometry
    let shape: ColumnShape
    let weights: UnsafePointer<Float>
    let outputTiles: Range<Int>
    let packed: UnsafeMutablePointer<Float>

    func run<Transform: WinogradTransform, Step: PixelStep>(_: Transform.Type, _: Step.Type) {
        let c = Vector.scalarCount
        let tileChannels = TwoBlocks.blocks * c
        let kernel = geometry.window.kernel
        withUnsafeTemporaryAllocation(of: Float.self, capacity: c * kernel.count * tileChannels) { room in
            let gathered = room.baseAddress.unsafelyUnwrapped
            for tile in outputTiles {
                let first = tile * tileChannels
                let lanes = min(tileChannels, shape.outputBlocks * c - first)
                let target = packed + first * shape.planes * shape.taps
                for firstInput in stride(from: 0, to: geometry.inputChannels, by: c) {
                    let inputs = firstInput..<min(firstInput + c, geometry.inputChannels)
                    kernels.gatherWeights(
                        geometry, weights, outputs: first..<min(first + lanes, geometry.outputChannels), inputs: inputs,
                        lanes: lanes, gathered)
                    for input in inputs {
                        for column in 0..<kernel.width {
                            let top = gathered + ((input - firstInput) * kernel.count + column) * lanes
                            let plane = target + shape.tap(input, column) * lanes
                            for lane in stride(from: 0, to: lanes, by: c) {
                                var planes = WeightPlanes(next: plane + lane, step: shape.taps * lanes)
                                Transform.transformWeights(
                                    WeightRows<OneWeight>(taps: top + lane, step: kernel.width * lanes), to: &planes)
                            }
                        }
                    }
                }
            }
        }
    }
}
