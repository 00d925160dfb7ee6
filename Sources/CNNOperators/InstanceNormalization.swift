import CNNModels
import CNNTensors

/// Normalization of each channel of each image by its own mean and variance (Ulyanov, Vedaldi and Lempitsky 2016):
///
///     Y[n, c, …] = scale[c] · (X[n, c, …] − mean[n, c]) / √(var[n, c] + epsilon) + B[c]
///
/// X and Y are `[N, C, D1 … Dn]`, scale and B `[C]`.
/// ONNX operator InstanceNormalization, versions 1, 6 and 22 (which adds bfloat16).
package struct InstanceNormalization: Operator {
    package let epsilon: Float

    package static let definition = OperatorDefinition("InstanceNormalization", versions: [1, 6, 22]) { version in
        Signature(
            inputs: ["input": "T", "scale": "T", "B": "T"], outputs: ["output": "T"],
            types: ["T": version < 22 ? .ieeeFloats : .floats])
    } make: { attributes in
        if attributes.version == 1 { attributes.ignore("consumed_inputs") }
        return InstanceNormalization(epsilon: try attributes.float("epsilon", default: 1e-5))
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "input").shape
        if let rank = input.rank, rank < 2 { throw OperatorError("the input \(input) must have the axes batch and channels") }
        for (index, name) in [(1, "scale"), (2, "B")] {
            let parameter = try inputs.required(index, name).shape
            try ChannelParameter.check(parameter, count: input.dimensions?[1]?.value, of: input, name)
        }
        return [ValueFact(shape: input)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "input")
        _ = try infer(inputs.map { $0.map { ValueFact(shape: SymbolicShape($0.shape)) } })
        let (scale, bias) = (try inputs.required(1, "scale").doubles(), try inputs.required(2, "B").doubles())
        var values = try input.doubles()
        let plane = input.shape.dimensions.dropFirst(2).reduce(1, *)
        _ = Moments.standardize(&values, rowLength: plane, epsilon: epsilon)
        for index in values.indices {
            let channel = index / plane % scale.count
            values[index] = values[index] * scale[channel] + bias[channel]
        }
        return [try Tensor(rounding: values, to: input.dataType, shape: input.shape)]
    }
}

extension InstanceNormalization {
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let input = try inputs.required(0, "input")
        let (scale, bias) = (try inputs.required(1, "scale").doubles(), try inputs.required(2, "B").doubles())
        let plane = input.shape.dimensions.dropFirst(2).reduce(1, *)
        return [
            .elements(
                NormalizationRounding.bounds(
                    try input.doubles(), rowLength: plane, epsilon: epsilon, unit: unit,
                    scale: { scale[$0 / plane % scale.count] }, bias: { bias[$0 / plane % scale.count] }))
        ]
    }

    package var formula: String? { "Y = scale · (X − mean) / √(var + \(epsilon)) + B, by image and channel" }
}

/// One number for each channel (or group of channels).
enum ChannelParameter {
    /// - Throws: `OperatorError` if the shape is known and not `[count]`.
    static func check(_ shape: SymbolicShape, count: Int?, of input: SymbolicShape, _ name: String) throws {
        guard let sizes = shape.dimensions else { return }
        let size = sizes.first.flatMap { $0?.value }
        guard sizes.count == 1, size == nil || count == nil || size == count else {
            throw OperatorError(
                "has shape \(shape), but the input \(input) needs [\(count.map(String.init) ?? "?")]", subject: name)
        }
    }
}
