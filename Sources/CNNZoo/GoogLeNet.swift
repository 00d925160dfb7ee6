import CNNModels

/// GoogLeNet (Szegedy et al. 2015, "Going deeper with convolutions", table 1) without the auxiliary classifiers, which serve
/// training only.
enum GoogLeNet {
    /// The columns of table 1: outputs of the 1×1 branch, of the 3×3 and 5×5 branches with their reductions, and of the
    /// projection behind the pooling.
    private struct Inception {
        let name: String
        let one: Int
        let three: (reduction: Int, outputs: Int)
        let five: (reduction: Int, outputs: Int)
        let projection: Int

        init(_ name: String, _ one: Int, _ three: (Int, Int), _ five: (Int, Int), _ projection: Int) {
            self.name = name
            self.one = one
            (self.three.reduction, self.three.outputs) = three
            (self.five.reduction, self.five.outputs) = five
            self.projection = projection
        }

        func build(_ network: inout NetworkBuilder, _ x: NetworkBuilder.Features) throws -> NetworkBuilder.Features {
            let one = try network.convRelu(x, one, kernel: 1, name: "\(name).1x1")
            let reduced3 = try network.convRelu(x, three.reduction, kernel: 1, name: "\(name).3x3_reduce")
            let three = try network.convRelu(reduced3, three.outputs, kernel: 3, padding: 1, name: "\(name).3x3")
            let reduced5 = try network.convRelu(x, five.reduction, kernel: 1, name: "\(name).5x5_reduce")
            let five = try network.convRelu(reduced5, five.outputs, kernel: 5, padding: 2, name: "\(name).5x5")
            let pooled = network.maxPool(x, kernel: 3, stride: 1, padding: 1)
            let projection = try network.convRelu(pooled, projection, kernel: 1, name: "\(name).pool_proj")
            return network.concat([one, three, five, projection])
        }
    }

    private static let stages = [
        [
            Inception("inception_3a", 64, (96, 128), (16, 32), 32),
            Inception("inception_3b", 128, (128, 192), (32, 96), 64),
        ],
        [
            Inception("inception_4a", 192, (96, 208), (16, 48), 64),
            Inception("inception_4b", 160, (112, 224), (24, 64), 64),
            Inception("inception_4c", 128, (128, 256), (24, 64), 64),
            Inception("inception_4d", 112, (144, 288), (32, 64), 64),
            Inception("inception_4e", 256, (160, 320), (32, 128), 128),
        ],
        [
            Inception("inception_5a", 256, (160, 320), (32, 128), 128),
            Inception("inception_5b", 384, (192, 384), (48, 128), 128),
        ],
    ]

    static func build(
        _ network: inout NetworkBuilder, _ image: NetworkBuilder.Features, classes: Int
    ) throws -> GraphBuilder.Value {
        var x = try network.convRelu(image, 64, kernel: 7, stride: 2, padding: 3, name: "conv1")
        x = responseNormalization(&network, network.maxPool(x, kernel: 3, stride: 2, reachesEnd: true))
        x = try network.convRelu(x, 64, kernel: 1, name: "conv2_reduce")
        x = try network.convRelu(x, 192, kernel: 3, padding: 1, name: "conv2")
        x = responseNormalization(&network, x)
        for stage in stages {
            x = network.maxPool(x, kernel: 3, stride: 2, reachesEnd: true)
            for inception in stage { x = try inception.build(&network, x) }
        }
        let vector = try network.graph.dropout(network.pooledVector(x), ratio: 0.4)
        return try network.fullyConnected(vector, inputs: 1024, outputs: classes, name: "classifier")
    }

    /// The paper does not give the numbers; these are those of the model that its authors' results were reproduced with
    /// (Caffe, `bvlc_googlenet`).
    private static func responseNormalization(
        _ network: inout NetworkBuilder, _ input: NetworkBuilder.Features
    ) -> NetworkBuilder.Features {
        let value = network.graph.lrn(input.value, size: 5, alpha: 1e-4, beta: 0.75, bias: 1)
        return NetworkBuilder.Features(value: value, channels: input.channels)
    }
}
