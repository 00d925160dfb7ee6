import CNNModels
import CNNTensors

/// Local response normalization across channels (Krizhevsky, Sutskever and Hinton 2012):
///
///     Y[n, c, …] = X[n, c, …] / (bias + alpha/size · Σ X[n, i, …]²)^beta
///
/// where i runs over the `size` channels from `c − ⌊(size−1)/2⌋` to `c + ⌈(size−1)/2⌉` that exist. X and Y are
/// `[N, C, D1 … Dn]`.
/// ONNX operator LRN, versions 1 and 13 (which adds bfloat16).
package struct LRN: Operator {
    package let alpha: Float
    package let beta: Float
    package let bias: Float
    /// The number of channels that are summed over.
    package let size: Int

    package static let definition = OperatorDefinition("LRN", versions: [1, 13]) { version in
        Signature(inputs: ["X": "T"], outputs: ["Y": "T"], types: ["T": version < 13 ? .ieeeFloats : .floats])
    } make: { attributes in
        try LRN(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        alpha = try attributes.float("alpha", default: 0.0001)
        beta = try attributes.float("beta", default: 0.75)
        bias = try attributes.float("bias", default: 1)
        size = try attributes.required("size", attributes.int("size"))
        guard size >= 1 else { throw OperatorError("must be 1 or more, but is \(size)", subject: "size") }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "X").shape
        if let rank = input.rank, rank < 2 { throw OperatorError("the input \(input) must have the axes batch and channels") }
        return [ValueFact(shape: input)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        _ = try infer([ValueFact(shape: SymbolicShape(input.shape))])
        if input.shape.elementCount == 0 { return [input] }
        let factor = Double(alpha) / Double(size)
        let y = zip(try input.doubles(), try sums(input)).map { x, sum in
            x / ElementaryFunctions.pow(Double(bias) + factor * sum, Double(beta))
        }
        return [try Tensor(rounding: y, to: input.dataType, shape: input.shape)]
    }

    // MARK: - Rounding

    /// With s the divisor's base: its terms are positive, so its relative error r is γ of their number (with a negative bias or
    /// alpha that times their magnitudes over |s|); the power multiplies r by beta and adds its own.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let input = try inputs.required(0, "X")
        let bases = try sums(input)
        let gamma = unit.gamma(Double(min(size, max(input.shape[1], 1))) + 6)
        let factor = Double(alpha) / Double(size)
        return [
            .elements(
                zip(try outputs[0].doubles(), bases).map { y, sum in
                    let base = Double(bias) + factor * sum
                    let relative = gamma * (Double(bias.magnitude) + factor.magnitude * sum) / base.magnitude
                    guard relative <= 0.5 else { return .infinity }
                    // |(1 + r)^−β − 1| ≤ 2·β·|r| where β·|r| is at most ½ and |r| too.
                    let carried = 2 * Double(beta.magnitude) * relative
                    let power =
                        ElementaryRounding.relative * unit.roundoff
                        * (1 + Double(beta.magnitude) * ElementaryFunctions.log(base.magnitude).magnitude)
                    return carried <= 1 ? y.magnitude * (carried + power + unit.gamma(2)) + unit.smallest : .infinity
                })
        ]
    }

    /// The derivative by the element itself and by its neighbours: with base s and y = x·s^−β,
    /// ∂y/∂xᵢ = s^−β·(1 if i is the element itself) − 2·(alpha/size)·β·x·xᵢ·s^(−β−1).
    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        let input = try inputs.required(0, "X")
        let own = try roundingBound(inputs, outputs: outputs, unit: unit)
        guard let own, case .elements(let bounds) = own[0] else { return [nil] }
        var result = bounds.map { $0 * $0 / 3 }
        guard let variances = variances.optional(0) else { return [result] }
        let x = try input.doubles()
        let weighted = try sums(Tensor(zip(x, variances).map { $0 * $1.squareRoot() }, shape: input.shape))
        let bases = try sums(input)
        let factor = Double(alpha) / Double(size)
        for index in x.indices {
            let base = Double(bias) + factor * bases[index]
            let power = ElementaryFunctions.pow(base, -Double(beta))
            let slope = 2 * factor * Double(beta) * x[index] * power / base
            let direct = power - slope * x[index]
            let neighbours = max(weighted[index] - x[index] * x[index] * variances[index], 0)
            result[index] += direct * direct * variances[index] + slope * slope * neighbours
        }
        return [result]
    }

    package var formula: String? { "Y = X / (\(bias) + \(alpha)/\(size) · Σ X²)^\(beta) over \(size) channels" }

    /// Σ x² over the channels about each element.
    private func sums(_ input: Tensor) throws -> [Double] {
        let x = try input.doubles()
        guard !x.isEmpty else { return [] }
        let (batch, channels) = (input.shape[0], input.shape[1])
        let plane = input.shape.dimensions.dropFirst(2).reduce(1, *)
        // No channel is further away than there are channels.
        let (before, behind) = (min((size - 1) / 2, channels), min(size / 2, channels))
        var sums = [Double](repeating: 0, count: x.count)
        for n in 0..<batch {
            for c in 0..<channels {
                let start = (n * channels + c) * plane
                for neighbour in max(c - before, 0)...min(c + behind, channels - 1) {
                    let other = (n * channels + neighbour) * plane
                    for position in 0..<plane { sums[start + position] += x[other + position] * x[other + position] }
                }
            }
        }
        return sums
    }
}
