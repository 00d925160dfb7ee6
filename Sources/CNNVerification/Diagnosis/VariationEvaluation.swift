import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors

/// What a variation did to a run's outputs, seen from the references.
struct OutputChange {
    /// The root mean square that is left of the difference, as a share of what it was: 0 nothing, 1 all of it.
    let remainder: Double
    /// The cosine of the angle between what changed and what had to change.
    let alignment: Double
}

/// Runs variations of one case, computing anew only what a change reaches.
struct VariationEvaluation {
    private let subject: DiagnosisCase
    private let options: SessionOptions
    private let whole: Session
    private let types: [String: ValueType]

    init(_ subject: DiagnosisCase, options: SessionOptions) throws {
        self.subject = subject
        var options = options
        // To prepare weights for Winograd's convolution takes longer than it saves in a single run.
        options.mode = .strict
        self.options = options
        whole = try Session(subject.model, options: options)
        types = subject.values.mapValues(ValueType.init(of:))
    }

    /// - Throws: `ModelError`, `EvaluationError` and others where the variation makes no model that runs.
    func change(_ variation: Variation) throws -> OutputChange {
        let outputs = try outputs(of: variation)
        var (before, after, product, moved) = (0.0, 0.0, 0.0, 0.0)
        for (name, reference) in subject.references {
            guard let varied = outputs[name], varied.shape == reference.shape else { throw VariationError.otherShape }
            let expected = try reference.doubles()
            // An output of another shape explains nothing, so all of the reference is left to explain.
            let own = try subject.values[name].flatMap { $0.shape == reference.shape ? try $0.doubles() : nil }
            for (index, value) in try varied.doubles().enumerated() {
                if value == expected[index] || value.isNaN && expected[index].isNaN { continue }
                let old = own?[index] ?? 0
                let (target, change) = (expected[index] - old, value - old)
                after += (value - expected[index]) * (value - expected[index])
                product += target * change
                moved += change * change
            }
            for (index, value) in expected.enumerated() {
                let old = own?[index] ?? 0
                if value.isNaN && old.isNaN || value == old { continue }
                before += (value - old) * (value - old)
            }
        }
        guard before > 0, !after.isNaN else { throw VariationError.otherShape }
        let remainder = before.isNaN || before == .infinity ? (after == 0 ? 0 : 1) : (after / before).squareRoot()
        let lengths = (before * moved).squareRoot()
        return OutputChange(remainder: remainder, alignment: lengths > 0 ? product / lengths : 0)
    }

    private func outputs(of variation: Variation) throws -> [String: Tensor] {
        if variation.changesInputs {
            // Everything is reached; most such variations leave the model as it is, and its weights prepared.
            return try (variation.changedNodes.isEmpty ? whole : Session(variation.model, options: options))
                .run(variation.inputs)
        }
        let flow = Dataflow(variation.model.graph)
        var reached: Set<Int> = []
        var names: Set<String> = []
        for (index, node) in variation.model.graph.nodes.enumerated()
        where variation.changedNodes.contains(index) || flow.reads[index].contains(where: names.contains) {
            reached.insert(index)
            names.formUnion(node.outputs)
        }
        let wanted = variation.model.graph.outputs.map(\.name).filter(names.contains)
        guard !wanted.isEmpty else { throw VariationError.noEffect }
        let part = try variation.model.subgraph(
            nodes: reached, outputs: wanted, types: types.filter { !names.contains($0.key) })
        let inputs = Dictionary(
            part.graph.requiredInputs.compactMap { input in subject.values[input.name].map { (input.name, $0) } },
            uniquingKeysWith: { first, _ in first })
        let computed = try Session(part, options: options).run(inputs)
        return subject.references.keys.reduce(into: computed) { all, name in
            if all[name] == nil { all[name] = subject.values[name] }
        }
    }
}

/// Why a variation is no trial.
private enum VariationError: Error {
    /// An output has another shape than the reference, or nothing was different to begin with.
    case otherShape
    /// No output depends on what was changed.
    case noEffect
}
