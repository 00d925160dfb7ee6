import CNNModels
import CNNTensors

/// A mistake that is known to happen when a network is moved from one program to another. Tried on a run that differs from
/// its reference, it says what the reference's program would then have computed instead.
protocol Hypothesis: Sendable {
    var kind: Mistake { get }
    /// The ways in which the mistake can have been made here; none where it cannot.
    func alternatives(in subject: DiagnosisCase) throws -> [Alternative]
}

/// One way in which a mistake can have been made: what the reference's program did, and the model and inputs that make
/// ours do the same.
struct Alternative: Sendable {
    /// Where the mistake lies.
    enum Place: Sendable, Hashable {
        case input(String)
        case output(String)
        /// Positions in the graph of the case, ascending.
        case nodes([Int])
    }

    /// What the reference did, to stand behind "the reference was computed with"; for example "epsilon 0.001 instead of 1e-05".
    let statement: String
    let place: Place
    /// Alternatives of one mistake with the same setting differ only in where it was made; those with the same place, only
    /// in a number.
    let setting: String
    let vary: @Sendable (DiagnosisCase) throws -> Variation
}

/// The kinds of mistake, by the names that reports and scripts know them by.
public enum Mistake: String, Sendable, Hashable, CaseIterable {
    case inputLayout = "input-layout"
    case channelOrder = "channel-order"
    case inputScale = "input-scale"
    case inputNormalization = "input-normalization"
    case outputLayout = "output-layout"
    case softmax = "softmax"
    case batchOrder = "batch-order"
    case classOrder = "class-order"
    case flippedKernels = "flipped-kernels"
    case transposedWeights = "transposed-weights"
    case flattenOrder = "flatten-order"
    case samePadding = "same-padding"
    case padsSide = "pads-side"
    case ceilMode = "ceil-mode"
    case countIncludePad = "count-include-pad"
    case batchNormalizationEpsilon = "batch-normalization-epsilon"
    case batchNormalizationSwap = "batch-normalization-swap"
    case batchNormalizationTraining = "batch-normalization-training"
    case droppedBias = "dropped-bias"
    case leakyReluSlope = "leaky-relu-slope"
    case lrnSize = "lrn-size"
    case lrnAlpha = "lrn-alpha"
    case dropout = "dropout"
    case halfPrecisionWeights = "half-precision-weights"
}

/// A mistake that can be made at a node, or at all nodes of its kind.
protocol NodeHypothesis: Hypothesis {
    /// The ways in which it can have been made at this node; none where it cannot.
    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting]
}

/// What the reference did at a node.
struct NodeSetting: Sendable {
    /// The same for nodes at which the same was done.
    let name: String
    let statement: String
    /// Makes the node at this position do so. Nodes that are inserted stand next to it.
    let edit: @Sendable (inout Variation, _ position: Int) throws -> Void
}

extension NodeHypothesis {
    /// First each setting at all nodes that allow it, and at all of one operator, then at one node after the other.
    func alternatives(in subject: DiagnosisCase) throws -> [Alternative] {
        var groups: [[Member]] = []
        var positions: [String: Int] = [:]
        for index in subject.model.graph.nodes.indices where !subject.flow.constantNodes.contains(index) {
            for setting in try settings(at: index, in: subject) {
                if let position = positions[setting.name] {
                    groups[position].append(Member(index: index, setting: setting))
                } else {
                    positions[setting.name] = groups.count
                    groups.append([Member(index: index, setting: setting)])
                }
            }
        }
        let everywhere =
            groups
            + groups.flatMap { group in
                let operators = Dictionary(grouping: group) { subject.model.graph.nodes[$0.index].operatorType }
                return operators.count == 1 ? [] : operators.sorted { $0.key < $1.key }.map(\.value)
            }
        let single = groups.joined().sorted { $0.index < $1.index }.map { [$0] }
        return everywhere.filter { $0.count > 1 }.map(alternative) + single.map(alternative)
    }

    private func alternative(_ members: [Member]) -> Alternative {
        let first = members[0].setting
        let isUniform = members.allSatisfy { $0.setting.statement == first.statement }
        return Alternative(
            statement: isUniform ? first.statement : first.name, place: .nodes(members.map(\.index)), setting: first.name
        ) { subject in
            var variation = Variation(subject)
            // From the back: what is inserted at a node does not move those before it.
            for member in members.reversed() { try member.setting.edit(&variation, member.index) }
            return variation
        }
    }
}

/// A setting at a node.
private struct Member: Sendable {
    let index: Int
    let setting: NodeSetting
}
