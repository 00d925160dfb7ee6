/// One thing that is wrong with a model: which rule is broken, where, and what may help.
public struct ModelProblem: Sendable, Hashable {
    /// The rule that is broken.
    public var rule: Rule
    /// What is wrong, with the names and numbers that show it.
    public var message: String
    public var place: Place
    /// What the user may do; nil where nothing is obvious.
    public var hint: String?

    /// The rules that a model is held to.
    public enum Rule: String, Sendable, Hashable, CaseIterable {
        case formatVersion = "format-version"
        case opsetImport = "opset-import"
        case unsupportedOperator = "unsupported-operator"
        case unsupportedType = "unsupported-type"
        case singleAssignment = "single-assignment"
        case topologicalOrder = "topological-order"
        case definedNames = "defined-names"
        case uniqueNames = "unique-names"
        case arity = "arity"
        case attribute = "attribute"
        case elementType = "element-type"
        case shape = "shape"
        case declaredShape = "declared-shape"
        case declaredType = "declared-type"
        case function = "function"
    }

    /// Where in a model a problem lies.
    public enum Place: Sendable, Hashable {
        case model
        /// An input, output, initializer or declared value of the graph.
        case value(String)
        /// A node: its position in the graph, counted from 0, its name (may be empty) and its operator.
        case node(index: Int, name: String, operatorType: String)
    }

    /// What breaks `rule` at a place.
    public init(_ rule: Rule, _ message: String, at place: Place, hint: String? = nil) {
        self.rule = rule
        self.message = message
        self.place = place
        self.hint = hint
    }
}

extension ModelProblem.Place: CustomStringConvertible {
    /// For example `node 'conv1' (#3, Conv)`.
    public var description: String {
        switch self {
        case .model: "the model"
        case .value(let name): "value '\(name)'"
        case .node(let index, let name, let operatorType):
            name.isEmpty ? "node #\(index) (\(operatorType), unnamed)" : "node '\(name)' (#\(index), \(operatorType))"
        }
    }
}

/// A model breaks rules: all of the problems that were found, not only the first.
public struct ModelError: Error, Sendable, Hashable {
    /// In the order of the file.
    public let problems: [ModelProblem]

    /// An error of these problems, in the order in which they are to be read.
    public init(_ problems: [ModelProblem]) {
        self.problems = problems
    }
}

extension ModelError: CustomStringConvertible {
    /// A line for each problem.
    public var description: String {
        problems.map { "\($0.message) (at \($0.place), rule \($0.rule.rawValue))" }.joined(separator: "\n")
    }
}
