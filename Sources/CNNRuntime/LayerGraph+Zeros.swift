import CNNKernelTable

extension LayerGraph {
    /// Lets products of large matrices leave out what is multiplied by 0, where zeros are many: behind Relu.
    mutating func skipZeros() {
        guard layers.contains(where: { ($0.computation as? MatrixProductComputation)?.skippingZeros != nil }) else { return }
        var isOftenZero = [Bool](repeating: false, count: values.count)
        for index in layers.indices {
            let isInputOftenZero = layers[index].inputs.allSatisfy { value in value.map { isOftenZero[$0] } ?? true }
            if isInputOftenZero, let product = layers[index].computation as? MatrixProductComputation,
                let skipping = product.skippingZeros
            {
                layers[index].computation = skipping
            }
            let computation = layers[index].computation
            guard computation.givesZeros || (isInputOftenZero && computation.keepsZeros) else { continue }
            for output in layers[index].outputs { if let output { isOftenZero[output] = true } }
        }
    }
}

extension Computation {
    /// Whether it makes 0 of all numbers below.
    fileprivate var givesZeros: Bool {
        let activation: Activation? =
            switch self {
            case let convolution as ConvolutionComputation: convolution.activation
            case let product as MatrixProductComputation: product.activation
            case let scaleShift as ScaleShiftComputation: scaleShift.activation
            case let binary as BinaryComputation: binary.activation
            case let unary as UnaryComputation: unary.operation.activation
            default: nil
            }
        return activation?.lower == 0
    }

    /// Whether it hands on zeros that are many.
    fileprivate var keepsZeros: Bool {
        switch self {
        case is ViewComputation, is TransposeComputation, is ConcatComputation, is ChannelGatherComputation: true
        case let pooling as PoolingComputation: if case .maximum = pooling.kind { true } else { false }
        default: false
        }
    }
}

extension UnaryOperation {
    fileprivate var activation: Activation? {
        if case .activation(let activation) = self { activation } else { nil }
    }
}
