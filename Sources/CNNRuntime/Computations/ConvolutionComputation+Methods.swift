import CNNKernelTable

/// Which kernels can compute a convolution, and what each costs.
extension ConvolutionComputation {
    enum Method: Sendable, Hashable {
        case blocked
        /// F(size×size, 3×3).
        case winograd(size: Int)
        case first
        case depthwise
        case planar
    }

    /// A method with the time it takes, counted in multiplications.
    struct Alternative: Sendable, Hashable {
        let method: Method
        let cost: Double
    }

    /// The methods to choose from, the fastest first; never empty.
    static func alternatives(_ geometry: ConvolutionGeometry, images: Int, _ machine: Machine) -> [Alternative] {
        let kernels = machine.kernels
        if kernels.supportsDepthwise(geometry) { return [Alternative(method: .depthwise, cost: 0)] }
        if kernels.supportsFirst(geometry) { return [Alternative(method: .first, cost: 0)] }
        guard kernels.supportsBlocked(geometry) else { return [Alternative(method: .planar, cost: 0)] }
        guard machine.mode == .fast, kernels.supportsWinograd(geometry) else {
            return [Alternative(method: .blocked, cost: 0)]
        }
        return winogradOrDirect(geometry, images: images, kernels)
    }

    /// Winograd's methods beside direct convolution, by this count of operations: multiplications, transforms, and the weights,
    /// which come from memory once a run.
    private static func winogradOrDirect(
        _ geometry: ConvolutionGeometry, images: Int, _ kernels: any KernelTable
    ) -> [Alternative] {
        // Reading a weight from memory takes as long as so many multiplications: 10 GB/s against 60 G/s, rounded down since
        // the larger caches keep some.
        let costOfReading = 16.0
        // A transform is about so many additions an element along each of two axes.
        let costOfTransform = 8.0
        let pairs = Double(geometry.inputChannels) * Double(geometry.outputChannels)
        let channels = Double(geometry.inputChannels + geometry.outputChannels)
        let pixels = Double(geometry.window.output.count) * Double(images)
        var alternatives = [Alternative(method: .blocked, cost: 9 * pairs * (pixels + costOfReading))]
        // F(6×6) saves little more and loses two more digits than F(4×4).
        for size in kernels.winogradSizes where size <= 4 {
            let elements = Double((size + 2) * (size + 2))
            let tiles = Double(kernels.winogradTiles(geometry, size: size)) * Double(images)
            let cost = elements * (pairs * (tiles + costOfReading) + costOfTransform * tiles * channels)
            alternatives.append(Alternative(method: .winograd(size: size), cost: cost))
        }
        return alternatives.sorted { $0.cost < $1.cost }
    }
}
