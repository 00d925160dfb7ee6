import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors

/// The state of one layer check.
struct LayerCheckRun {
    private let bound: BoundModel
    private let options: SessionOptions
    private let criterion: LayerCheck.Criterion
    private let constants: [String: Tensor]
    /// The reference's values that are still needed, or, of those it does not have, the Double evaluation from what it has.
    private var values: [String: TrackedValue] = [:]
    /// Our own values that are still needed, computed from the model's inputs on.
    private var ours: [String: Tensor] = [:]
    private var layers: [LayerJudgement] = []
    private var firstFailure: LayerJudgement?
    private var explanation: LayerExplanation?
    private var missing: [String] = []
    private var incomparable: [LayerReport.Incomparable] = []

    init(bound: BoundModel, options: SessionOptions, criterion: LayerCheck.Criterion) {
        self.criterion = criterion
        self.bound = bound
        self.options = options
        constants = Dictionary(uniqueKeysWithValues: bound.model.graph.initializers.map { ($0.name, $0.tensor) })
    }

    mutating func report(
        _ inputs: [String: Tensor], reference: (String) throws -> Tensor?, progress: (Int, Int) -> Void
    ) throws -> LayerReport {
        let graph = bound.model.graph
        try graph.checkInputs(inputs)
        let facts = try bound.infer(
            inputs: inputs.mapValues { ValueFact(dataType: $0.dataType, shape: SymbolicShape($0.shape)) }
        ).facts
        // An input of the same name as an initializer replaces it.
        let given = constants.merging(inputs) { _, input in input }
        values = given.mapValues { TrackedValue($0) }
        ours = given
        let lastUses = bound.lastUses
        for node in bound.nodes {
            try check(node, constants: given.keys.contains, facts: facts, reference: reference)
            for name in Set(node.node.inputs + node.node.outputs) where lastUses[name] ?? node.index <= node.index {
                values[name] = nil
                ours[name] = nil
            }
            progress(node.index + 1, bound.nodes.count)
        }
        return LayerReport(
            layers: layers, firstFailure: firstFailure, explanation: explanation, missing: missing, incomparable: incomparable)
    }

    private mutating func check(
        _ node: BoundNode, constants isConstant: (String) -> Bool, facts: [String: ValueFact],
        reference: (String) throws -> Tensor?
    ) throws {
        let names = node.node.inputs
        let tracked = names.map { $0.isEmpty ? nil : values[$0] }
        let operands = tracked.map { $0?.exact }
        let exact = try node.evaluateInDouble(operands)
        let types = zip(node.node.outputs, exact).map { name, tensor in facts[name]?.dataType ?? tensor.dataType }
        let arithmetic = types.lazy.compactMap { RoundingUnit($0) }.first ?? .float32
        let unit = arithmetic == .float32 ? .float32OfAnyProgram : arithmetic
        let given = try node.node.outputs.map { $0.isEmpty ? nil : try reference($0) }
        let reasons = given.indices.map { position in
            given[position].flatMap { Self.incomparability(types[position], exact[position].shape, $0) }
        }
        let found = zip(given, reasons).map { $1 == nil ? $0 : nil }

        // Our evaluation: of the reference's inputs, rounded to the types of the model, and of our own.
        let rounded = try zip(names, operands).map { name, tensor in
            try tensor.map { try $0.rounded(to: facts[name]?.dataType ?? $0.dataType) }
        }
        let session = try NodeSession(
            node, of: bound.model, constants: self.constants, inputs: rounded,
            outputs: zip(types, exact).map { ($0, $1.shape) }, options: options)
        let isolated = try session.run(node, rounded)
        let own = names.map { $0.isEmpty ? nil : ours[$0] }
        let sameInputs = zip(own, rounded).allSatisfy { $0 == $1 }
        let cumulative = sameInputs ? isolated : try session.run(node, own)

        let isBounded = criterion == .bound && tracked.allSatisfy { $0?.variances == nil }
        let needsVariance = !isBounded || found.contains { $0 == nil }
        let bounds = isBounded ? try node.bounds(operands, outputs: exact, unit: unit) : nil
        let expected = needsVariance ? try node.track(tracked, outputs: exact, unit: unit) : exact.map { TrackedValue($0) }
        let reconstructed = zip(names, tracked).filter { $1?.variances != nil }.map(\.0)

        for (position, name) in node.node.outputs.enumerated() where !name.isEmpty && position < exact.count {
            ours[name] = cumulative[name]
            guard let array = found[position] else {
                if let reason = reasons[position] {
                    incomparable.append(LayerReport.Incomparable(value: name, reason: reason))
                } else {
                    missing.append(name)
                }
                values[name] = expected[position]
                layers.append(
                    judgement(
                        node, name, exact[position], reference: nil, isolated[name], cumulative[name], nil, nil, reconstructed))
                continue
            }
            values[name] = TrackedValue(array)
            let judge = { (tensor: Tensor) throws -> RoundingJudgement in
                try Self.judge(
                    tensor, exact: exact[position], bound: bounds?.bounds[position], isStated: bounds?.isStated ?? true,
                    variances: expected[position].variances)
            }
            let layer = judgement(
                node, name, exact[position], reference: array, isolated[name], cumulative[name], try judge(array),
                try isolated[name].map(judge), reconstructed)
            layers.append(layer)
            if firstFailure == nil, !layer.agrees {
                firstFailure = layer
                explanation = try LayerExplanation(
                    node, inputs: operands, reference: array, exact: exact[position], ours: isolated[name], judgement: layer,
                    isFirstOutput: position == 0)
            }
        }
    }

    /// Why a reference's array cannot be held against a value of this type and shape; nil if it can. Floating-point numbers of
    /// any width are read alike.
    private static func incomparability(
        _ type: DataType, _ shape: Shape, _ array: Tensor
    ) -> TensorComparison.Verdict.Reason? {
        if array.shape != shape { return .shapes(actual: shape, reference: array.shape) }
        let isReadable = array.dataType == type || array.dataType.isFloatingPoint && type.isFloatingPoint
        return isReadable ? nil : .dataTypes(actual: type, reference: array.dataType)
    }

    private static func judge(
        _ tensor: Tensor, exact: Tensor, bound: RoundingBound?, isStated: Bool, variances: [Double]?
    ) throws -> RoundingJudgement {
        guard exact.dataType == .float64, tensor.dataType.isFloatingPoint else { return try .exact(tensor, exact) }
        switch bound {
        case .exact: return try .exact(tensor, exact)
        case .elements(let elements):
            return try RoundingJudgement(
                basis: isStated ? .bound : .convention, actual: tensor.doubles(), expected: exact.doubles(), units: elements,
                threshold: 1, shape: exact.shape)
        case nil:
            guard let variances else { return try .exact(tensor, exact) }
            return try RoundingJudgement(
                basis: .deviation, actual: tensor.doubles(), expected: exact.doubles(),
                units: variances.map { $0.squareRoot() },
                threshold: RoundingThreshold.deviations(elementCount: exact.shape.elementCount), shape: exact.shape)
        }
    }

    private func judgement(
        _ node: BoundNode, _ name: String, _ exact: Tensor, reference: Tensor?, _ isolated: Tensor?, _ cumulative: Tensor?,
        _ verdict: RoundingJudgement?, _ ownVerdict: RoundingJudgement?, _ reconstructed: [String]
    ) -> LayerJudgement {
        func error(_ left: Tensor?, _ right: Tensor?) -> LayerError? {
            guard let left, let right else { return nil }
            return (try? LayerError(left, right)) ?? nil
        }
        return LayerJudgement(
            place: node.place, nodeIndex: node.index, nodeName: node.node.name, operatorType: node.node.operatorType,
            value: name, shape: exact.shape, reference: verdict, ours: ownVerdict, isolated: error(isolated, reference),
            cumulative: error(cumulative, reference), referenceDistance: error(reference, exact),
            ourDistance: error(isolated, exact), reconstructedInputs: reconstructed)
    }
}

extension BoundNode {
    /// The bounds on the node's rounding error by output, and whether the operator states them (else they are a rule of thumb).
    fileprivate func bounds(
        _ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> (bounds: [RoundingBound], isStated: Bool) {
        do {
            if let stated = try operation.roundingBound(inputs, outputs: outputs, unit: unit) { return (stated, true) }
            return (
                try outputs.map { .elements(try GenericBound.elements(of: $0, inputs: inputs, unit: unit)) }, false
            )
        } catch {
            throw EvaluationError(place: place, message: "\(error)")
        }
    }
}

extension Tensor {
    /// The tensor with its floating-point elements rounded to another floating-point type; any other tensor as it is.
    fileprivate func rounded(to dataType: DataType) throws -> Tensor {
        guard self.dataType != dataType, self.dataType.isFloatingPoint, dataType.isFloatingPoint else { return self }
        return try Tensor(rounding: doubles(), to: dataType, shape: shape)
    }
}
