import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors

/// Finds where a reference's program begins to differ when it does not tell the values between nodes, only what a model puts
/// out: it is run on prefixes of the model that end where everything flows through one value, and half of what is left is
/// ruled out with each run. A prefix is judged by its own Double evaluation, within rounding.
///
/// What is found is a segment whose input the reference has right and whose output it has not. That it is the first such
/// segment takes that errors, once made, stay visible; where they do not, it is one of several.
public struct Bisection: Sendable {
    /// The reference's values of these names, which the model's nodes compute.
    public typealias Reference = (_ values: [String]) throws -> [String: Tensor]

    private let model: Model
    private let options: SessionOptions
    private let flow: Dataflow

    /// - Throws: `ModelError`.
    public init(_ model: Model, options: SessionOptions = SessionOptions()) throws {
        self.model = try BoundModel(model).model
        self.options = options
        flow = Dataflow(self.model.graph)
    }

    /// - Parameters:
    ///   - names: the values that the reference's model knows under the same names; nil for all.
    ///   - progress: told of each run in words.
    public func run(
        _ inputs: [String: Tensor], knowing names: Set<String>? = nil, reference: Reference,
        progress: (String) -> Void = { _ in }
    ) throws -> BisectionOutcome {
        let outputs = model.graph.outputs.map(\.name)
        let candidates = flow.dominators().filter { !outputs.contains($0) && names?.contains($0) ?? true }
        let expectations = try RoundingAnalysis(model, threads: options.threads)
            .expectations(for: inputs, of: Set(candidates + outputs))
        // Where nothing is known of rounding, nothing can be ruled out.
        let cuts = candidates.filter { expectations[$0]?.isKnown ?? false }
        var runCount = 0
        var computed: [String: Tensor] = [:]
        var undecided: [String] = []
        func verdict(_ values: [String]) throws -> RoundingJudgement.Verdict {
            computed.merge(try reference(values)) { _, latest in latest }
            runCount += 1
            let verdicts = values.map { name -> RoundingJudgement.Verdict in
                guard let expectation = expectations[name], let tensor = computed[name],
                    expectation.shape == tensor.shape, let judgement = try? expectation.judge(tensor)
                else { return .differs }
                if let reason = judgement.undecidedReason { undecided.append(SavedReport.omission(name, reason)) }
                return judgement.verdict
            }
            let verdict = [.differs, .undecided].first(where: verdicts.contains) ?? .agrees
            let text = verdict == .undecided ? "is undecided" : verdict.rawValue
            progress("run \(runCount): the reference \(text) at \(values.joined(separator: ", "))")
            return verdict
        }
        switch try verdict(outputs) {
        case .agrees: return .agreement
        case .undecided: return .undecided(undecided)
        case .differs: break
        }
        // The reference agrees at every cut before `first`'s, as far as was asked, and differs at the one of `last`.
        var (first, last) = (0, cuts.count)
        while first < last {
            let middle = first + (last - first) / 2
            if try verdict([cuts[middle]]) == .agrees { first = middle + 1 } else { last = middle }
        }
        let start = first == 0 ? nil : cuts[first - 1]
        let end = first == cuts.count ? nil : cuts[first]
        let segment = Segment(start: start, end: end, runCount: runCount + 1, computed: computed)
        return .difference(try report(segment, inputs, knowing: names, reference))
    }

    /// Looks closely at a segment: one more run gives the values within, and each node is held against its own inputs.
    private func report(
        _ segment: Segment, _ inputs: [String: Tensor], knowing names: Set<String>?, _ reference: Reference
    ) throws -> BisectionReport {
        let (start, end) = (segment.start, segment.end)
        let nodes = flow.segment(from: start, to: end)
        let made = nodes.flatMap { model.graph.nodes[$0].outputs }.filter { !$0.isEmpty && names?.contains($0) ?? true }
        let values = try reference((start.map { [$0] } ?? []) + made)
        let given = inputs.merging(values) { _, value in value }
        let part = try model.subgraph(nodes: nodes, types: given.mapValues(ValueType.init(of:)))
        let partInputs = part.graph.requiredInputs.reduce(into: [String: Tensor]()) { $0[$1.name] = given[$1.name] }
        let check = try LayerCheck(part, options: options).locate(partInputs, reference: { values[$0] })
        let guilty = check.firstFailure.flatMap { flow.producers[$0.value] }
        return BisectionReport(
            start: start, end: end, nodes: nodes.map { place($0) }, nodeIndices: nodes, guiltyNode: guilty.map(place),
            guiltyIndex: guilty, runCount: segment.runCount, values: segment.computed.merging(values) { _, latest in latest })
    }

    /// The cuts between which a reference begins to differ, and what it gave on the way.
    private struct Segment {
        let start: String?
        let end: String?
        let runCount: Int
        let computed: [String: Tensor]
    }

    private func place(_ index: Int) -> ModelProblem.Place {
        let node = model.graph.nodes[index]
        return .node(index: index, name: node.name, operatorType: node.operatorType)
    }
}

/// What a bisection came to.
public enum BisectionOutcome: Sendable {
    /// The reference agrees on the outputs.
    case agreement
    /// No output differs, but of some it is not known what rounding does to them; a sentence for each.
    case undecided([String])
    case difference(BisectionReport)
}

/// Where a reference begins to differ.
public struct BisectionReport: Sendable {
    /// The last value at which the reference agrees; nil for the model's inputs.
    public let start: String?
    /// The first value at which it differs; nil for the model's outputs.
    public let end: String?
    /// The nodes between them.
    public let nodes: [ModelProblem.Place]
    public let nodeIndices: [Int]
    /// The first of them whose value does not follow from its own inputs. Nil if each one does: then the reference errs
    /// only where it does not give out the values between, for example by fusing nodes.
    public let guiltyNode: ModelProblem.Place?
    public let guiltyIndex: Int?
    /// How often the reference's program ran.
    public let runCount: Int
    /// The reference's values in the segment, at the cuts that were tried, and at the outputs.
    public let values: [String: Tensor]
}

extension BisectionReport: CustomStringConvertible {
    public var description: String {
        let range = "between \(start.map { "'\($0)'" } ?? "the inputs") and \(end.map { "'\($0)'" } ?? "the outputs")"
        let found = "bisection: the reference begins to differ \(range) (\(nodes.count) nodes, found in \(runCount) runs)"
        guard let guiltyNode else {
            return found
                + "\n  each of the nodes follows from its own inputs there: the difference needs several of them at once"
        }
        return found + "\n  the first node that does not follow from its own inputs is \(guiltyNode)"
    }

    /// The value of the member `bisection` in a verification's JSON object.
    package var json: JSON {
        func name(_ place: ModelProblem.Place) -> JSON {
            if case .node(_, let name, _) = place { .string(name) } else { .null }
        }
        return .object([
            JSON.Member("start", start.map { .string($0) } ?? .null), JSON.Member("end", end.map { .string($0) } ?? .null),
            JSON.Member("nodes", .array(nodes.map(name))), JSON.Member("guilty", guiltyNode.map(name) ?? .null),
            JSON.Member("guilty_index", guiltyIndex.map { .integer($0) } ?? .null), JSON.Member("runs", .integer(runCount)),
        ])
    }
}
