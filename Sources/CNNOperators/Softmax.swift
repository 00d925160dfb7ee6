import CNNModels
import CNNTensors

/// Numbers as shares of one, or the logarithms of these:
///
///     Softmax:    y = exp(x) / Σ exp(x)
///     LogSoftmax: y = x − log Σ exp(x)
///
/// From version 13 on the sum runs along one axis, by default the last. Before, the input is taken as a matrix of the axes
/// before `axis` (1 by default) by the rest, and the sum runs over a whole row of it. The largest x is subtracted first,
/// which changes nothing but keeps exp finite.
/// ONNX operators Softmax and LogSoftmax: version 11 allows negative axes, 13 changes the meaning and adds bfloat16.
package struct Softmax: Operator {
    package let isLogarithm: Bool
    package let axis: Int
    /// Whether the sum runs over `axis` and all axes behind it.
    package let flattens: Bool

    package static let definitions = [
        definition("Softmax", isLogarithm: false), definition("LogSoftmax", isLogarithm: true),
    ]

    private static func definition(_ type: String, isLogarithm: Bool) -> OperatorDefinition {
        OperatorDefinition(type, versions: [1, 11, 13]) { version in
            Signature(
                inputs: ["input": "T"], outputs: ["output": "T"], types: ["T": version < 13 ? .ieeeFloats : .floats])
        } make: { attributes in
            let flattens = attributes.version < 13
            return Softmax(
                isLogarithm: isLogarithm, axis: try attributes.int("axis", default: flattens ? 1 : -1), flattens: flattens)
        }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "input").shape
        if let rank = input.rank { _ = try resolvedAxis(rank: rank) }
        return [ValueFact(shape: input)]
    }

    private func resolvedAxis(rank: Int) throws -> Int {
        // The columns of the matrix may be no axes at all.
        flattens && axis == rank ? axis : try AxisIndex.resolve(axis, rank: rank)
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "input")
        let axis = try resolvedAxis(rank: input.shape.rank)
        let sizes = input.shape.dimensions
        let count = flattens ? sizes[axis...].reduce(1, *) : sizes[axis]
        let step = flattens ? 1 : sizes[(axis + 1)...].reduce(1, *)
        var values = try input.doubles()
        if !values.isEmpty {
            for outer in stride(from: 0, to: values.count, by: count * step) {
                for inner in 0..<step { normalize(&values, stride(from: outer + inner, to: outer + count * step, by: step)) }
            }
        }
        return [try Tensor(rounding: values, to: input.dataType, shape: input.shape)]
    }

    /// Replaces the values at these positions.
    private func normalize(_ values: inout [Double], _ positions: StrideTo<Int>) {
        var largest = -Double.infinity
        for position in positions { largest = ElementaryFunctions.maximum(largest, values[position]) }
        var sum = 0.0
        for position in positions { sum += ElementaryFunctions.exp(values[position] - largest) }
        let logarithm = ElementaryFunctions.log(sum)
        for position in positions {
            let difference = values[position] - largest
            values[position] = isLogarithm ? difference - logarithm : ElementaryFunctions.exp(difference) / sum
        }
    }
}
