import CNNModels
import CNNTensors

/// Normalization of groups of neighbouring channels by their mean and variance (Wu and He 2018):
///
///     Y[n, c, …] = scale · (X[n, c, …] − mean[n, g]) / √(var[n, g] + epsilon) + bias
///
/// where g is the group of channel c. X and Y are `[N, C, D1 … Dn]`; scale and bias have one number for each group in
/// version 18 and one for each channel, `[C]`, in version 21.
/// ONNX operator GroupNormalization. `stash_type` (version 21) asks for a precision that Double exceeds.
package struct GroupNormalization: Operator {
    package let epsilon: Float
    package let groupCount: Int
    /// Whether scale and bias have one number for each group.
    private let isScaledByGroup: Bool

    package static let definition = OperatorDefinition("GroupNormalization", versions: [18, 21]) { _ in
        Signature(inputs: ["X": "T", "scale": "T", "bias": "T"], outputs: ["Y": "T"], types: ["T": .floats])
    } make: { attributes in
        try GroupNormalization(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        epsilon = try attributes.float("epsilon", default: 1e-5)
        groupCount = try attributes.required("num_groups", attributes.int("num_groups"))
        guard groupCount >= 1 else { throw OperatorError("must be 1 or more, but is \(groupCount)", subject: "num_groups") }
        isScaledByGroup = attributes.version < 21
        if attributes.version >= 21 { attributes.ignore("stash_type") }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "X").shape
        if let rank = input.rank, rank < 2 { throw OperatorError("the input \(input) must have the axes batch and channels") }
        let channels = input.dimensions?[1]?.value
        if let channels, channels % groupCount != 0 {
            throw OperatorError("\(channels) channels do not divide into \(groupCount) groups", subject: "num_groups")
        }
        for (index, name) in [(1, "scale"), (2, "bias")] {
            try ChannelParameter.check(
                inputs.required(index, name).shape, count: isScaledByGroup ? groupCount : channels, of: input, name)
        }
        return [ValueFact(shape: input)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        _ = try infer(inputs.map { $0.map { ValueFact(shape: SymbolicShape($0.shape)) } })
        let (scale, bias) = (try inputs.required(1, "scale").doubles(), try inputs.required(2, "bias").doubles())
        var values = try input.doubles()
        let plane = input.shape.dimensions.dropFirst(2).reduce(1, *)
        let channelsPerGroup = input.shape[1] / groupCount
        _ = Moments.standardize(&values, rowLength: channelsPerGroup * plane, epsilon: epsilon)
        let run = isScaledByGroup ? channelsPerGroup * plane : plane
        for index in values.indices {
            let parameter = index / run % scale.count
            values[index] = values[index] * scale[parameter] + bias[parameter]
        }
        return [try Tensor(rounding: values, to: input.dataType, shape: input.shape)]
    }

    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let input = try inputs.required(0, "X")
        let (scale, bias) = (try inputs.required(1, "scale").doubles(), try inputs.required(2, "bias").doubles())
        let plane = input.shape.dimensions.dropFirst(2).reduce(1, *)
        let row = input.shape[1] / groupCount * plane
        let run = isScaledByGroup ? row : plane
        return [
            .elements(
                NormalizationRounding.bounds(
                    try input.doubles(), rowLength: row, epsilon: epsilon, unit: unit,
                    scale: { scale[$0 / run % scale.count] }, bias: { bias[$0 / run % scale.count] }))
        ]
    }
}
