import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors

extension Diagnosis {
    /// How long a diagnosis may take that nobody asked for.
    public static let automaticTimeLimit = Duration.seconds(3)

    /// Tries known mistakes until one explains why a model's outputs differ from references.
    /// - Parameters:
    ///   - inputs: a tensor for every required input, by name.
    ///   - references: by value: of the outputs, and of values between nodes where they are known.
    ///   - guiltyNode: the position, in the graph with calls of functions inlined, of the first node that does not follow from
    ///     its own inputs, where that is known. Mistakes at that node are tried first, on the node alone.
    ///   - suspect: the mistake that something else already points to, which is tried first.
    ///   - options: how trials are computed.
    ///   - timeLimit: trials stop after this time; nil for none.
    /// - Throws: `InputError`, `ModelError`, `EvaluationError`, `SessionError`.
    public init(
        of model: Model, inputs: [String: Tensor], references: [String: Tensor], guiltyNode: Int? = nil,
        suspect: Mistake? = nil, options: SessionOptions = SessionOptions(), timeLimit: Duration? = nil
    ) throws {
        let diagnostician = Diagnostician(options: options, timeLimit: timeLimit) { model, inputs, references in
            let expectations = try RoundingAnalysis(model, threads: options.threads)
                .expectations(for: inputs, of: Set(references.keys))
            return try references.allSatisfy { name, reference in
                guard let expectation = expectations[name], expectation.shape == reference.shape else { return false }
                return try expectation.judge(reference).agrees
            }
        }
        let whole = try DiagnosisCase(
            model: model, inputs: inputs,
            values: Session(model, options: options).run(inputs, keepingAll: true), references: references)
        if let guiltyNode,
            let node = try Reproduction(
                of: model, nodes: [guiltyNode], references: references, values: whole.values, options: options)
        {
            let isolated = try DiagnosisCase(
                model: node.model, inputs: node.inputs, values: node.values, references: node.references)
            let diagnosis = try diagnostician.diagnose(isolated, trying: Diagnostician.nodeHypotheses)
            if diagnosis.isExplained {
                self = try diagnostician.widened(diagnosis.placed(at: guiltyNode, in: whole), in: whole)
                return
            }
        }
        let hypotheses = Diagnostician.hypotheses
        self = try diagnostician.diagnose(
            whole, trying: hypotheses.filter { $0.kind == suspect } + hypotheses.filter { $0.kind != suspect })
    }

    /// The diagnosis of a node alone, said of the node in its graph.
    private func placed(at index: Int, in whole: DiagnosisCase) -> Diagnosis {
        Diagnosis(
            findings: findings.map { $0.moved(to: Place(.nodes([index]), in: whole.model.graph)) }, trialCount: trialCount,
            isExhaustive: isExhaustive, duration: duration)
    }
}

extension Diagnostician {
    /// A mistake found at one node may have been made at all nodes of its kind: then that is what happened.
    fileprivate func widened(_ diagnosis: Diagnosis, in whole: DiagnosisCase) throws -> Diagnosis {
        guard !whole.references.isEmpty, let first = diagnosis.findings.first,
            let hypothesis = Self.nodeHypotheses.first(where: { $0.kind == first.mistake })
        else { return diagnosis }
        let wide = try hypothesis.alternatives(in: whole).first { alternative in
            guard case .nodes(let indices) = alternative.place else { return false }
            return indices.count > 1 && alternative.setting == first.setting
        }
        guard let wide, let variation = try? wide.vary(whole),
            (try? agrees(variation.model, variation.inputs, whole.references)) == true
        else { return diagnosis }
        var findings = diagnosis.findings
        findings[0] = first.moved(to: Diagnosis.Place(wide.place, in: whole.model.graph))
        return Diagnosis(
            findings: findings, trialCount: diagnosis.trialCount + 1, isExhaustive: diagnosis.isExhaustive,
            duration: diagnosis.duration)
    }
}
