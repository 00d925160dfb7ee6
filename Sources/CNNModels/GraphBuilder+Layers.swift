import CNNTensors

/// The layers of convolutional networks as methods. Each appends one node, in the form that the builder's operator set asks
/// for; sizes are `[N, C, H, W]`, or with any other number of spatial axes.
extension GraphBuilder {
    // MARK: - Windows

    /// How a window slides: a number an axis, and for the pads one for the beginning of each axis, then one for each end.
    /// What is left out is 1 (strides, dilations) or 0 (pads).
    public struct Window: Sendable, Hashable {
        public var kernelShape: [Int]
        public var strides: [Int]?
        public var pads: [Int]?
        public var dilations: [Int]?
        /// Whether a last window that is only partly filled counts (pooling only).
        public var ceilMode: Bool

        /// A window with a size and a stride an axis; pads are those at the begin of all axes, then those at their end.
        public init(
            _ kernelShape: [Int], strides: [Int]? = nil, pads: [Int]? = nil, dilations: [Int]? = nil, ceilMode: Bool = false
        ) {
            self.kernelShape = kernelShape
            self.strides = strides
            self.pads = pads
            self.dilations = dilations
            self.ceilMode = ceilMode
        }

        /// A square window of two axes, padded alike on all sides.
        public init(square size: Int, stride: Int = 1, padding: Int = 0, ceilMode: Bool = false) {
            self.init(
                [size, size], strides: [stride, stride], pads: [padding, padding, padding, padding], ceilMode: ceilMode)
        }

        fileprivate var attributes: [Attribute] {
            var attributes = [Attribute("kernel_shape", ints: kernelShape)]
            if let strides { attributes.append(Attribute("strides", ints: strides)) }
            if let pads { attributes.append(Attribute("pads", ints: pads)) }
            if let dilations { attributes.append(Attribute("dilations", ints: dilations)) }
            if ceilMode { attributes.append(Attribute("ceil_mode", .int(1))) }
            return attributes
        }
    }

    /// Convolution. The kernel's shape is that of the weights.
    /// - Parameters:
    ///   - weights: `[M, C/group, k1 … kn]`.
    ///   - bias: `[M]`.
    public mutating func conv(
        _ input: Value, weights: Tensor, bias: Tensor? = nil, strides: [Int]? = nil, pads: [Int]? = nil,
        dilations: [Int]? = nil, group: Int = 1, name: String? = nil
    ) -> Value {
        let name = reservedName("Conv", name)
        let inputs = [input] + parameters(of: name, weights, bias)
        let window = Window(
            Array(weights.shape.dimensions.dropFirst(2)), strides: strides, pads: pads, dilations: dilations)
        let groups = group == 1 ? [] : [Attribute("group", .int(Int64(group)))]
        return single("Conv", inputs, attributes: window.attributes + groups, name: name)
    }

    public mutating func maxPool(_ input: Value, _ window: Window, name: String? = nil) -> Value {
        single("MaxPool", [input], attributes: window.attributes, name: name)
    }

    /// - Parameter countsPadding: whether padding counts as zeros in the average (`count_include_pad`).
    public mutating func averagePool(
        _ input: Value, _ window: Window, countsPadding: Bool = false, name: String? = nil
    ) -> Value {
        let counting = countsPadding ? [Attribute("count_include_pad", .int(1))] : []
        return single("AveragePool", [input], attributes: window.attributes + counting, name: name)
    }

    public mutating func globalAveragePool(_ input: Value, name: String? = nil) -> Value {
        single("GlobalAveragePool", [input], name: name)
    }

    public mutating func globalMaxPool(_ input: Value, name: String? = nil) -> Value {
        single("GlobalMaxPool", [input], name: name)
    }

    // MARK: - Fully connected

    /// A fully connected layer: `Y = X · Wᵀ + b`.
    /// - Parameters:
    ///   - input: `[N, K]`.
    ///   - weights: `[M, K]`, a row an output, as PyTorch stores them.
    ///   - bias: `[M]`.
    public mutating func gemm(_ input: Value, weights: Tensor, bias: Tensor? = nil, name: String? = nil) throws -> Value {
        let name = reservedName("Gemm", name)
        // The third input became optional in operator set 11.
        let bias = try bias ?? (opset < 11 ? Tensor(rounding: [0], to: weights.dataType, shape: .vector(1)) : nil)
        let inputs = [input] + parameters(of: name, weights, bias)
        return single("Gemm", inputs, attributes: [Attribute("transB", .int(1))], name: name)
    }

    /// A matrix for each element of the batch: all axes from the second on become one.
    public mutating func flatten(_ input: Value, name: String? = nil) -> Value {
        single("Flatten", [input], attributes: [Attribute("axis", .int(1))], name: name)
    }

    /// Class probabilities along axis 1. Of a matrix `[N, classes]` every operator set computes the same.
    public mutating func softmax(_ input: Value, name: String? = nil) -> Value {
        single("Softmax", [input], attributes: [Attribute("axis", .int(1))], name: name)
    }

    // MARK: - Normalisation

    /// Batch normalisation with fixed statistics: `Y = scale · (X − mean)/√(variance + epsilon) + bias`, all `[C]`.
    public mutating func batchNormalization(
        _ input: Value, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: Float = 1e-5,
        name: String? = nil
    ) -> Value {
        let name = reservedName("BatchNormalization", name)
        let inputs = [
            input, weights(scale, named: name + ".weight"), weights(bias, named: name + ".bias"),
            weights(mean, named: name + ".running_mean"), weights(variance, named: name + ".running_var"),
        ]
        return single("BatchNormalization", inputs, attributes: [Attribute("epsilon", .float(epsilon))], name: name)
    }

    /// Local response normalisation over `size` neighbouring channels:
    /// `Y = X / (bias + alpha/size · Σ X²)^beta` (Krizhevsky et al. 2012, section 3.3, with ONNX's division by `size`).
    public mutating func lrn(
        _ input: Value, size: Int, alpha: Float = 1e-4, beta: Float = 0.75, bias: Float = 1, name: String? = nil
    ) -> Value {
        single(
            "LRN", [input],
            attributes: [
                Attribute("size", .int(Int64(size))), Attribute("alpha", .float(alpha)), Attribute("beta", .float(beta)),
                Attribute("bias", .float(bias)),
            ], name: name)
    }

    /// Dropout, which passes its input through when the network is not trained.
    /// - Parameter ratio: the share of elements that training drops.
    public mutating func dropout(_ input: Value, ratio: Float = 0.5, name: String? = nil) throws -> Value {
        if opset < 12 { return single("Dropout", [input], attributes: [Attribute("ratio", .float(ratio))], name: name) }
        let name = reservedName("Dropout", name)
        return single("Dropout", [input, weights(try Tensor(scalar: ratio), named: name + ".ratio")], name: name)
    }

    // MARK: - Element by element

    public mutating func relu(_ input: Value, name: String? = nil) -> Value { single("Relu", [input], name: name) }

    public mutating func sigmoid(_ input: Value, name: String? = nil) -> Value { single("Sigmoid", [input], name: name) }

    public mutating func tanh(_ input: Value, name: String? = nil) -> Value { single("Tanh", [input], name: name) }

    /// `Y = X` where X is 0 or more, `alpha · X` elsewhere.
    public mutating func leakyRelu(_ input: Value, alpha: Float = 0.01, name: String? = nil) -> Value {
        single("LeakyRelu", [input], attributes: [Attribute("alpha", .float(alpha))], name: name)
    }

    public mutating func add(_ left: Value, _ right: Value, name: String? = nil) -> Value {
        single("Add", [left, right], name: name)
    }

    public mutating func multiply(_ left: Value, _ right: Value, name: String? = nil) -> Value {
        single("Mul", [left, right], name: name)
    }

    // MARK: - Axes

    /// The inputs one after the other along `axis`, by default the channels.
    public mutating func concat(_ inputs: [Value], axis: Int = 1, name: String? = nil) -> Value {
        single("Concat", inputs, attributes: [Attribute("axis", .int(Int64(axis)))], name: name)
    }

    public mutating func transpose(_ input: Value, order: [Int], name: String? = nil) -> Value {
        single("Transpose", [input], attributes: [Attribute("perm", ints: order)], name: name)
    }

    /// - Parameter sizes: 0 keeps the input's size at that axis, one −1 takes what is left.
    public mutating func reshape(_ input: Value, to sizes: [Int], name: String? = nil) throws -> Value {
        let name = reservedName("Reshape", name)
        let shape = weights(try Tensor(sizes.map { Int64($0) }), named: name + ".shape")
        return single("Reshape", [input, shape], name: name)
    }

    private mutating func parameters(of name: String, _ weights: Tensor, _ bias: Tensor?) -> [Value] {
        var values = [self.weights(weights, named: name + ".weight")]
        if let bias { values.append(self.weights(bias, named: name + ".bias")) }
        return values
    }
}

extension Attribute {
    fileprivate init(_ name: String, ints values: [Int]) {
        self.init(name, .ints(values.map { Int64($0) }))
    }
}
