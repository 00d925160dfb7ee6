import CNNModels
import CNNTensors

/// One operator as a node applies it: its attributes are parsed, the version of its definition is settled. Everything
/// there is to know of an operator is asked here; the runtime adds speed, not knowledge.
package protocol Operator: Sendable {
    /// What is known of the outputs before anything runs: shapes exact for named sizes too, values where they follow from
    /// known values. Element types that stay nil are filled in from the signature.
    /// - Parameter inputs: one entry an input of the node, nil where an optional input is left out.
    /// - Returns: at least one entry for each output that the node names.
    /// - Throws: `OperatorError` where the inputs break a rule, `DimensionError`.
    func infer(_ inputs: [ValueFact?]) throws -> [ValueFact]

    /// The outputs for these inputs, by the formula: real numbers in Double, rounded once at the end to the output's type;
    /// whole numbers exactly.
    /// - Parameter inputs: one entry an input of the node, nil where an optional input is left out; types are already
    ///   checked against the signature.
    /// - Throws: `OperatorError`, `TensorError`.
    func evaluate(_ inputs: [Tensor?]) throws -> [Tensor]

    /// The outputs as real numbers: the formula on inputs of which every float type may be wider than the operator's definition
    /// allows, its results not rounded but kept as float64. Whole numbers and truth values are as `evaluate` gives them.
    /// - Throws: as `evaluate`.
    func evaluateInDouble(_ inputs: [Tensor?]) throws -> [Tensor]

    /// How far an evaluation in the arithmetic `unit` may lie from the real result, for each output: an a-priori bound by running
    /// error analysis (Higham, *Accuracy and Stability of Numerical Algorithms*, chapter 3), which holds for any order of every
    /// sum, with or without fused multiply-adds. Nil where nothing is stated.
    /// - Parameters:
    ///   - inputs: exactly the numbers that the evaluation in question read.
    ///   - outputs: what `evaluateInDouble` makes of them.
    func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]?

    /// The variance of each element of the outputs where the inputs carry errors of these variances and the operator itself rounds:
    /// to first order, errors taken as independent with mean 0.
    /// - Parameters:
    ///   - inputs: the exact values.
    ///   - variances: one entry an input, of one number an element; nil for inputs without errors.
    ///   - outputs: what `evaluateInDouble` makes of the inputs.
    /// - Returns: one entry an output; nil for outputs that are no floating-point numbers.
    func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?]

    /// How an element of an output depends on the elements of one input.
    var dependence: ElementDependence { get }

    /// The addends of one output element, for explaining it; nil where the formula is no sum of products.
    /// - Parameter element: the position in the first output, row-major.
    func summands(of element: Int, _ inputs: [Tensor?]) throws -> [Summand]?

    /// The formula in a line, for example `Y = (X − mean) / √(var + 1e-05) · scale + B`; nil where the name says it all.
    var formula: String? { get }

    /// Whether equal inputs always give equal outputs; false for what draws random numbers.
    var isDeterministic: Bool { get }

    /// Multiplications with an addition each that the formula takes for these inputs; nil where not known. Additions,
    /// comparisons and elementary functions on their own are not counted.
    func multiplyAdds(_ inputs: [ValueFact?], _ outputs: [ValueFact]) throws -> Dimension?

    /// The sliding window of a convolution or pooling, for tables and receptive fields; nil for operators without.
    func window(_ inputs: [ValueFact?]) throws -> WindowGeometry?
}

extension Operator {
    package var isDeterministic: Bool { true }
    package var dependence: ElementDependence { .several }
    package var formula: String? { nil }

    package func evaluateInDouble(_ inputs: [Tensor?]) throws -> [Tensor] {
        try evaluate(inputs.map { try $0?.widened() }).map { try $0.widened() }
    }

    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? { nil }
    package func summands(of element: Int, _ inputs: [Tensor?]) throws -> [Summand]? { nil }
    package func multiplyAdds(_ inputs: [ValueFact?], _ outputs: [ValueFact]) throws -> Dimension? { 0 }
    package func window(_ inputs: [ValueFact?]) throws -> WindowGeometry? { nil }
}

/// What one operator is called, when its definition changed, what it takes, and how it is made from a node.
package struct OperatorDefinition: Sendable {
    /// ONNX's name, for example `Conv`.
    package let type: String
    /// The operator-set versions at which the definition changed, ascending; the first introduced the operator.
    package let versions: [Int]
    /// Inputs, outputs and their types in the definition of a version (one of `versions`).
    package let signature: @Sendable (_ version: Int) -> Signature
    /// Parses a node's attributes.
    package let make: @Sendable (AttributeReader) throws -> any Operator

    package init(
        _ type: String, versions: [Int], signature: @escaping @Sendable (_ version: Int) -> Signature,
        make: @escaping @Sendable (AttributeReader) throws -> any Operator
    ) {
        self.type = type
        self.versions = versions
        self.signature = signature
        self.make = make
    }

    /// The version of the definition that holds in operator set `opset`: the last change up to it; nil before the first.
    package func version(inOpset opset: Int) -> Int? {
        versions.last { $0 <= opset }
    }
}

/// A rule of an operator that a node or its inputs break. Whoever knows the node adds its name and place.
package struct OperatorError: Error, Sendable, Hashable {
    /// What is wrong, with the numbers that show it.
    package let message: String
    /// The attribute or formal input that the rule is about, if it is about one.
    package let subject: String?
    package let hint: String?

    package init(_ message: String, subject: String? = nil, hint: String? = nil) {
        self.message = message
        self.subject = subject
        self.hint = hint
    }
}

extension OperatorError: CustomStringConvertible {
    package var description: String {
        (subject.map { "'\($0)': " } ?? "") + message
    }
}
