import CNNKernelTable

extension LayerGraph {
    /// Chooses the methods of all convolutions anew if all that a run touches stays in a core's own cache until the next run: methods of
    /// more weights are the faster where these need not come from memory. A network of a few dozen channels is such a one.
    mutating func chooseMethodsInCache(_ machine: Machine) {
        // Packed they are no fewer: what is too much already needs no second choice.
        let weightBytes = layers.indices.reduce(0.0) { sum, index in
            sum + Double((layers[index].computation as? ConvolutionComputation)?.weights.byteCount ?? 0)
        }
        guard weightBytes <= Machine.coreCache else { return }
        var graph = self
        for index in layers.indices {
            guard var convolution = layers[index].computation as? ConvolutionComputation else { continue }
            convolution.isInCache = true
            graph.layers[index].computation = convolution.choosingMethod(machine)
        }
        if graph.touchedBytes(machine) <= Machine.coreCache { self = graph }
    }

    /// Bytes of all weights and of the maps and scratch memory of the layer that has most of these: other layers' take their place.
    private func touchedBytes(_ machine: Machine) -> Double {
        var weights = 0.0
        var largest = 0.0
        for layer in layers {
            let packed = layer.computation.constantBytes
            weights += Double(packed)
            var touched = Double(layer.computation.scratchCount(machine)) * Double(MemoryLayout<Float>.stride)
            for value in Set(layer.values) {
                if values[value].constant == nil {
                    touched += bytes(value, machine)
                } else if packed == 0 {
                    weights += bytes(value, machine)
                }
            }
            largest = max(largest, touched)
        }
        return weights + largest
    }

    /// Infinite for a value of unknown size.
    private func bytes(_ value: Int, _ machine: Machine) -> Double {
        guard let shape = values[value].shape else { return .infinity }
        let map = FeatureMap(shape)
        let count = Double(map.images) * Double(map.imageCount(.blocked, machine.kernels) ?? .max)
        return count * Double(MemoryLayout<Float>.stride)
    }
}
