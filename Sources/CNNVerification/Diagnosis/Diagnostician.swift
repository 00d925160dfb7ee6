import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors

/// Tries known mistakes on a run that differs from its reference, until one explains the difference.
///
/// A trial computes anew only what the change reaches. The trials with the least difference left are then held to the
/// criterion that a verification is held to; only what passes it is said to explain the difference.
struct Diagnostician: Sendable {
    /// Whether a model's outputs for these inputs are the references, up to rounding.
    typealias Criterion =
        @Sendable (_ model: Model, _ inputs: [String: Tensor], _ references: [String: Tensor]) throws -> Bool

    let options: SessionOptions
    /// Trials stop after this time; nil for none.
    let timeLimit: Duration?
    let agrees: Criterion

    init(options: SessionOptions, timeLimit: Duration?, criterion: @escaping Criterion) {
        self.options = options
        self.timeLimit = timeLimit
        agrees = criterion
    }

    /// The trials are held to the criterion from the closest on, until so many have failed.
    private static let failureLimit = 3
    /// What two right explanations leave of the difference is rounding; it differs by less than this factor.
    private static let spreadOfEquals = 10.0
    /// A trial that leaves more of the difference than this is not held to the criterion: the difference was far outside
    /// rounding, and what explains it brings it to where rounding is.
    private static let largestRemainder = 0.3

    /// All that is known to go wrong, in the order in which equal explanations are ranked: what is set wrong more often, and
    /// what changes less, first.
    static let hypotheses: [any Hypothesis] =
        [
            ChannelOrderHypothesis(), InputScaleHypothesis(), InputNormalizationHypothesis(), InputLayoutHypothesis(),
            SoftmaxHypothesis(), OutputLayoutHypothesis(), OutputOrderHypothesis.batch, OutputOrderHypothesis.classes,
        ] + nodeHypotheses

    static let nodeHypotheses: [any NodeHypothesis] = [
        BatchNormalizationEpsilonHypothesis(), CeilModeHypothesis(), PaddingHypothesis.automatic,
        PaddingHypothesis.explicit, CountIncludePadHypothesis(), LeakyReluSlopeHypothesis(), LRNAlphaHypothesis(),
        LRNSizeHypothesis(), FlattenOrderHypothesis(), TransposedWeightsHypothesis(), FlippedKernelsHypothesis(),
        DroppedBiasHypothesis(), BatchNormalizationTrainingHypothesis(), BatchNormalizationSwapHypothesis(),
        DropoutHypothesis(), HalfPrecisionWeightsHypothesis(),
    ]

    /// Explains why a run differs from its reference.
    /// - Parameter settings: only these, if given.
    /// - Throws: what the criterion throws for a variation that runs.
    func diagnose(
        _ subject: DiagnosisCase, trying hypotheses: [any Hypothesis] = Diagnostician.hypotheses
    ) throws -> Diagnosis {
        var search = try Search(subject, options: options, timeLimit: timeLimit)
        var findings: [Diagnosis.Finding] = []
        // What is wrong with the whole network costs one trial a kind; what is wrong with one node, one a node.
        for isWide in [true, false] where findings.isEmpty {
            for hypothesis in hypotheses {
                search.tryAlternatives(of: hypothesis) { subject.isWide($0) == isWide }
            }
            if isWide { search.tryPairsOfPreparations(hypotheses) }
            findings = try confirmed(search.trials, in: subject)
        }
        let explained = Set(findings.map(\.identity))
        let rest = search.trials.filter { $0.remainder < Self.largestRemainder && !explained.contains($0.identity) }
        findings += rest.sorted { $0.remainder < $1.remainder }.prefix(findings.isEmpty ? 3 : 0).map {
            $0.finding(in: subject, explains: false)
        }
        return Diagnosis(
            findings: findings, trialCount: search.trials.count, isExhaustive: search.isExhaustive,
            duration: search.duration)
    }

    /// The trials that explain the difference, in the order of the hypotheses. Holding a trial to the criterion takes a whole
    /// evaluation in Double, so that once one has passed only its equals follow.
    private func confirmed(_ trials: [Trial], in subject: DiagnosisCase) throws -> [Diagnosis.Finding] {
        var passing: [Trial] = []
        var failures = 0
        for trial in trials.filter({ $0.remainder < Self.largestRemainder }).sorted(by: { $0.remainder < $1.remainder }) {
            if let best = passing.first, trial.remainder > Self.spreadOfEquals * best.remainder { break }
            guard failures < Self.failureLimit else { break }
            let variation = try trial.vary(subject)
            if try agrees(variation.model, variation.inputs, subject.references) {
                passing.append(trial)
            } else {
                failures += 1
            }
        }
        return passing.sorted { $0.order < $1.order }.map { $0.finding(in: subject, explains: true) }
    }
}

/// One hypothesis tried.
private struct Trial {
    let kind: Mistake
    let alternative: Alternative
    /// The position among all trials.
    let order: Int
    /// How much of the difference is left: 0 nothing, 1 all of it.
    let remainder: Double
    var identity: String { kind.rawValue + alternative.statement + "\(alternative.place)" }

    func vary(_ subject: DiagnosisCase) throws -> Variation { try alternative.vary(subject) }

    func finding(in subject: DiagnosisCase, explains: Bool) -> Diagnosis.Finding {
        Diagnosis.Finding(
            mistake: kind, statement: alternative.statement, setting: alternative.setting,
            place: Diagnosis.Place(alternative.place, in: subject.model.graph), explains: explains, remainder: remainder,
            identity: identity)
    }
}

/// The trials of one diagnosis.
private struct Search {
    let subject: DiagnosisCase
    private(set) var trials: [Trial] = []
    /// Whether everything was tried that there was to try.
    private(set) var isExhaustive = true
    private let evaluation: VariationEvaluation
    private let start = ContinuousClock.now
    private let timeLimit: Duration?

    var duration: Duration { ContinuousClock.now - start }

    init(_ subject: DiagnosisCase, options: SessionOptions, timeLimit: Duration?) throws {
        self.subject = subject
        self.timeLimit = timeLimit
        evaluation = try VariationEvaluation(subject, options: options)
    }

    private var isOutOfTime: Bool { timeLimit.map { duration > $0 } ?? false }

    /// A hypothesis that cannot be made here, or a model that it makes impossible, is no trial.
    mutating func tryAlternatives(of hypothesis: any Hypothesis, where isWanted: (Alternative) -> Bool) {
        guard let alternatives = try? hypothesis.alternatives(in: subject) else { return }
        var hopeless: Set<Alternative.Place> = []
        for alternative in alternatives where isWanted(alternative) && !hopeless.contains(alternative.place) {
            guard !isOutOfTime else {
                isExhaustive = false
                return
            }
            guard let change = attempt(alternative, hypothesis.kind) else { continue }
            // Another number at the same node moves the outputs in much the same direction.
            if hypothesis.kind.isMatterOfNumber, !subject.isWide(alternative),
                change.alignment.magnitude < Self.leastAlignment
            {
                hopeless.insert(alternative.place)
            }
        }
    }

    /// The least cosine between what a number does and what is to be explained for other numbers to be tried. Effects of
    /// numbers are near linear where they are small; where they are large their direction turns, but not at right angles.
    private static let leastAlignment = 0.1

    @discardableResult
    private mutating func attempt(_ alternative: Alternative, _ kind: Mistake) -> OutputChange? {
        guard let variation = try? alternative.vary(subject), let change = try? evaluation.change(variation) else { return nil }
        trials.append(Trial(kind: kind, alternative: alternative, order: trials.count, remainder: change.remainder))
        return change
    }

    /// Two mistakes in preparing an image go together often: Caffe's networks take BGR and pixels up to 255.
    mutating func tryPairsOfPreparations(_ hypotheses: [any Hypothesis]) {
        guard trials.allSatisfy({ $0.remainder > 1e-3 }) else { return }
        let orders = hypotheses.filter { $0.kind == .channelOrder || $0.kind == .inputLayout }
        let maps = hypotheses.filter { $0.kind == .inputScale || $0.kind == .inputNormalization }
        for first in orders {
            for ordering in (try? first.alternatives(in: subject)) ?? [] {
                guard case .input(let name) = ordering.place, let variation = try? ordering.vary(subject),
                    let reordered = variation.inputs[name]
                else { continue }
                let next = subject.replacingInput(name, with: reordered)
                for second in maps {
                    for mapping in (try? second.alternatives(in: next)) ?? [] where mapping.place == ordering.place {
                        guard !isOutOfTime else {
                            isExhaustive = false
                            return
                        }
                        let both = Alternative(
                            statement: "\(ordering.statement) and \(mapping.statement)", place: mapping.place,
                            setting: "\(ordering.setting) and \(mapping.setting)", vary: { _ in try mapping.vary(next) })
                        attempt(both, second.kind)
                    }
                }
            }
        }
    }
}

extension DiagnosisCase {
    /// Whether an alternative concerns the whole network: its inputs, its outputs, all nodes of a kind.
    fileprivate func isWide(_ alternative: Alternative) -> Bool {
        guard case .nodes(let indices) = alternative.place else { return true }
        return indices.count > 1 || flow.graph.nodes.count == 1
    }
}

extension Mistake {
    /// Whether alternatives at one place differ in a number only.
    fileprivate var isMatterOfNumber: Bool {
        switch self {
        case .batchNormalizationEpsilon, .leakyReluSlope, .lrnSize: true
        default: false
        }
    }
}
