import CNNModels
import CNNTensors

/// How an array of a node differs from another, in numbers that mean the same for all nodes.
public struct LayerError: Sendable, Hashable {
    /// The largest |difference| of finite elements.
    public let maxAbsolute: Double
    /// The root of the mean squared difference over the root mean square of what was compared with; the norm-wise relative error.
    public let relative: Double
    /// How many elements are NaN or infinite on one side only.
    public let nonFiniteCount: Int

    package init(maxAbsolute: Double, relative: Double, nonFiniteCount: Int) {
        self.maxAbsolute = maxAbsolute
        self.relative = relative
        self.nonFiniteCount = nonFiniteCount
    }
}

/// One value that a node computes, held against the reference's.
public struct LayerJudgement: Sendable, Hashable {
    /// Where the node stands in the graph.
    public let place: ModelProblem.Place
    /// The node's position in the graph, counted from 0, which is the order of execution.
    public let nodeIndex: Int
    public let nodeName: String
    public let operatorType: String
    /// The value's ONNX name.
    public let value: String
    public let shape: Shape
    /// Whether the reference's value is a float32 evaluation of this node from the reference's own inputs to it; what flows in from
    /// other nodes plays no part. Nil if the reference does not have the value.
    public let reference: RoundingJudgement?
    /// The same for our value on the reference's inputs.
    public let ours: RoundingJudgement?
    /// Ours against the reference, both on the reference's inputs.
    public let isolated: LayerError?
    /// Ours against the reference, ours computed from the model's inputs on.
    public let cumulative: LayerError?
    /// The distance of the reference from the Double evaluation on the reference's inputs.
    public let referenceDistance: LayerError?
    /// The distance of our value on the reference's inputs from the same.
    public let ourDistance: LayerError?
    /// Inputs of the node that the reference does not have, and that therefore were evaluated in Double from what it has.
    public let reconstructedInputs: [String]

    /// Whether the reference's value passed its check, or could not be checked.
    public var agrees: Bool { reference?.differs != true }
}

/// Why a node fails its check, computed out loud.
public struct LayerExplanation: Sendable, Hashable {
    /// An input of the node.
    public struct Input: Sendable, Hashable {
        public let name: String
        public let dataType: DataType
        public let shape: Shape
        /// The smallest and the largest finite element; nil if there is none or the elements are no numbers.
        public let range: ClosedRange<Double>?
        public let nonFiniteCount: Int
    }

    /// One addend of the worst element.
    public struct Term: Sendable, Hashable {
        /// For example `W[3, 5, 1, 1] · X[0, 5, 10, 11]`.
        public let text: String
        public let factors: [Double]
        public let value: Double
    }

    /// The formula, for example `Y[n, m, o] = B[m] + Σ W[m, c, k] · X[n, c, o·2 − 3 + k]`.
    public let formula: String
    public let inputs: [Input]
    /// The element that is furthest outside.
    public let element: [Int]
    /// What the reference has there, what the Double evaluation gives, what our evaluation gives, and the allowed difference.
    public let referenceValue: Double
    public let exactValue: Double
    public let ourValue: Double?
    public let allowed: Double
    /// The addends of largest magnitude, at most eight, largest first; empty for formulas that are no sums of products.
    public let largestTerms: [Term]
    public let termCount: Int
    /// The sum of the remaining addends.
    public let restOfTerms: Double
    /// Σ |addend|, the magnitude that the bound is made of.
    public let sumOfMagnitudes: Double
}

/// The outcome of a layer check.
public struct LayerReport: Sendable, Hashable {
    /// In execution order, one entry for each floating-point, integer or truth value that a node computes.
    public let layers: [LayerJudgement]
    /// The first node, in execution order, whose value in the reference is no evaluation of the node from the reference's own
    /// inputs. Errors that only flow through later nodes do not make those fail.
    public let firstFailure: LayerJudgement?
    public let explanation: LayerExplanation?
    /// Values that the reference does not have.
    public let missing: [String]
    /// Values that the reference has in another shape or type than the model; they count as values that it does not have.
    public let incomparable: [Incomparable]

    /// A value that could not be compared.
    public struct Incomparable: Sendable, Hashable {
        public let value: String
        public let reason: TensorComparison.Verdict.Reason
    }

    /// What could not be checked though the reference has it, a sentence each.
    public var omissions: [String] {
        incomparable.map { "value '\($0.value)' was not compared: \($0.reason)" }
            + layers.compactMap { layer in
                layer.reference?.undecidedReason.map { "value '\(layer.value)' was not compared: \($0)" }
            }
    }

    /// Whether every value that was checked agrees.
    public var agrees: Bool { firstFailure == nil }
    /// How tight the bounds are: the median, over the layers with a bound, of each layer's median of bound over error of the
    /// reference. Nil if no layer has a bound, or the reference is the Double evaluation.
    public var medianBoundOverError: Double? {
        let slacks = layers.compactMap { $0.reference?.basis == .bound ? $0.reference?.medianSlack : nil }.sorted()
        return slacks.isEmpty ? nil : slacks[slacks.count / 2]
    }
    /// All failing nodes.
    public var failures: [LayerJudgement] { layers.filter { !$0.agrees } }
}
