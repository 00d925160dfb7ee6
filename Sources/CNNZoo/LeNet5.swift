import CNNModels

/// LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document recognition", figure 2) for
/// handwritten digits of 32×32 pixels, in the form that is taught today: C3 sees all maps of S2, subsampling is a plain
/// average, and the output is a linear layer in place of radial basis functions.
enum LeNet5 {
    static func build(
        _ network: inout NetworkBuilder, _ image: NetworkBuilder.Features, classes: Int
    ) throws -> GraphBuilder.Value {
        var x = try tanh(&network, network.conv(image, 6, kernel: 5, name: "c1"))
        x = network.averagePool(x, kernel: 2, stride: 2)
        x = try tanh(&network, network.conv(x, 16, kernel: 5, name: "c3"))
        x = network.averagePool(x, kernel: 2, stride: 2)
        x = try tanh(&network, network.conv(x, 120, kernel: 5, name: "c5"))
        let flat = network.graph.flatten(x.value)
        let f6 = network.graph.tanh(try network.fullyConnected(flat, inputs: 120, outputs: 84, name: "f6"))
        return try network.fullyConnected(f6, inputs: 84, outputs: classes, name: "output")
    }

    private static func tanh(_ network: inout NetworkBuilder, _ input: NetworkBuilder.Features) -> NetworkBuilder.Features {
        NetworkBuilder.Features(value: network.graph.tanh(input.value), channels: input.channels)
    }
}
