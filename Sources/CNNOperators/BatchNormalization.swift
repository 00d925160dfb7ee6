import CNNModels
import CNNTensors

/// Normalization of each channel by its mean and variance (Ioffe and Szegedy 2015):
///
///     Y[n, c, …] = scale[c] · (X[n, c, …] − mean[c]) / √(var[c] + epsilon) + B[c]
///
/// X and Y are `[N, C, D1 … Dn]` (or `[N]`, one channel), the rest `[C]`. In inference mean and variance are inputs. In
/// training mode they are those of the batch, and the outputs after Y are the inputs moved towards them:
/// `running = input · momentum + batch · (1 − momentum)`, then (before version 14) the batch's own.
///
/// ONNX operator BatchNormalization. The mode is the attribute `training_mode` from version 14 on; in versions 7 and 9 a
/// node with more outputs than Y trains, as the specification lists the cases and ONNX Runtime runs them; in 1 and 6
/// `is_test` must be 0 besides. Before version 9, `spatial` 0 gives every element of an image a mean and variance of its
/// own, with parameters `[C, D1 … Dn]`. Versions 14 and 15 free the types of the statistics and the parameters.
package struct BatchNormalization: Operator {
    package let epsilon: Float
    package let momentum: Float
    package let isTraining: Bool
    /// Whether a channel shares one mean and variance.
    package let isSpatial: Bool
    private let outputCount: Int

    package static let definition = OperatorDefinition("BatchNormalization", versions: [1, 6, 7, 9, 14, 15]) { version in
        switch version {
        case ..<14:
            Signature(
                inputs: ["X": "T", "scale": "T", "B": "T", "mean": "T", "var": "T"],
                outputs: ["Y": "T", "mean?": "T", "var?": "T", "saved_mean?": "T", "saved_var?": "T"],
                types: ["T": .ieeeFloats])
        case 14:
            Signature(
                inputs: ["X": "T", "scale": "T", "B": "T", "input_mean": "U", "input_var": "U"],
                outputs: ["Y": "T", "running_mean?": "U", "running_var?": "U"], types: ["T": .floats, "U": .floats])
        default:
            Signature(
                inputs: ["X": "T", "scale": "T1", "B": "T1", "input_mean": "T2", "input_var": "T2"],
                outputs: ["Y": "T", "running_mean?": "T2", "running_var?": "T2"],
                types: ["T": .floats, "T1": .floats, "T2": .floats])
        }
    } make: { attributes in
        try BatchNormalization(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        let version = attributes.version
        epsilon = try attributes.float("epsilon", default: 1e-5)
        momentum = try attributes.float("momentum", default: 0.9)
        outputCount = attributes.outputCount
        isSpatial = version < 9 ? try attributes.int("spatial", default: 1) != 0 : true
        switch version {
        case ..<7:
            let isTest = try attributes.int("is_test", default: 0) != 0
            isTraining = outputCount > 1 && !isTest
        case ..<14: isTraining = outputCount > 1
        default: isTraining = try attributes.flag("training_mode")
        }
        if version == 1 { _ = try attributes.required("consumed_inputs", attributes.ints("consumed_inputs")) }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "X").shape
        if input.rank == 0 { throw OperatorError("must have an axis, but is a scalar", subject: "X") }
        var statistics = SymbolicShape.unknown
        if let sizes = input.dimensions {
            statistics = SymbolicShape(isSpatial ? [sizes.count > 1 ? sizes[1] : 1] : Array(sizes.dropFirst()))
        }
        for (index, name) in [(1, "scale"), (2, "B"), (3, "mean"), (4, "var")] {
            statistics = try checked(inputs.required(index, name).shape, against: statistics, name, input: input)
        }
        var fact = ValueFact(shape: input)
        if isTraining { fact.remarks.append("runs in training mode: it normalizes by the statistics of the batch itself") }
        return [fact] + Array(repeating: ValueFact(shape: statistics), count: max(outputCount - 1, 0))
    }

    /// The shape of the parameters and statistics as far as it is known from X and those seen so far, and from this one.
    private func checked(
        _ shape: SymbolicShape, against expected: SymbolicShape, _ name: String, input: SymbolicShape
    ) throws -> SymbolicShape {
        guard let sizes = shape.dimensions else { return expected }
        guard let expectedSizes = expected.dimensions else { return shape }
        let fits =
            sizes.count == expectedSizes.count
            && zip(sizes, expectedSizes).allSatisfy { $0?.value == nil || $1?.value == nil || $0 == $1 }
        guard fits else {
            throw OperatorError("has shape \(shape), but X \(input) needs \(expected)", subject: name)
        }
        return SymbolicShape(zip(sizes, expectedSizes).map { $1?.value == nil ? $0 ?? $1 : $1 })
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        _ = try infer(inputs.map { $0.map { ValueFact(shape: SymbolicShape($0.shape)) } })
        let (meanInput, varianceInput) = (try inputs.required(3, "mean"), try inputs.required(4, "var"))
        let (scale, bias) = (try inputs.required(1, "scale").doubles(), try inputs.required(2, "B").doubles())
        let given = zip(try meanInput.doubles(), try varianceInput.doubles()).map { Moments(mean: $0, variance: $1) }

        // A feature is what has one mean and variance: a channel, or an element of an image if not spatial.
        let x = try input.doubles()
        let featureCount = given.count
        let imageSize = input.shape.dimensions.dropFirst().reduce(1, *)
        let run = max(featureCount == 0 ? 0 : imageSize / featureCount, 1)
        let batch = isTraining ? batchMoments(x, featureCount: featureCount, run: run) : given
        let factors = batch.map { $0.inverseDeviation(epsilon: epsilon) }
        var y: [Double] = []
        y.reserveCapacity(x.count)
        for (index, value) in x.enumerated() {
            let feature = index / run % featureCount
            y.append(scale[feature] * (value - batch[feature].mean) * factors[feature] + bias[feature])
        }
        var outputs = [try Tensor(rounding: y, to: input.dataType, shape: input.shape)]
        guard outputCount > 1 else { return outputs }
        let running = isTraining ? zip(given, batch).map(moved) : given
        let statistics = [running.map(\.mean), running.map(\.variance), batch.map(\.mean), batch.map(\.variance)]
        for values in statistics.prefix(outputCount - 1) {
            outputs.append(try Tensor(rounding: values, to: meanInput.dataType, shape: meanInput.shape))
        }
        return outputs
    }

    private func moved(_ input: Moments, _ batch: Moments) -> Moments {
        let momentum = Double(momentum)
        return Moments(
            mean: input.mean * momentum + batch.mean * (1 - momentum),
            variance: input.variance * momentum + batch.variance * (1 - momentum))
    }

    /// The moments of each feature over the batch, in two passes over X.
    private func batchMoments(_ x: [Double], featureCount: Int, run: Int) -> [Moments] {
        guard featureCount > 0 else { return [] }
        let count = Double(x.count / featureCount)
        var means = [Double](repeating: 0, count: featureCount)
        for (index, value) in x.enumerated() { means[index / run % featureCount] += value }
        for feature in means.indices { means[feature] /= count }
        var squares = [Double](repeating: 0, count: featureCount)
        for (index, value) in x.enumerated() {
            let distance = value - means[index / run % featureCount]
            squares[index / run % featureCount] += distance * distance
        }
        return zip(means, squares).map { Moments(mean: $0, variance: $1 / count) }
    }

    // MARK: - Rounding

    /// γ₈·(|f|·(|x| + |mean|) + |B|) with the factor f = scale/√(var + epsilon), which holds for the formula as written as well as
    /// for `x·f + (B − mean·f)`: of every factor and term at most eight roundings stand one on top of the other. In
    /// training mode nothing is stated.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        guard !isTraining, outputs.count == 1 else { return nil }
        let channels = try Channels(self, inputs)
        let gamma = unit.gamma(8)
        return [
            .elements(
                try channels.map(inputs.required(0, "X")) { x, feature in
                    gamma
                        * (channels.factors[feature].magnitude * (x.magnitude + channels.means[feature].magnitude)
                            + channels.biases[feature].magnitude) + unit.smallest
                })
        ]
    }

    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        let parametersAreExact = (1..<5).allSatisfy { variances.optional($0) == nil }
        guard !isTraining, outputs.count == 1, parametersAreExact else {
            return try differencedVariance(inputs, variances: variances, outputs: outputs, unit: unit)
        }
        let input = try inputs.required(0, "X")
        let channels = try Channels(self, inputs)
        // About four roundings of the factor and two of the sum.
        let own = 4 * unit.variance
        var result = try channels.map(input) { x, feature in
            let (factor, mean, bias) = (channels.factors[feature], channels.means[feature], channels.biases[feature])
            return own * (factor * factor * (x * x + mean * mean) + bias * bias)
        }
        guard let variances = variances.optional(0) else { return [result] }
        let carried = try channels.map(Tensor(variances, shape: input.shape)) { variance, feature in
            variance * channels.factors[feature] * channels.factors[feature]
        }
        for index in result.indices { result[index] += carried[index] }
        return [result]
    }

    package var dependence: ElementDependence { isTraining ? .several : .one }

    package var formula: String? { "Y = scale · (X − mean) / √(var + \(epsilon)) + B" }

    /// In inference each element meets the constants of its feature.
    private struct Channels {
        let means: [Double]
        let factors: [Double]
        let biases: [Double]
        let run: Int

        init(_ operation: BatchNormalization, _ inputs: [Tensor?]) throws {
            means = try inputs.required(3, "mean").doubles()
            biases = try inputs.required(2, "B").doubles()
            let scales = try inputs.required(1, "scale").doubles()
            factors = zip(scales, try inputs.required(4, "var").doubles()).map {
                $0 * Moments(mean: 0, variance: $1).inverseDeviation(epsilon: operation.epsilon)
            }
            let imageSize = try inputs.required(0, "X").shape.dimensions.dropFirst().reduce(1, *)
            run = max(means.isEmpty ? 0 : imageSize / means.count, 1)
        }

        func map(_ tensor: Tensor, _ body: (Double, Int) -> Double) throws -> [Double] {
            let x = try tensor.doubles()
            guard !means.isEmpty else { return [] }
            var result: [Double] = []
            result.reserveCapacity(x.count)
            var feature = 0
            for start in stride(from: 0, to: x.count, by: run) {
                for index in start..<min(start + run, x.count) { result.append(body(x[index], feature)) }
                feature = feature + 1 == means.count ? 0 : feature + 1
            }
            return result
        }
    }
}
