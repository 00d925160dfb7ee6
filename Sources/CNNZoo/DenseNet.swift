import CNNModels

/// DenseNet-BC (Huang, Liu, van der Maaten and Weinberger 2017, "Densely connected convolutional networks", table 1) with
/// growth rate 32: every layer of a block sees the outputs of all layers before it, and a transition between blocks halves
/// channels and plane.
enum DenseNet: String, CaseIterable, Sendable {
    case densenet121, densenet169, densenet201

    private static let growth = 32

    /// Layers of each block.
    private var depths: [Int] {
        switch self {
        case .densenet121: [6, 12, 24, 16]
        case .densenet169: [6, 12, 32, 32]
        case .densenet201: [6, 12, 48, 32]
        }
    }

    @Sendable func build(
        _ network: inout NetworkBuilder, _ image: NetworkBuilder.Features, classes: Int
    ) throws -> GraphBuilder.Value {
        var x = try network.conv(image, 64, kernel: 7, stride: 2, padding: 3, bias: false, name: "conv0")
        x = network.relu(try network.batchNormalization(x, name: "norm0"))
        x = network.maxPool(x, kernel: 3, stride: 2, padding: 1)
        for (block, depth) in depths.enumerated() {
            if block > 0 {
                x = try normalizedConv(&network, x, x.channels / 2, kernel: 1, name: "transition\(block)", suffix: "")
                x = network.averagePool(x, kernel: 2, stride: 2)
            }
            for layer in 1...depth {
                let name = "denseblock\(block + 1).denselayer\(layer)"
                let bottleneck = try normalizedConv(&network, x, 4 * Self.growth, kernel: 1, name: name, suffix: "1")
                let new = try normalizedConv(&network, bottleneck, Self.growth, kernel: 3, name: name, suffix: "2")
                x = network.concat([x, new])
            }
        }
        x = network.relu(try network.batchNormalization(x, name: "norm5"))
        let channels = x.channels
        return try network.fullyConnected(network.pooledVector(x), inputs: channels, outputs: classes, name: "classifier")
    }

    /// Normalisation, ReLU and convolution, in this order.
    private func normalizedConv(
        _ network: inout NetworkBuilder, _ input: NetworkBuilder.Features, _ channels: Int, kernel: Int, name: String,
        suffix: String
    ) throws -> NetworkBuilder.Features {
        let normalized = try network.batchNormalization(input, name: "\(name).norm\(suffix)")
        return try network.conv(
            network.relu(normalized), channels, kernel: kernel, padding: kernel / 2, bias: false, name: "\(name).conv\(suffix)")
    }
}
