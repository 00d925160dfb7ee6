import CNNModels
import CNNTensors

extension LayerTable {
    /// The table's facts as members of a JSON object. Numbers that depend on symbolic sizes are texts.
    package var jsonMembers: [JSON.Member] {
        [
            JSON.Member("inputs", Self.values(inputs)),
            JSON.Member("outputs", Self.values(outputs)),
            JSON.Member("parameters", .integer(parameters)),
            JSON.Member("batch_normalization_statistics", .integer(statistics)),
            JSON.Member("weight_bytes", .integer(weightBytes)),
            JSON.Member("multiply_adds", Self.value(multiplyAdds)),
            JSON.Member("peak_activation_bytes", peakActivationBytes.map { .integer($0) } ?? .null),
            JSON.Member("warnings", .array(warnings.map { .string($0) })),
            JSON.Member("layers", .array(layers.map(\.json))),
        ]
    }

    private static func values(_ values: [(name: String, type: String)]) -> JSON {
        .array(values.map { .object([JSON.Member("name", .string($0.name)), JSON.Member("type", .string($0.type))]) })
    }

    /// A number, or the expression as text.
    fileprivate static func value(_ dimension: Dimension?) -> JSON {
        guard let dimension else { return .null }
        return dimension.value.map { .integer($0) } ?? .string(dimension.description)
    }
}

extension LayerTable.Layer {
    fileprivate var json: JSON {
        .object([
            JSON.Member("name", .string(name)),
            JSON.Member("operator", .string(operatorType)),
            JSON.Member(
                "output_shape", outputShape.dimensions.map { .array($0.map { LayerTable.value($0) }) } ?? .null),
            JSON.Member("window", window.isEmpty ? .null : .string(window)),
            JSON.Member("parameters", .integer(parameters)),
            JSON.Member("shares_parameters", .boolean(sharesParameters)),
            JSON.Member("multiply_adds", LayerTable.value(multiplyAdds)),
            JSON.Member("activation_bytes", LayerTable.value(activationBytes)),
            JSON.Member("receptive_field", receptiveField.map { .string($0) } ?? .null),
        ])
    }
}
