import CNNModels
import CNNOperators
import CNNTensors

/// Finds what is valid but breaks users later.
enum ModelWarnings {
    static func warnings(for inferred: InferredModel) -> [String] {
        inferred.bound.nodes.flatMap { node in
            (inferred.remarks[node.index] ?? []).map { "\(node.place): \($0)" }
                + fixedBatch(node, inferred) + trainingMode(node, inferred)
        }
    }

    /// A Reshape whose constant shape begins with the number that the batch happens to have.
    private static func fixedBatch(_ node: BoundNode, _ inferred: InferredModel) -> [String] {
        guard node.node.operatorType == "Reshape", node.node.inputs.count == 2 else { return [] }
        let inputs = inferred.inputs(of: node)
        guard let batch = inputs[0]?.shape.dimensions?.first ?? nil, let shape = inputs[1]?.constantIntegers,
            let first = shape.first, first > 0, shape.count > 1, batch.value == nil || batch.value == first
        else { return [] }
        return [
            "\(node.place): Reshape to \(shape) fixes the batch at \(first); 'onnxcnn export --batch dynamic' frees it"
        ]
    }

    private static func trainingMode(_ node: BoundNode, _ inferred: InferredModel) -> [String] {
        switch node.node.operatorType {
        case "BatchNormalization" where node.node.attribute("training_mode")?.value == .int(1):
            ["\(node.place): BatchNormalization is in training mode: it normalises by the batch, not by its statistics"]
        case "Dropout" where isTrainingDropout(node, inferred):
            ["\(node.place): Dropout may be in training mode: it drops values at random"]
        default: []
        }
    }

    /// Whether Dropout's third input, `training_mode` (opset 12 on), is given and not known to be false.
    private static func isTrainingDropout(_ node: BoundNode, _ inferred: InferredModel) -> Bool {
        guard node.version >= 12, node.node.inputs.count > 2, let mode = inferred.inputs(of: node)[2] else { return false }
        return mode.constantIntegers != [0]
    }
}
