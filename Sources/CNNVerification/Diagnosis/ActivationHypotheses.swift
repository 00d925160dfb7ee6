import CNNModels
import CNNTensors

/// Another slope of LeakyRelu for negative numbers: frameworks' defaults differ.
struct LeakyReluSlopeHypothesis: NodeHypothesis {
    let kind = Mistake.leakyReluSlope

    /// The defaults of ONNX and PyTorch (0.01), TensorFlow (0.2), Keras (0.3) and Darknet (0.1); PRelu's first value (0.25);
    /// Xu et al. 2015 (1/5.5); none, which is Relu.
    private static let conventional: [Float] = [0.1, 0.2, 0.01, 0.3, 0.25, 1 / 5.5, 0.05, 0.02, 0]

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "LeakyRelu" else { return [] }
        return node.floatSettings(
            "alpha", standard: 0.01, values: Self.conventional, statement: { "slope \($0) instead of \($1)" })
    }
}

/// Dropout left on, as far as that can be told. What it left out at random shows in the node's own output, so that needs
/// the reference of the node; that it scales, or does not, shows in the outputs too.
struct DropoutHypothesis: NodeHypothesis {
    let kind = Mistake.dropout

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "Dropout", let input = subject.input(0, of: node),
            let ratio = try Self.ratio(of: node, in: subject), ratio > 0, ratio < 1
        else { return [] }
        let scales = [
            ("scaled by 1 - ratio", "numbers scaled by \(1 - ratio), as Dropout without inverted scaling does", 1 - ratio),
            ("scaled by 1/(1 - ratio)", "numbers scaled by 1/\(1 - ratio), as Dropout does in training", 1 / (1 - ratio)),
        ].map { name, statement, factor in
            NodeSetting(name: name, statement: statement) { variation, position in
                let scale = variation.constant(
                    try Tensor(rounding: [Double(factor)], to: input.dataType, shape: Shape([])), like: node.inputs[0])
                variation.insert([Node("Mul", inputs: [scale], outputs: [])], before: position)
            }
        }
        guard let mask = try mask(of: node, input: input, in: subject) else { return scales }
        let left = NodeSetting(name: "on", statement: mask.statement) { variation, position in
            let factors = variation.constant(mask.factors, like: node.inputs[0])
            variation.insert([Node("Mul", inputs: [factors], outputs: [])], before: position)
        }
        return [left] + scales
    }

    private static func ratio(of node: Node, in subject: DiagnosisCase) throws -> Float? {
        if subject.opset >= 12 { return Float(try subject.weights(1, of: node)?.doubles().first ?? 0.5) }
        guard case .float(let ratio)? = node.attribute("ratio")?.value ?? .float(0.5) else { return nil }
        return ratio
    }

    /// The factors by which the reference's output of the node follows from its input, if they are 0 here and there and one
    /// number of 1 or more everywhere else.
    private func mask(
        of node: Node, input: Tensor, in subject: DiagnosisCase
    ) throws -> (factors: Tensor, statement: String)? {
        guard let name = node.outputs.first, let reference = subject.references[name], reference.shape == input.shape,
            reference.dataType == input.dataType, input.dataType.isFloatingPoint
        else { return nil }
        let (own, other) = (try input.doubles(), try reference.doubles())
        let quotients = zip(own, other).filter { $0 != 0 && $1 != 0 }.map { $1 / $0 }.sorted()
        guard !quotients.isEmpty else { return nil }
        let scale = Double(Float(quotients[quotients.count / 2]))
        let dropped = zip(own, other).count { $0 != 0 && $1 == 0 }
        guard dropped > 0, scale >= 0.999 else { return nil }
        let factors = zip(own, other).map { $0 != 0 && $1 == 0 ? 0 : scale }
        let share = Double(dropped) / Double(max(own.count { $0 != 0 }, 1))
        return (
            try Tensor(rounding: factors, to: input.dataType, shape: input.shape),
            "Dropout left on: \(Int((100 * share).rounded())) % of the numbers that are not 0 left out, the rest times \(Float(scale))"
        )
    }
}
