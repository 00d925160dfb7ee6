import CNNModels
import CNNTensors

/// A value that stands in the node itself.
/// ONNX operator Constant: up to version 9 only as the tensor `value`; 11 adds `sparse_value` (refused here), 12 plain
/// numbers, texts and lists of them; 9 to 25 add element types.
package struct Constant: ExactOperator {
    package let value: Tensor

    package static let definition = OperatorDefinition(
        "Constant", versions: [1, 9, 11, 12, 13, 19, 21, 23, 24, 25]
    ) { version in
        Signature(
            inputs: [:], outputs: ["output": "T"], types: ["T": version < 9 ? .ieeeFloats : .movable(version: version)])
    } make: { attributes in
        try Constant(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        if attributes.version < 11 {
            value = try attributes.required("value", attributes.tensor("value"))
            return
        }
        let names = ["value", "sparse_value"] + (attributes.version < 12 ? [] : Self.plainNames)
        let given = attributes.node.attributes.map(\.name).filter(names.contains)
        guard given.count == 1 else {
            throw OperatorError(
                given.isEmpty
                    ? "one of the attributes \(names.joined(separator: ", ")) is required"
                    : "the attributes \(given.joined(separator: ", ")) exclude each other")
        }
        switch given[0] {
        case "value_float": value = try Tensor(scalar: attributes.float("value_float", default: 0))
        case "value_floats": value = try Tensor(attributes.floats("value_floats") ?? [])
        case "value_int": value = try Tensor(scalar: Int64(attributes.int("value_int", default: 0)))
        case "value_ints": value = try Tensor((attributes.ints("value_ints") ?? []).map { Int64($0) })
        case "value_string":
            guard case .string(let bytes) = attributes.node.attribute("value_string")?.value else {
                throw OperatorError("must be of type string", subject: "value_string")
            }
            attributes.ignore("value_string")
            value = try Tensor(strings: [bytes], shape: .scalar)
        case "value_strings":
            let strings = try attributes.strings("value_strings") ?? []
            value = try Tensor(strings: strings, shape: .vector(strings.count))
        case "sparse_value": throw OperatorError("sparse tensors are not supported", subject: "sparse_value")
        default: value = try attributes.required("value", attributes.tensor("value"))
        }
    }

    private static let plainNames = [
        "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings",
    ]

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] { [ValueFact(constant: value)] }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] { [value] }
}

extension BoundNode {
    /// Whether it holds a value of any type, though its definition allows floats only: before version 9 converters wrote the
    /// shapes of Reshape as constants, which are int64.
    var isConstantOfAnyType: Bool { operation is Constant && version < 9 }
}
