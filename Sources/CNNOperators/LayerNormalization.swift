import CNNModels
import CNNTensors

/// Normalization over the axes from `axis` on (Ba, Kiros and Hinton 2016):
///
///     Y = Scale · (X − Mean) · InvStdDev + B,  InvStdDev = 1 / √(variance + epsilon)
///
/// Scale and B are broadcast to X; Mean and InvStdDev have X's shape with 1 along the normalized axes and the type that
/// `stash_type` names (float32 or bfloat16), whose precision Double exceeds.
/// ONNX operator LayerNormalization, version 17.
package struct LayerNormalization: Operator {
    package let axis: Int
    package let epsilon: Float
    private let stashType: DataType

    package static let definition = OperatorDefinition("LayerNormalization", versions: [17]) { _ in
        Signature(
            inputs: ["X": "T", "Scale": "T", "B?": "T"], outputs: ["Y": "T", "Mean?": "U", "InvStdDev?": "U"],
            types: ["T": .floats, "U": TypeSet(.float32, .bfloat16)])
    } make: { attributes in
        try LayerNormalization(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        axis = try attributes.int("axis", default: -1)
        epsilon = try attributes.float("epsilon", default: 1e-5)
        let number = try attributes.int("stash_type", default: Int(DataType.float32.rawValue))
        guard let type = Int32(exactly: number).flatMap(DataType.init), type == .float32 || type == .bfloat16 else {
            throw OperatorError("must be 1 (float32) or 16 (bfloat16), but is \(number)", subject: "stash_type")
        }
        stashType = type
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "X").shape
        var statistics = ValueFact(dataType: stashType, shape: .unknown)
        if let sizes = input.dimensions {
            let axis = try AxisIndex.resolve(axis, rank: sizes.count)
            statistics.shape = SymbolicShape(sizes[..<axis] + Array(repeating: 1, count: sizes.count - axis))
        }
        try Broadcasting.check(inputs.required(1, "Scale").shape, fits: input, subject: "Scale")
        if let bias = inputs.optional(2) { try Broadcasting.check(bias.shape, fits: input, subject: "B") }
        return [ValueFact(shape: input), statistics, statistics]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        let facts = try infer(inputs.map { $0.map { ValueFact(shape: SymbolicShape($0.shape)) } })
        guard let statisticsShape = facts[1].shape.concrete else {
            throw OperatorError("no shape of the statistics follows from the input \(input.shape)")
        }
        _ = try EvaluationLimit.shape(statisticsShape.dimensions, of: .float64)
        let axis = try AxisIndex.resolve(axis, rank: input.shape.rank)
        let rowLength = input.shape.dimensions[axis...].reduce(1, *)
        var values = try input.doubles()
        var moments = Moments.standardize(&values, rowLength: rowLength, epsilon: epsilon)
        if rowLength == 0 {
            // The mean of nothing is not a number.
            moments = Array(repeating: Moments(mean: .nan, variance: .nan), count: statisticsShape.elementCount)
        }
        let scale = try inputs.required(1, "Scale")
        try combine(&values, with: scale, shape: input.shape) { $0 * $1 }
        if let bias = inputs.optional(2) { try combine(&values, with: bias, shape: input.shape) { $0 + $1 } }
        let statistics = [moments.map(\.mean), moments.map { $0.inverseDeviation(epsilon: epsilon) }]
        return try [Tensor(rounding: values, to: input.dataType, shape: input.shape)]
            + statistics.map { try Tensor(rounding: $0, to: stashType, shape: statisticsShape) }
    }

    private func combine(
        _ values: inout [Double], with parameter: Tensor, shape: Shape, _ operation: (Double, Double) -> Double
    ) throws {
        let parameters = try parameter.doubles()
        let positions = try Broadcasting([shape, parameter.shape], resultType: .float64).positions(of: parameter.shape)
        for (index, position) in positions.enumerated() { values[index] = operation(values[index], parameters[position]) }
    }

    /// Y only: of mean and inverse deviation nothing is stated where the node has them as outputs.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        guard outputs.count == 1 else { return nil }
        let input = try inputs.required(0, "X")
        let axis = try AxisIndex.resolve(axis, rank: input.shape.rank)
        let rowLength = input.shape.dimensions[axis...].reduce(1, *)
        let count = input.shape.elementCount
        var scale = [Double](repeating: 1, count: count)
        var bias = [Double](repeating: 0, count: count)
        try combine(&scale, with: inputs.required(1, "Scale"), shape: input.shape) { $1 }
        if let given = inputs.optional(2) { try combine(&bias, with: given, shape: input.shape) { $1 } }
        return [
            .elements(
                NormalizationRounding.bounds(
                    try input.doubles(), rowLength: rowLength, epsilon: epsilon, unit: unit, scale: { scale[$0] },
                    bias: { bias[$0] }))
        ]
    }
}
