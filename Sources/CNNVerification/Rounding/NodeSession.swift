import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors

/// One node of a model as a model of its own, computed by the runtime: what a session that fuses nothing makes of the node.
struct NodeSession {
    private let session: Session
    private let names: [String]

    /// - Parameters:
    ///   - inputs: the node's inputs by position; those that are initializers of the model stay constants.
    ///   - outputs: type and shape of each output.
    init(
        _ node: BoundNode, of model: Model, constants: [String: Tensor], inputs: [Tensor?],
        outputs: [(dataType: DataType, shape: Shape)], options: SessionOptions
    ) throws {
        var declared: [ValueInfo] = []
        var initializers: [NamedTensor] = []
        var seen: Set<String> = []
        for (name, tensor) in zip(node.node.inputs, inputs) {
            guard !name.isEmpty, let tensor, seen.insert(name).inserted else { continue }
            if let constant = constants[name] {
                initializers.append(NamedTensor(name: name, tensor: constant))
            } else {
                declared.append(Self.info(name, tensor.dataType, tensor.shape))
            }
        }
        names = declared.map(\.name)
        let results = zip(node.node.outputs, outputs).filter { !$0.0.isEmpty }.map { Self.info($0, $1.dataType, $1.shape) }
        let graph = Graph(
            name: "node", nodes: [node.node], initializers: initializers, inputs: declared, outputs: results)
        session = try Session(
            Model(irVersion: model.irVersion, opsetImports: model.opsetImports, graph: graph), options: options)
    }

    private static func info(_ name: String, _ dataType: DataType, _ shape: Shape) -> ValueInfo {
        ValueInfo(
            name: name, dataType: dataType,
            dimensions: shape.dimensions.map { DeclaredDimension(.known(Int64($0))) })
    }

    /// The node's outputs by name.
    func run(_ node: BoundNode, _ inputs: [Tensor?]) throws -> [String: Tensor] {
        var given: [String: Tensor] = [:]
        for (name, tensor) in zip(node.node.inputs, inputs) where names.contains(name) { given[name] = tensor }
        return try session.run(given)
    }
}
