import CNNModels

/// AlexNet (Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural networks"), with
/// the two groups that the paper's two GPUs made of layers 2, 4 and 5. The first layer pads by 2, since the paper's 224
/// pixels and 55 outputs do not go together without.
enum AlexNet {
    static func build(
        _ network: inout NetworkBuilder, _ image: NetworkBuilder.Features, classes: Int
    ) throws -> GraphBuilder.Value {
        var x = try network.convRelu(image, 96, kernel: 11, stride: 4, padding: 2, name: "conv1")
        x = network.maxPool(responseNormalization(&network, x), kernel: 3, stride: 2)
        x = try network.convRelu(x, 256, kernel: 5, padding: 2, group: 2, name: "conv2")
        x = network.maxPool(responseNormalization(&network, x), kernel: 3, stride: 2)
        x = try network.convRelu(x, 384, kernel: 3, padding: 1, name: "conv3")
        x = try network.convRelu(x, 384, kernel: 3, padding: 1, group: 2, name: "conv4")
        x = try network.convRelu(x, 256, kernel: 3, padding: 1, group: 2, name: "conv5")
        x = network.maxPool(x, kernel: 3, stride: 2)
        return try network.classifier(x, size: 6, classes: classes)
    }

    /// Section 3.3: k = 2, n = 5, α = 10⁻⁴, β = 0.75. The paper's sum is not divided by n as ONNX's is, so α is n times that.
    static func responseNormalization(
        _ network: inout NetworkBuilder, _ input: NetworkBuilder.Features
    ) -> NetworkBuilder.Features {
        let value = network.graph.lrn(input.value, size: 5, alpha: 5e-4, beta: 0.75, bias: 2)
        return NetworkBuilder.Features(value: value, channels: input.channels)
    }
}

/// ZFNet (Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", figure 3): AlexNet on one GPU with
/// a finer first layer. Its sizes 224, 110, 55, 26, 13, 13, 13, 6 fix the paddings, which the paper does not state; contrast
/// normalisation is AlexNet's.
enum ZFNet {
    static func build(
        _ network: inout NetworkBuilder, _ image: NetworkBuilder.Features, classes: Int
    ) throws -> GraphBuilder.Value {
        var x = try network.convRelu(image, 96, kernel: 7, stride: 2, padding: 1, name: "conv1")
        x = AlexNet.responseNormalization(&network, network.maxPool(x, kernel: 3, stride: 2, padding: 1))
        x = try network.convRelu(x, 256, kernel: 5, stride: 2, name: "conv2")
        x = AlexNet.responseNormalization(&network, network.maxPool(x, kernel: 3, stride: 2, padding: 1))
        x = try network.convRelu(x, 384, kernel: 3, padding: 1, name: "conv3")
        x = try network.convRelu(x, 384, kernel: 3, padding: 1, name: "conv4")
        x = try network.convRelu(x, 256, kernel: 3, padding: 1, name: "conv5")
        x = network.maxPool(x, kernel: 3, stride: 2)
        return try network.classifier(x, size: 6, classes: classes)
    }
}
