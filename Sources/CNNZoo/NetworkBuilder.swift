import CNNModels
import CNNOperators
import CNNTensors

/// A graph being built whose layers make their own initial weights.
///
/// Weights are drawn from the uniform distribution of variance `2/fan_in` (He et al. 2015, "Delving deep into rectifiers",
/// equation 10), which is `±√(6/fan_in)`: it keeps the magnitude of activations through layers that end in ReLU. A uniform
/// distribution takes no logarithm and no cosine, whose last bits differ between platforms. Biases are 0; batch
/// normalisation starts as the identity.
struct NetworkBuilder {
    /// A value of shape `[N, channels, size, size]`.
    struct Features {
        var value: GraphBuilder.Value
        var channels: Int
    }

    var graph: GraphBuilder
    private var random: SplitMix64

    init(name: String, seed: UInt64, opset: Int) {
        graph = GraphBuilder(name: name, opset: opset)
        random = SplitMix64(seed: seed)
    }

    mutating func input(channels: Int, size: Int) -> Features {
        let size = DeclaredDimension(.known(Int64(size)))
        let value = graph.input("image", dimensions: ["N", DeclaredDimension(.known(Int64(channels))), size, size])
        return Features(value: value, channels: channels)
    }

    /// A square convolution.
    mutating func conv(
        _ input: Features, _ channels: Int, kernel: Int, stride: Int = 1, padding: Int = 0, group: Int = 1,
        bias: Bool = true, name: String
    ) throws -> Features {
        let value = graph.conv(
            input.value, weights: try weights([channels, input.channels / group, kernel, kernel]),
            bias: bias ? try constant(0, count: channels) : nil, strides: [stride, stride],
            pads: [padding, padding, padding, padding], group: group, name: name)
        return Features(value: value, channels: channels)
    }

    /// A square convolution and ReLU.
    mutating func convRelu(
        _ input: Features, _ channels: Int, kernel: Int, stride: Int = 1, padding: Int = 0, group: Int = 1, name: String
    ) throws -> Features {
        relu(try conv(input, channels, kernel: kernel, stride: stride, padding: padding, group: group, name: name))
    }

    mutating func relu(_ input: Features) -> Features {
        Features(value: graph.relu(input.value), channels: input.channels)
    }

    /// - Parameter reachesEnd: whether one more position behind each axis counts, so that 3×3 windows halve an even size.
    ///   It does what rounding the number of windows up does, which operator sets before 10 cannot say.
    mutating func maxPool(
        _ input: Features, kernel: Int, stride: Int, padding: Int = 0, reachesEnd: Bool = false
    ) -> Features {
        let end = reachesEnd ? padding + 1 : padding
        let window = GraphBuilder.Window(
            [kernel, kernel], strides: [stride, stride], pads: [padding, padding, end, end])
        return Features(value: graph.maxPool(input.value, window), channels: input.channels)
    }

    mutating func averagePool(_ input: Features, kernel: Int, stride: Int) -> Features {
        let window = GraphBuilder.Window(square: kernel, stride: stride)
        return Features(value: graph.averagePool(input.value, window), channels: input.channels)
    }

    mutating func concat(_ inputs: [Features]) -> Features {
        Features(value: graph.concat(inputs.map(\.value)), channels: inputs.reduce(0) { $0 + $1.channels })
    }

    /// - Parameter scale: the initial factor of every channel.
    mutating func batchNormalization(_ input: Features, scale: Float = 1, name: String) throws -> Features {
        let count = input.channels
        let value = graph.batchNormalization(
            input.value, scale: try constant(scale, count: count), bias: try constant(0, count: count),
            mean: try constant(0, count: count), variance: try constant(1, count: count), name: name)
        return Features(value: value, channels: count)
    }

    /// The mean of each channel: `[N, channels]`.
    mutating func pooledVector(_ input: Features) -> GraphBuilder.Value {
        graph.flatten(graph.globalAveragePool(input.value))
    }

    /// A fully connected layer from `inputs` to `outputs` numbers.
    mutating func fullyConnected(
        _ input: GraphBuilder.Value, inputs: Int, outputs: Int, name: String
    ) throws -> GraphBuilder.Value {
        try graph.gemm(
            input, weights: try weights([outputs, inputs]), bias: try constant(0, count: outputs), name: name)
    }

    /// Two hidden layers of 4096 numbers with dropout, then the scores: the end of AlexNet, ZFNet and VGG.
    mutating func classifier(_ input: Features, size: Int, classes: Int) throws -> GraphBuilder.Value {
        let inputs = input.channels * size * size
        let flat = graph.flatten(input.value)
        let fc6 = graph.relu(try fullyConnected(flat, inputs: inputs, outputs: 4096, name: "fc6"))
        let dropped6 = try graph.dropout(fc6)
        let fc7 = graph.relu(try fullyConnected(dropped6, inputs: 4096, outputs: 4096, name: "fc7"))
        return try fullyConnected(try graph.dropout(fc7), inputs: 4096, outputs: classes, name: "fc8")
    }

    // MARK: - Initial values

    /// Weights whose first axis is the outputs; all others together are the fan-in.
    private mutating func weights(_ dimensions: [Int]) throws -> Tensor {
        guard let shape = try? EvaluationLimit.shape(dimensions, of: .float32) else {
            throw ZooError.weightsTooLarge(dimensions)
        }
        let fanIn = max(dimensions.dropFirst().reduce(1, *), 1)
        let bound = (6 / Float(fanIn)).squareRoot()
        return try Tensor(dataType: .float32, shape: shape) { bytes in
            for index in 0..<shape.elementCount {
                bytes.storeBytes(
                    of: bound * random.nextSymmetricUnit(), toByteOffset: index * MemoryLayout<Float>.size, as: Float.self)
            }
        }
    }

    private func constant(_ value: Float, count: Int) throws -> Tensor {
        try Tensor([Float](repeating: value, count: count))
    }
}
