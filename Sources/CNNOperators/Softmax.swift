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
        var values = try input.doubles()
        try forEachRow(input.shape) { normalize(&values, $0) }
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

    // MARK: - Rounding

    /// With d = x − max: each exponential is off by u·|d| and its own error, relatively; the sum of n by the weighted mean of
    /// these and γₙ; the quotient adds two roundings. Exponentials that vanish count `smallest` each.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let input = try inputs.required(0, "input")
        var (x, bounds) = (try input.doubles(), try outputs[0].doubles())
        let relative = ElementaryRounding.relative * unit.roundoff
        try forEachRow(input.shape) { positions in
            var largest = -Double.infinity
            for position in positions { largest = max(largest, x[position]) }
            var (sum, weighted, count) = (0.0, 0.0, 0)
            for position in positions {
                let difference = x[position] - largest
                let exponential = ElementaryFunctions.exp(difference)
                x[position] = difference
                sum += exponential
                weighted += exponential * (difference.magnitude.isFinite ? difference.magnitude : 0)
                count += 1
            }
            let ofSum =
                unit.gamma(Double(count)) + relative + unit.roundoff * weighted / sum + Double(count) * unit.smallest
            for position in positions {
                let difference = x[position].magnitude
                if isLogarithm {
                    bounds[position] =
                        unit.roundoff * difference + 1.1 * ofSum + relative * ElementaryFunctions.log(sum).magnitude
                        + 2 * unit.roundoff * bounds[position].magnitude + 2 * unit.roundoff
                } else {
                    let ofElement = difference.isFinite ? unit.roundoff * difference : 0
                    bounds[position] =
                        1.1 * bounds[position].magnitude * (ofElement + relative + ofSum + unit.gamma(2))
                        + Double(count + 1) * unit.smallest
                }
            }
        }
        return [.elements(bounds)]
    }

    /// The derivatives of y by the inputs: yᵢ·(δᵢⱼ − yⱼ), of the logarithm δᵢⱼ − softmaxⱼ.
    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        let input = try inputs.required(0, "input")
        guard let bounds = try roundingBound(inputs, outputs: outputs, unit: unit), case .elements(let own) = bounds[0]
        else { return [nil] }
        var result = own.map { $0 * $0 / 3 }
        guard let variances = variances.optional(0) else { return [result] }
        let y = try outputs[0].doubles()
        try forEachRow(input.shape) { positions in
            var common = 0.0
            func share(_ position: Int) -> Double { isLogarithm ? ElementaryFunctions.exp(y[position]) : y[position] }
            for position in positions { common += share(position) * share(position) * variances[position] }
            for position in positions {
                let own = share(position)
                let rest = max(common - own * own * variances[position], 0)
                let sum = (1 - own) * (1 - own) * variances[position] + rest
                result[position] += isLogarithm ? sum : own * own * sum
            }
        }
        return [result]
    }

    package var formula: String? {
        isLogarithm ? "Y = X − log Σ exp(X)" : "Y = exp(X) / Σ exp(X)"
    }

    /// Calls `body` with the positions of each group of numbers that are shares of one.
    private func forEachRow(_ shape: Shape, _ body: (StrideTo<Int>) -> Void) throws {
        let axis = try resolvedAxis(rank: shape.rank)
        let sizes = shape.dimensions
        let count = flattens ? sizes[axis...].reduce(1, *) : sizes[axis]
        let step = flattens ? 1 : sizes[(axis + 1)...].reduce(1, *)
        guard shape.elementCount > 0 else { return }
        for outer in stride(from: 0, to: shape.elementCount, by: count * step) {
            for inner in 0..<step { body(stride(from: outer + inner, to: outer + count * step, by: step)) }
        }
    }
}
