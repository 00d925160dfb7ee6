import CNNModels

/// VGG (Simonyan and Zisserman 2015, "Very deep convolutional networks for large-scale image recognition", table 1,
/// configurations A, B, D and E): five stages of 3×3 convolutions, each stage ended by a pooling that halves the plane.
enum VGG: String, CaseIterable, Sendable {
    case vgg11, vgg13, vgg16, vgg19

    /// Convolutions of each stage.
    private var depths: [Int] {
        switch self {
        case .vgg11: [1, 1, 2, 2, 2]
        case .vgg13: [2, 2, 2, 2, 2]
        case .vgg16: [2, 2, 3, 3, 3]
        case .vgg19: [2, 2, 4, 4, 4]
        }
    }

    @Sendable func build(
        _ network: inout NetworkBuilder, _ image: NetworkBuilder.Features, classes: Int
    ) throws -> GraphBuilder.Value {
        var x = image
        for (stage, (depth, channels)) in zip(depths, [64, 128, 256, 512, 512]).enumerated() {
            for layer in 1...depth {
                x = try network.convRelu(x, channels, kernel: 3, padding: 1, name: "conv\(stage + 1)_\(layer)")
            }
            x = network.maxPool(x, kernel: 2, stride: 2)
        }
        return try network.classifier(x, size: 7, classes: classes)
    }
}
