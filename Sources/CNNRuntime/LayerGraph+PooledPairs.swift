import CNNKernelTable

extension LayerGraph {
    /// Lets convolutions by Winograd's algorithms, whose tiles are of even size, hand on the largest of each 2×2 pixels, as long as they have
    /// them at hand: a map four times as large is neither written nor read.
    mutating func poolInConvolutions() {
        let uses = useCounts()
        let producers = producers()
        var absorbed: Set<Int> = []
        for index in layers.indices {
            guard let pooling = layers[index].computation as? PoolingComputation, pooling.takesLargestOfPairs,
                let value = layers[index].inputs[0], uses[value] == 1, let first = producers[value],
                layers[first].group == layers[index].group,
                var convolution = layers[first].computation as? ConvolutionComputation, convolution.canPoolPairs
            else { continue }
            convolution.poolsPairs = true
            layers[first].computation = convolution
            layers[first].fused += [layers[index].node] + layers[index].fused
            layers[first].outputs = layers[index].outputs
            absorbed.insert(index)
        }
        if absorbed.isEmpty { return }
        layers = layers.indices.filter { !absorbed.contains($0) }.map { layers[$0] }
    }
}

extension PoolingComputation {
    /// Whether it takes the maximum over 2×2 pixels that no other window sees, and leaves out those that are no whole window.
    fileprivate var takesLargestOfPairs: Bool {
        guard case .maximum = kind else { return false }
        let pair = Extent(depth: 1, height: 2, width: 2)
        return window.kernel == pair && window.stride == pair && window.dilation == .one && window.padBegin == .zero
            && window.output
                == Extent(depth: window.input.depth, height: window.input.height / 2, width: window.input.width / 2)
    }
}

extension ConvolutionComputation {
    fileprivate var canPoolPairs: Bool {
        // The maximum is taken before bias and activation, which must neither turn the order of two numbers nor make NaN of an infinite one
        // that is not the largest: ∞ − ∞ and 0 · ∞ are undefined.
        let isBiasFinite = bias?.allSatisfy { Float($0).isFinite } ?? true
        guard !hasResidual, !poolsPairs, isBiasFinite, activation.slope > 0 else { return false }
        switch method {
        case .winograd, .winogradColumns: return true
        case .blocked, .first, .depthwise, .planar: return false
        }
    }
}
