import CNNModels
import CNNTensors
import Foundation

/// Another epsilon of BatchNormalization: frameworks' defaults differ.
struct BatchNormalizationEpsilonHypothesis: NodeHypothesis {
    let kind = Mistake.batchNormalizationEpsilon

    /// The defaults of Keras (1e-3), PyTorch and Caffe (1e-5), Chainer (2e-5), cuDNN's least value and MXNet's old one (1e-3),
    /// LayerNorm's habits (1e-6, 1e-12), and none at all.
    private static let conventional: [Float] = [1e-3, 1e-5, 1e-4, 1e-6, 2e-5, 1e-2, 1e-7, 1e-8, 1e-12, 0]

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard ["BatchNormalization", "InstanceNormalization"].contains(node.operatorType) else { return [] }
        return node.floatSettings(
            "epsilon", standard: 1e-5, values: Self.conventional, statement: { "epsilon \($0) instead of \($1)" })
    }
}

/// Mean and variance exchanged.
struct BatchNormalizationSwapHypothesis: NodeHypothesis {
    let kind = Mistake.batchNormalizationSwap

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "BatchNormalization", node.inputs.count == 5 else { return [] }
        return [
            NodeSetting(name: "mean and variance exchanged", statement: "mean and variance exchanged") { variation, position in
                variation.edit(position) { $0.inputs.swapAt(3, 4) }
            },
            NodeSetting(name: "scale and bias exchanged", statement: "scale and bias exchanged") { variation, position in
                variation.edit(position) { $0.inputs.swapAt(1, 2) }
            },
            NodeSetting(name: "the deviation for the variance", statement: "the deviation taken for the variance") {
                variation, position in
                guard let variance = subject.weights(4, of: node) else { return }
                let deviations = try variance.doubles().map { $0.squareRoot() }
                variation.setWeights(
                    try Tensor(rounding: deviations, to: variance.dataType, shape: variance.shape), input: 4, at: position)
            },
        ]
    }
}

/// Normalization by the statistics of the batch itself: the network was left in training mode.
struct BatchNormalizationTrainingHypothesis: NodeHypothesis {
    let kind = Mistake.batchNormalizationTraining

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "BatchNormalization", node.outputs.count == 1 else { return [] }
        let opset = subject.opset
        return [
            NodeSetting(
                name: "training", statement: "the batch's own mean and variance (training mode)"
            ) { variation, position in
                if opset >= 14 {
                    variation.setAttribute("training_mode", .int(1), at: position)
                } else {
                    // Before version 14 a node trains when it has the outputs of training.
                    variation.edit(position) { node in
                        let output = node.outputs[0]
                        node.outputs += ["mean", "var", "saved_mean", "saved_var"].map { "\(output).\($0)" }
                        node.attributes.removeAll { $0.name == "is_test" }
                    }
                }
            }
        ]
    }
}

/// Another number of channels in a local response normalization: TensorFlow gives the radius.
struct LRNSizeHypothesis: NodeHypothesis {
    let kind = Mistake.lrnSize

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "LRN", case .int(let size)? = node.attribute("size")?.value, size > 0, size < 1 << 20,
            case .float(let alpha)? = node.attribute("alpha")?.value ?? .float(1e-4)
        else { return [] }
        var seen: Set<Int64> = [size]
        return [2 * size + 1, (size - 1) / 2, size - 1, size + 1, 3, 5].filter { $0 > 0 && seen.insert($0).inserted }
            .flatMap { other in
                let plain = NodeSetting(name: "size \(other)", statement: "size \(other) instead of \(size)") {
                    variation, position in
                    variation.setAttribute("size", .int(other), at: position)
                }
                // Where alpha is a factor of the sum, not of the mean, another size leaves alpha/size as it is.
                let kept = NodeSetting(
                    name: "size \(other), alpha/size kept",
                    statement: "size \(other) instead of \(size), with the same alpha/size"
                ) { variation, position in
                    variation.setAttribute("size", .int(other), at: position)
                    variation.setAttribute("alpha", .float(alpha * Float(other) / Float(size)), at: position)
                }
                return [plain, kept]
            }
    }
}

/// Alpha as a factor of the sum of squares, as the paper and TensorFlow have it, against one of their mean (alpha/size), as
/// ONNX, Caffe and PyTorch have it.
struct LRNAlphaHypothesis: NodeHypothesis {
    let kind = Mistake.lrnAlpha

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "LRN", case .int(let size)? = node.attribute("size")?.value, size > 1, size < 1 << 20
        else { return [] }
        guard case .float(let alpha)? = node.attribute("alpha")?.value ?? .float(1e-4) else { return [] }
        return [
            ("alpha for alpha/size", "alpha not divided by the size", alpha * Float(size)),
            ("alpha/size for alpha", "alpha divided by the size twice", alpha / Float(size)),
        ].map { name, statement, value in
            NodeSetting(name: name, statement: statement) { variation, position in
                variation.setAttribute("alpha", .float(value), at: position)
            }
        }
    }
}

extension Float {
    /// The number as people write it: six digits, so that 1e-05 in float32 is not 1.0000001e-05.
    var conventionalText: String { String(format: "%.6g", Double(self)) }
}

extension Node {
    /// An attribute with another of these values.
    func floatSettings(
        _ attribute: String, standard: Float, values: [Float], statement: (_ value: String, _ own: String) -> String
    ) -> [NodeSetting] {
        guard case .float(let own)? = self.attribute(attribute)?.value ?? .float(standard) else { return [] }
        return values.filter { $0 != own }.map { value in
            NodeSetting(
                name: "\(attribute) \(value.conventionalText)",
                statement: statement(value.conventionalText, own.conventionalText)
            ) { variation, position in
                variation.setAttribute(attribute, .float(value), at: position)
            }
        }
    }
}
