import CNNModels
import CNNTensors

/// The size of a model's batch: the first axis of each of its inputs.
public enum BatchSize: Sendable, Hashable {
    case fixed(Int)
    /// Any size, under this name.
    case symbolic(String)

    fileprivate var declared: DeclaredDimension.Size {
        switch self {
        case .fixed(let size): .known(Int64(size))
        case .symbolic(let name): .symbol(name)
        }
    }
}

extension Model {
    /// The model for another batch: the first axis of every required input of one axis or more is declared `batch`, and
    /// what the file declares of other values follows by inference. A Reshape with a constant shape that begins with the
    /// old batch is given 0 there, "as the input has it" (ONNX, operator Reshape), since it would fix the batch.
    /// - Throws: `ModelError` if the model is invalid, or is not valid for this batch.
    public func withBatch(_ batch: BatchSize) throws(ModelError) -> Model {
        let inferred = try BoundModel(self).infer()
        // Calls of functions are inlined there; a Reshape inside one may have to be freed too.
        var model = inferred.bound.model
        let required = Set(model.graph.requiredInputs.map(\.name))
        for index in model.graph.inputs.indices where required.contains(model.graph.inputs[index].name) {
            model.graph.inputs[index].setFirstDimension(batch.declared)
        }
        model.freeReshapes(of: inferred)
        for index in model.graph.outputs.indices { model.graph.outputs[index].forgetShape() }
        model.graph.valueInfos = []
        let rebound = try BoundModel(model).infer()
        for index in model.graph.outputs.indices {
            let name = model.graph.outputs[index].name
            if let type = rebound.facts[name]?.valueInfo(named: name)?.type { model.graph.outputs[index].type = type }
        }
        return model
    }

    /// Replaces the batch in the constant shapes of Reshape nodes by 0.
    private mutating func freeReshapes(of inferred: InferredModel) {
        var supply = NameSupply(avoiding: graph)
        for node in inferred.bound.nodes where node.node.operatorType == "Reshape" && node.node.inputs.count == 2 {
            let inputs = inferred.inputs(of: node)
            guard let data = inputs[0], let batch = data.shape.dimensions?.first ?? nil,
                let shape = inputs[1]?.constantIntegers, let first = shape.first, first > 0, batch.value == first,
                node.node.attribute("allowzero")?.value != .int(1),
                let tensor = try? Tensor([0] + shape.dropFirst().map { Int64($0) })
            else { continue }
            // A constant of its own, since others may share the old one.
            let name = supply.name(like: node.node.inputs[1] + ".batch")
            graph.initializers.append(NamedTensor(name: name, tensor: tensor))
            graph.nodes[node.index].inputs[1] = name
        }
    }
}

extension ValueInfo {
    fileprivate mutating func setFirstDimension(_ size: DeclaredDimension.Size) {
        guard var type, case .tensor(let elementType, .some(var shape), let details) = type.kind, !shape.dimensions.isEmpty
        else { return }
        shape.dimensions[0].size = size
        type.kind = .tensor(elementType: elementType, shape: shape, details: details)
        self.type = type
    }

    fileprivate mutating func forgetShape() {
        guard var type, case .tensor(let elementType, _, let details) = type.kind else { return }
        type.kind = .tensor(elementType: elementType, shape: nil, details: details)
        self.type = type
    }
}
