import CNNModels
import CNNTensors

/// Reads a node's attributes by name and type, and remembers which were read, so that one nobody asked for is found.
package final class AttributeReader {
    package let node: Node
    /// The version of the operator's definition: the operator set at which it last changed.
    package let version: Int
    private var read: Set<String> = []

    package init(_ node: Node, version: Int) {
        self.node = node
        self.version = version
    }

    /// How many outputs the node names, up to the last one it wants.
    package var outputCount: Int { (node.outputs.lastIndex { !$0.isEmpty } ?? -1) + 1 }

    /// Whether the node wants the output at `index`.
    package func wantsOutput(_ index: Int) -> Bool {
        index < node.outputs.count && !node.outputs[index].isEmpty
    }

    /// Whether the node gives the input at `index`.
    package func hasInput(_ index: Int) -> Bool {
        index < node.inputs.count && !node.inputs[index].isEmpty
    }

    /// Whole number; nil if the node does not have the attribute.
    package func int(_ name: String) throws -> Int? {
        guard let value = value(name) else { return nil }
        guard case .int(let number) = value else { throw wrongKind(name, value, expected: .int) }
        return Int(number)
    }

    package func int(_ name: String, default defaultValue: Int) throws -> Int {
        try int(name) ?? defaultValue
    }

    /// A number that stands for a truth value: 0 is false, 1 true.
    /// - Throws: `OperatorError` for any other number.
    package func flag(_ name: String, default defaultValue: Bool = false) throws -> Bool {
        guard let number = try int(name) else { return defaultValue }
        guard number == 0 || number == 1 else { throw OperatorError("must be 0 or 1, but is \(number)", subject: name) }
        return number == 1
    }

    package func float(_ name: String) throws -> Float? {
        guard let value = value(name) else { return nil }
        guard case .float(let number) = value else { throw wrongKind(name, value, expected: .float) }
        return number
    }

    package func float(_ name: String, default defaultValue: Float) throws -> Float {
        try float(name) ?? defaultValue
    }

    package func string(_ name: String) throws -> String? {
        guard let value = value(name) else { return nil }
        guard case .string(let bytes) = value else { throw wrongKind(name, value, expected: .string) }
        return String(decoding: bytes, as: UTF8.self)
    }

    package func string(_ name: String, default defaultValue: String) throws -> String {
        try string(name) ?? defaultValue
    }

    /// One of the texts that an enumeration has as raw values.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, default defaultValue: Choice
    ) throws -> Choice where Choice.RawValue == String {
        guard let text = try string(name) else { return defaultValue }
        guard let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw OperatorError("must be one of \(names), but is '\(text)'", subject: name)
        }
        return choice
    }

    package func ints(_ name: String) throws -> [Int]? {
        guard let value = value(name) else { return nil }
        guard case .ints(let numbers) = value else { throw wrongKind(name, value, expected: .ints) }
        return numbers.map { Int($0) }
    }

    package func floats(_ name: String) throws -> [Float]? {
        guard let value = value(name) else { return nil }
        guard case .floats(let numbers) = value else { throw wrongKind(name, value, expected: .floats) }
        return numbers
    }

    package func strings(_ name: String) throws -> [[UInt8]]? {
        guard let value = value(name) else { return nil }
        guard case .strings(let texts) = value else { throw wrongKind(name, value, expected: .strings) }
        return texts
    }

    package func tensor(_ name: String) throws -> Tensor? {
        guard let value = value(name) else { return nil }
        guard case .tensor(let tensor) = value else { throw wrongKind(name, value, expected: .tensor) }
        return tensor.tensor
    }

    package func graph(_ name: String) throws -> Graph? {
        guard let value = value(name) else { return nil }
        guard case .graph(let graph) = value else { throw wrongKind(name, value, expected: .graph) }
        return graph
    }

    /// The value, or an error that the attribute is required.
    package func required<Value>(_ name: String, _ value: Value?) throws -> Value {
        guard let value else { throw OperatorError("this attribute is required", subject: name) }
        return value
    }

    /// Accepts attributes that the definition lists but that change nothing for inference, such as `consumed_inputs`.
    package func ignore(_ names: String...) {
        read.formUnion(names)
    }

    /// Attributes that the node has and nobody read: this version of the operator does not define them.
    package var unread: [String] {
        node.attributes.map(\.name).filter { !read.contains($0) }
    }

    private func value(_ name: String) -> Attribute.Value? {
        read.insert(name)
        return node.attribute(name)?.value
    }

    private func wrongKind(_ name: String, _ value: Attribute.Value, expected: Attribute.Kind) -> OperatorError {
        OperatorError("must be of type \(expected), but is of type \(value.kind)", subject: name)
    }
}
