import CNNOperators
import CNNTensors

extension LayerExplanation {
    /// How many addends are listed.
    private static let termLimit = 8

    init(
        _ node: BoundNode, inputs: [Tensor?], reference: Tensor, exact: Tensor, ours: Tensor?, judgement: LayerJudgement,
        isFirstOutput: Bool
    ) throws {
        let worst = judgement.reference?.worst
        element = worst?.index ?? []
        let strides = exact.shape.strides
        let offset = zip(element, strides).reduce(0) { $0 + $1.0 * $1.1 }
        referenceValue = worst?.value ?? .nan
        exactValue = worst?.expected ?? .nan
        ourValue = try ours.flatMap { try $0.dataType.isNumber ? $0.doubles()[offset] : nil }
        allowed = (worst?.unit ?? 0) * (judgement.reference?.threshold ?? 1)
        formula =
            node.operation.formula
            ?? "\(node.node.outputs.first ?? "Y") = \(node.node.operatorType)(\(node.node.inputs.joined(separator: ", ")))"
        self.inputs = try zip(node.node.inputs, inputs).compactMap { name, tensor in
            try tensor.map { try Input(name: name, $0) }
        }
        let summands = isFirstOutput ? try node.operation.summands(of: offset, inputs) ?? [] : []
        let sorted = summands.sorted { $0.value.magnitude > $1.value.magnitude }
        largestTerms = sorted.prefix(Self.termLimit).map { Term(text: $0.text, factors: $0.factors, value: $0.value) }
        termCount = summands.count
        restOfTerms = sorted.dropFirst(Self.termLimit).reduce(0) { $0 + $1.value }
        sumOfMagnitudes = summands.reduce(0) { $0 + $1.value.magnitude }
    }
}

extension LayerExplanation.Input {
    fileprivate init(name: String, _ tensor: Tensor) throws {
        self.name = name
        dataType = tensor.dataType
        shape = tensor.shape
        guard tensor.dataType.isNumber else {
            (range, nonFiniteCount) = (nil, 0)
            return
        }
        var (lowest, highest, nonFinite) = (Double.infinity, -Double.infinity, 0)
        for value in try tensor.doubles() {
            guard value.isFinite else {
                nonFinite += 1
                continue
            }
            (lowest, highest) = (min(lowest, value), max(highest, value))
        }
        range = lowest <= highest ? lowest...highest : nil
        nonFiniteCount = nonFinite
    }
}
