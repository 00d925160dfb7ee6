import CNNModels
import CNNTensors

/// True convolution, whose kernels are turned by 180 degrees, in place of the cross-correlation that networks call
/// convolution; or kernels with height and width exchanged.
struct FlippedKernelsHypothesis: NodeHypothesis {
    let kind = Mistake.flippedKernels

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "Conv" || node.operatorType == "ConvTranspose",
            let weights = subject.weights(1, of: node), weights.shape.rank >= 3
        else { return [] }
        let kernel = weights.shape.dimensions.dropFirst(2)
        let tapCount = kernel.reduce(1, *)
        guard tapCount > 1 else { return [] }
        var settings = [
            NodeSetting(name: "flipped", statement: "kernels turned by 180° (true convolution)") { variation, position in
                let positions = (0..<weights.shape.elementCount).map { element in
                    let tap = element % tapCount
                    return element - tap + tapCount - 1 - tap
                }
                variation.setWeights(try weights.gathering(positions, shape: weights.shape), input: 1, at: position)
            }
        ]
        if weights.shape.rank == 4, weights.shape[2] == weights.shape[3] {
            settings.append(
                NodeSetting(name: "exchanged", statement: "height and width of the kernels exchanged") { variation, position in
                    variation.setWeights(try weights.transposed([0, 1, 3, 2]), input: 1, at: position)
                })
        }
        return settings
    }
}

/// The matrix of a fully connected layer read by columns where it is stored by rows, or the other way round.
struct TransposedWeightsHypothesis: NodeHypothesis {
    let kind = Mistake.transposedWeights

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "Gemm" || node.operatorType == "MatMul", let weights = subject.weights(1, of: node),
            weights.shape.rank == 2, weights.shape[0] > 1, weights.shape[1] > 1
        else { return [] }
        let (rows, columns) = (weights.shape[0], weights.shape[1])
        let readByColumns = NodeSetting(name: "by columns", statement: "the weights transposed") { variation, position in
            let misread = try weights.reshaped(Shape([columns, rows])).transposed([1, 0])
            variation.setWeights(misread, input: 1, at: position)
        }
        guard rows != columns else { return [readByColumns] }
        return [
            readByColumns,
            NodeSetting(name: "by rows", statement: "the weights' bytes in transposed order") { variation, position in
                variation.setWeights(try weights.transposed([1, 0]).reshaped(weights.shape), input: 1, at: position)
            },
        ]
    }
}

/// A bias that got lost: of a convolution or a matrix product, or one that an Add of its own brings.
struct DroppedBiasHypothesis: NodeHypothesis {
    let kind = Mistake.droppedBias

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        let input: Int
        switch node.operatorType {
        case "Conv", "ConvTranspose", "Gemm", "BatchNormalization": input = 2
        case "Add": input = subject.weights(1, of: node) != nil ? 1 : 0
        default: return []
        }
        guard let bias = subject.weights(input, of: node), bias.dataType.isFloatingPoint,
            try bias.doubles().contains(where: { $0 != 0 })
        else { return [] }
        return [
            NodeSetting(name: "no bias", statement: "no bias") { variation, position in
                let zeros = try Tensor(
                    rounding: [Double](repeating: 0, count: bias.shape.elementCount), to: bias.dataType, shape: bias.shape)
                variation.setWeights(zeros, input: input, at: position)
            }
        ]
    }
}

/// Weights that were stored in half precision.
struct HalfPrecisionWeightsHypothesis: NodeHypothesis {
    let kind = Mistake.halfPrecisionWeights

    /// Operators with weights; constants of others are parameters, which are seldom stored in half precision.
    private static let operators: Set<String> = [
        "Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "PRelu", "Add", "Mul",
    ]

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        let weights = node.inputs.indices.filter { subject.weights($0, of: node)?.dataType == .float32 }
        guard Self.operators.contains(node.operatorType), !weights.isEmpty else { return [] }
        // Some programs narrow all that they store; others keep the biases, which are few.
        let kept = weights.filter { $0 != 1 }
        let choices = kept.isEmpty || kept == weights ? [(weights, "")] : [(weights, ""), ([1], ", biases kept")]
        return [DataType.float16, .bfloat16].flatMap { format in
            choices.map { narrowed, remark in
                NodeSetting(name: "\(format)\(remark)", statement: "weights rounded to \(format)\(remark)") {
                    variation, position in
                    for input in narrowed {
                        guard let tensor = subject.weights(input, of: node) else { continue }
                        let narrow = try Tensor(rounding: tensor.doubles(), to: format, shape: tensor.shape)
                        let rounded = try Tensor(rounding: narrow.doubles(), to: .float32, shape: tensor.shape)
                        variation.setWeights(rounded, input: input, at: position)
                    }
                }
            }
        }
    }
}

/// Feature maps flattened with the channels last where the weights behind want them first, or the other way round.
struct FlattenOrderHypothesis: NodeHypothesis {
    let kind = Mistake.flattenOrder

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "Flatten" || node.operatorType == "Reshape",
            let maps = subject.input(0, of: node), maps.shape.rank == 4,
            let output = node.outputs.first.flatMap({ subject.values[$0] }), output.shape.rank == 2,
            output.shape[0] == maps.shape[0], maps.shape[1] > 1, maps.shape[2] * maps.shape[3] > 1
        else { return [] }
        let sizes = maps.shape.dimensions
        let channelsLast = Node(
            "Transpose", inputs: [], outputs: [], attributes: [Attribute("perm", .ints([0, 2, 3, 1]))])
        let channelsFirst = Node(
            "Transpose", inputs: [], outputs: [], attributes: [Attribute("perm", .ints([0, 3, 1, 2]))])
        return [
            NodeSetting(name: "HWC", statement: "features flattened in the order HWC") { variation, position in
                variation.insert([channelsLast], before: position)
            },
            NodeSetting(name: "CHW", statement: "features that lie in the order HWC flattened as CHW") { variation, position in
                // A model whose own maps have the channels last, from TensorFlow for example.
                variation.insert([channelsFirst], before: position)
            },
            NodeSetting(name: "misread", statement: "weights for features in the order HWC") { variation, position in
                let shape = variation.constant(
                    try Tensor([sizes[0], sizes[2], sizes[3], sizes[1]].map(Int64.init)), like: node.inputs[0])
                variation.insert(
                    [Node("Reshape", inputs: [shape], outputs: []), channelsFirst], before: position)
            },
        ]
    }
}
