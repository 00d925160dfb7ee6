import CNNKernelTable
import CNNModels
import CNNOperators
import CNNTensors

extension LayerGraph {
    /// Takes averages of the input of a 1×1 convolution in place of its output, where that takes less time. Both are linear and one works
    /// on pixels, the other on channels, so their order does not matter but for rounding; and behind the average there are fewer pixels to
    /// convolve. DenseNet's transitions are such layers.
    mutating func averageBeforeConvolutions(_ machine: Machine) {
        let uses = useCounts()
        let producers = producers()
        for index in layers.indices {
            guard let value = layers[index].inputs.first ?? nil, uses[value] == 1, let first = producers[value],
                let convolution = layers[first].computation as? ConvolutionComputation,
                let source = layers[first].inputs[0], let shape = kernelShape(source),
                let average = Average(layers[index], of: convolution, machine), average.pays,
                let averaged = addValue(named: values[value].name, like: shape, on: average.output)
            else { continue }
            let result = layers[index].outputs
            layers[index].computation = average.ofInput
            layers[index].inputs = [source]
            layers[index].outputs = [averaged]
            layers[first].computation = average.convolution
            layers[first].inputs[0] = averaged
            layers[first].outputs = result
            layers.swapAt(first, index)
        }
    }
}

/// An average over what a 1×1 convolution gives.
private struct Average {
    /// The same average of what the convolution reads.
    let ofInput: any Computation
    /// The convolution of that.
    let convolution: ConvolutionComputation
    /// The map that the average gives.
    let output: Extent
    private let input: Extent

    /// - Returns: nil if the layer is no average, or the two may not change places.
    init?(_ layer: LayerGraph.Layer, of convolution: ConvolutionComputation, _ machine: Machine) {
        let geometry = convolution.geometry
        guard geometry.window.isPointwise, geometry.groups == 1, !convolution.hasResidual, convolution.activation == .none
        else { return nil }
        input = geometry.window.output
        switch layer.computation {
        case let pooling as PoolingComputation:
            // Zeros that are counted have no part in the bias.
            guard case .average(let countsPadding) = pooling.kind, !countsPadding || pooling.window.isWithinMap else {
                return nil
            }
            output = pooling.window.output
            ofInput = pooling
        case var pooling as GlobalPoolingComputation:
            guard !pooling.isMaximum, pooling.keepsAxes else { return nil }
            output = .one
            pooling.channels = geometry.inputChannels
            ofInput = pooling
        default:
            return nil
        }
        self.convolution = convolution.pointwise(on: output).choosingMethod(machine)
    }

    /// To move a number takes half a nanosecond or more (see `subsampleInputs`), in which the kernel does this many multiplications.
    private static let movedFloat = 16.0

    /// Whether the multiplications that are saved take longer than to average more channels, if there are more.
    var pays: Bool {
        let (inputs, outputs) = (Double(convolution.geometry.inputChannels), Double(convolution.geometry.outputChannels))
        let saved = inputs * outputs * Double(input.count - output.count)
        return saved > max(0, inputs - outputs) * Double(input.count) * Self.movedFloat
    }
}

extension KernelWindow {
    /// Whether no window reaches beyond the map.
    fileprivate var isWithinMap: Bool {
        func isWithin(_ axis: KeyPath<Extent, Int>) -> Bool {
            let last = (output[keyPath: axis] - 1) * stride[keyPath: axis]
            let reach = (kernel[keyPath: axis] - 1) * dilation[keyPath: axis]
            return padBegin[keyPath: axis] == 0 && last + reach < input[keyPath: axis]
        }
        return isWithin(\.depth) && isWithin(\.height) && isWithin(\.width)
    }
}
