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
