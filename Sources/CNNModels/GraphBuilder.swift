import CNNTensors

/// Builds a model node by node, each after the nodes it takes its inputs from:
///
///     var builder = GraphBuilder(name: "classifier")
///     let image = builder.input("image", dimensions: ["N", 1, 28, 28])
///     let features = builder.relu(builder.conv(image, weights: kernels, bias: offsets, name: "conv1"))
///     let scores = builder.gemm(builder.flatten(features), weights: matrix, name: "fc")
///     builder.output(builder.softmax(scores), named: "probabilities", dimensions: ["N", 10])
///     let model = try builder.model()
///
/// Every node has a name: the one given, or the operator's with a number. Its output is called as the node is, its weights
/// after it and their part (`conv1.weight`), and a name that is taken gets a number behind it, so names are unique and the
/// same in every run. The batch is a size with a name, `N`, so that one file serves every batch.
public struct GraphBuilder: Sendable {
    /// A value of the graph being built: an input, weights, or what a node computes.
    public struct Value: Sendable, Hashable {
        /// The value's name in the model.
        public let name: String

        fileprivate init(name: String) { self.name = name }
    }

    /// The version of ONNX's operator set that the model imports.
    public let opset: Int
    private var graph: Graph
    private let irVersion: Int64
    private var valueNames = NameSupply()
    private var nodeNames = NameSupply()
    private var nodeCounts: [String: Int] = [:]

    /// An empty graph.
    /// - Parameters:
    ///   - opset: the version of ONNX's operator set; 17 is read by every runtime of the last years.
    ///   - irVersion: the version of the file format; by default 8, or as much as the operator set came with.
    public init(name: String, opset: Int = 17, irVersion: Int64? = nil) {
        graph = Graph(name: name)
        self.opset = opset
        self.irVersion = irVersion ?? Self.irVersion(opset: opset)
    }

    /// ONNX's own pairs of versions ("ONNX Versioning", table of released versions); 8 for every operator set before 19.
    private static func irVersion(opset: Int) -> Int64 {
        switch opset {
        case ..<19: 8
        case 19, 20: 9
        case 21, 22: 10
        case 23: 11
        case 24: 12
        case 25...27: 13
        default: 14
        }
    }

    // MARK: - Inputs, weights, outputs

    /// An input of the model.
    /// - Parameter dimensions: a number or a name an axis; axes of one name have one size.
    public mutating func input(
        _ name: String, _ dataType: DataType = .float32, dimensions: [DeclaredDimension]
    ) -> Value {
        let name = valueNames.name(like: name)
        graph.inputs.append(ValueInfo(name: name, dataType: dataType, dimensions: dimensions))
        return Value(name: name)
    }

    /// A constant tensor, stored in the file.
    public mutating func weights(_ tensor: Tensor, named name: String) -> Value {
        let name = valueNames.name(like: name)
        graph.initializers.append(NamedTensor(name: name, tensor: tensor))
        return Value(name: name)
    }

    /// Declares a value as an output of the model.
    /// - Parameters:
    ///   - name: what the output is called; by default as the value is. Another name takes an Identity node, unless the
    ///     value is the last node's only output, which is renamed instead.
    ///   - dimensions: a number or a name an axis; without them, inference fills them in (`Model.declaringShapes()`).
    public mutating func output(
        _ value: Value, named name: String? = nil, _ dataType: DataType = .float32, dimensions: [DeclaredDimension]? = nil
    ) {
        var value = value
        if let name, name != value.name {
            let name = valueNames.name(like: name)
            let isDeclared = graph.outputs.contains { $0.name == value.name }
            if let last = graph.nodes.indices.last, graph.nodes[last].outputs == [value.name], !isDeclared {
                valueNames.release(value.name)
                graph.nodes[last].outputs = [name]
            } else {
                graph.nodes.append(
                    Node("Identity", name: nodeName("Identity", nil), inputs: [value.name], outputs: [name]))
            }
            value = Value(name: name)
        }
        let shape = dimensions.map { DeclaredShape(dimensions: $0) }
        graph.outputs.append(
            ValueInfo(name: value.name, type: ValueType(.tensor(elementType: dataType.rawValue, shape: shape))))
    }

    /// The model, with the structure checked; what the operators ask of their inputs is checked where the model is used.
    /// - Throws: `ModelError` with every structural problem.
    public func model() throws(ModelError) -> Model {
        let model = Model(
            irVersion: irVersion, opsetImports: [OperatorSetID(version: Int64(opset))],
            producerName: Producer.name, producerVersion: Producer.version, graph: graph)
        let problems = StructureChecker.problems(in: model)
        guard problems.isEmpty else { throw ModelError(problems) }
        return model
    }

    // MARK: - Nodes

    /// A node of any operator.
    /// - Parameters:
    ///   - inputs: nil for an optional input left out.
    ///   - outputs: how many outputs are wanted.
    ///   - name: the node's name; by default the operator's, in lower case and with a number.
    /// - Returns: the outputs, called as the node is and, from the second on, with a number behind it.
    public mutating func node(
        _ operatorType: String, _ inputs: [Value?], outputs: Int = 1, attributes: [Attribute] = [], domain: String = "",
        name: String? = nil
    ) -> [Value] {
        let name = nodeName(operatorType, name)
        let outputs = (0..<outputs).map { index in
            valueNames.name(like: index == 0 ? name : "\(name).\(index + 1)")
        }
        graph.nodes.append(
            Node(
                operatorType, name: name, domain: domain, inputs: inputs.map { $0?.name ?? "" }, outputs: outputs,
                attributes: attributes))
        return outputs.map(Value.init)
    }

    /// A node with one output.
    mutating func single(
        _ operatorType: String, _ inputs: [Value?], attributes: [Attribute] = [], name: String?
    ) -> Value {
        let name = nodeName(operatorType, name)
        let output = valueNames.name(like: name)
        graph.nodes.append(
            Node(
                operatorType, name: name, inputs: inputs.map { $0?.name ?? "" }, outputs: [output], attributes: attributes))
        return Value(name: output)
    }

    /// The name that a node of this operator will have, for its weights to be named after.
    mutating func reservedName(_ operatorType: String, _ name: String?) -> String {
        let reserved = nodeName(operatorType, name)
        nodeNames.release(reserved)
        return reserved
    }

    private mutating func nodeName(_ operatorType: String, _ name: String?) -> String {
        if let name { return nodeNames.name(like: name) }
        let base = operatorType.lowercased()
        var candidate: String
        repeat {
            nodeCounts[base, default: 0] += 1
            candidate = "\(base)\(nodeCounts[base] ?? 0)"
        } while !nodeNames.take(candidate)
        return candidate
    }
}

/// What a model that this package makes says of its maker.
public enum Producer {
    public static let name = "onnxcnn"
    public static let version = "0.1.0"
}
