import CNNModels
import CNNTensors

/// Division by the p-norm along an axis: `y = x / (Σ |x|^p)^(1/p)`; where the norm is 0, so is the result.
/// ONNX operator LpNormalization, versions 1 and 22 (which adds bfloat16).
package struct LpNormalization: Operator {
    package let axis: Int
    private let norm: PNorm

    package static let definition = OperatorDefinition("LpNormalization", versions: [1, 22]) { version in
        Signature(inputs: ["input": "T"], outputs: ["output": "T"], types: ["T": version < 22 ? .ieeeFloats : .floats])
    } make: { attributes in
        try LpNormalization(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        axis = try attributes.int("axis", default: -1)
        let order = try attributes.int("p", default: 2)
        guard order == 1 || order == 2 else { throw OperatorError("must be 1 or 2, but is \(order)", subject: "p") }
        norm = PNorm(order: order)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "input").shape
        if let rank = input.rank { _ = try AxisIndex.resolve(axis, rank: rank) }
        return [ValueFact(shape: input)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "input")
        let axis = try AxisIndex.resolve(axis, rank: input.shape.rank)
        let (count, step) = (input.shape[axis], input.shape.dimensions[(axis + 1)...].reduce(1, *))
        var values = try input.doubles()
        if !values.isEmpty {
            for outer in stride(from: 0, to: values.count, by: count * step) {
                for inner in 0..<step {
                    let positions = stride(from: outer + inner, to: outer + count * step, by: step)
                    let length = norm.root(positions.reduce(0) { $0 + norm.summand(values[$1]) })
                    for position in positions { values[position] = length == 0 ? 0 : values[position] / length }
                }
            }
        }
        return [try Tensor(rounding: values, to: input.dataType, shape: input.shape)]
    }

    /// The norm's relative error and the quotient's; the norm of a whole axis has positive addends.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let input = try inputs.required(0, "input")
        let count = Double(input.shape[try AxisIndex.resolve(axis, rank: input.shape.rank)])
        let factor = unit.gamma(count + 8)
        return [.elements(try outputs[0].doubles().map { factor * $0.magnitude + unit.smallest })]
    }
}
