import CNNModels

/// ResNet (He, Zhang, Ren and Sun 2016, "Deep residual learning for image recognition", table 1). A bottleneck's stride is in
/// its 3×3 convolution, as in the implementations in use (torchvision's "ResNet v1.5"), not in its first one.
enum ResNet: String, CaseIterable, Sendable {
    case resnet18, resnet34, resnet50, resnet101, resnet152

    /// Blocks of each stage.
    private var depths: [Int] {
        switch self {
        case .resnet18: [2, 2, 2, 2]
        case .resnet34, .resnet50: [3, 4, 6, 3]
        case .resnet101: [3, 4, 23, 3]
        case .resnet152: [3, 8, 36, 3]
        }
    }

    /// Whether a block is 1×1, 3×3, 1×1 with four times as many outputs, rather than two 3×3.
    private var hasBottlenecks: Bool { self != .resnet18 && self != .resnet34 }

    /// What the last normalisation of each of `L` residual branches is scaled by: 1/√L, so that all branches together add as
    /// much variance to the trunk as it starts with. With a factor of 1 every block would double it.
    private var branchScale: Float { 1 / Float(depths.reduce(0, +)).squareRoot() }

    @Sendable func build(
        _ network: inout NetworkBuilder, _ image: NetworkBuilder.Features, classes: Int
    ) throws -> GraphBuilder.Value {
        var x = try convNormalization(&network, image, 64, kernel: 7, stride: 2, name: "conv1", norm: "bn1")
        x = network.maxPool(network.relu(x), kernel: 3, stride: 2, padding: 1)
        for (stage, (depth, channels)) in zip(depths, [64, 128, 256, 512]).enumerated() {
            for block in 0..<depth {
                let stride = stage > 0 && block == 0 ? 2 : 1
                x = try self.block(&network, x, channels, stride: stride, name: "layer\(stage + 1).\(block)")
            }
        }
        let channels = x.channels
        return try network.fullyConnected(network.pooledVector(x), inputs: channels, outputs: classes, name: "fc")
    }

    private func block(
        _ network: inout NetworkBuilder, _ input: NetworkBuilder.Features, _ channels: Int, stride: Int, name: String
    ) throws -> NetworkBuilder.Features {
        let outputs = hasBottlenecks ? 4 * channels : channels
        /// Kernel size, outputs and stride of each convolution of the branch.
        let layers =
            hasBottlenecks
            ? [(1, channels, 1), (3, channels, stride), (1, outputs, 1)] : [(3, channels, stride), (3, outputs, 1)]
        var branch = input
        for (index, (kernel, channels, stride)) in layers.enumerated() {
            if index > 0 { branch = network.relu(branch) }
            branch = try convNormalization(
                &network, branch, channels, kernel: kernel, stride: stride,
                scale: index == layers.count - 1 ? branchScale : 1, name: "\(name).conv\(index + 1)",
                norm: "\(name).bn\(index + 1)")
        }
        var shortcut = input
        if stride != 1 || input.channels != outputs {
            shortcut = try convNormalization(
                &network, input, outputs, kernel: 1, stride: stride, name: "\(name).downsample.0",
                norm: "\(name).downsample.1")
        }
        let sum = network.graph.add(branch.value, shortcut.value, name: "\(name).add")
        return network.relu(NetworkBuilder.Features(value: sum, channels: outputs))
    }

    /// A convolution that keeps the plane's size but for its stride, without bias, and its normalisation.
    private func convNormalization(
        _ network: inout NetworkBuilder, _ input: NetworkBuilder.Features, _ channels: Int, kernel: Int, stride: Int,
        scale: Float = 1, name: String, norm: String
    ) throws -> NetworkBuilder.Features {
        let convolved = try network.conv(
            input, channels, kernel: kernel, stride: stride, padding: kernel / 2, bias: false, name: name)
        return try network.batchNormalization(convolved, scale: scale, name: norm)
    }
}
