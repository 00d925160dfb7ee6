import CNNKernelTable

extension LayerGraph {
    /// Makes matrix products of the convolutions whose window covers the whole map: each image is one row, each weight is used once an
    /// image, and few images read the weights where they lie.
    mutating func multiplyWholeMaps(_ machine: Machine) {
        for index in layers.indices {
            guard let convolution = layers[index].computation as? ConvolutionComputation,
                let product = MatrixProductComputation(wholeMap: convolution, machine)
            else { continue }
            layers[index].computation = product
        }
    }
}

extension MatrixProductComputation {
    /// A convolution that gives one pixel of all pixels that there are; nil for any other, and where kernels for products lack what was
    /// fused into it.
    fileprivate init?(wholeMap convolution: ConvolutionComputation, _ machine: Machine) {
        let geometry = convolution.geometry
        guard geometry.groups == 1, geometry.window.coversMap, convolution.scale == nil, !convolution.hasResidual else {
            return nil
        }
        self.init(
            node: convolution.node, library: convolution.library, kernels: machine.kernels, mode: machine.mode, stack: 1,
            rows: convolution.images, columns: geometry.outputChannels,
            depth: geometry.inputChannels * geometry.window.input.count, leftIsTransposed: false, rightIsTransposed: true,
            constant: convolution.weights, scale: 1, bias: convolution.bias, activation: convolution.activation)
    }
}

extension WindowGeometry {
    /// Whether the one window sees every input element once, in order.
    fileprivate var coversMap: Bool {
        output.count == 1 && kernel == input && padBegin == .zero
            && [dilation.depth, dilation.height, dilation.width]
                .elementsEqual([kernel.depth, kernel.height, kernel.width]) { $0 == 1 || $1 == 1 }
    }
}
