import CNNModels
import CNNTensors
import ONNXFormat

extension SelfCheck {
    /// Evaluates the model in Double on inputs made from a seed, and keeps what the outputs come to.
    /// - Throws: `SelfCheckError` if an input's sizes are not all known (a symbolic first axis counts as 1), or an output is no
    ///   array of finite numbers whose rounding errors are known; `ModelError`, `EvaluationError`.
    public static func make(for model: Model, seed: UInt64 = 1, threads: Int = 1) throws -> SelfCheck {
        let inputs = try model.graph.requiredInputs.map { input in
            let declared = SymbolicShape(declared: input.type?.tensorShape).dimensions
            let sizes = declared?.enumerated().compactMap { axis, size in size?.value ?? (axis == 0 ? 1 : nil) }
            guard let sizes, sizes.count == declared?.count, let type = input.type?.tensorDataType else {
                throw SelfCheckError("the sizes of input '\(input.name)' are not known")
            }
            return Input(name: input.name, dataType: type, shape: try Shape(sizes))
        }
        let check = SelfCheck(seed: seed, inputs: inputs, outputs: [])
        let expectations = try RoundingAnalysis(model, threads: threads).expectations(for: check.inputTensors())
        let outputs = try model.graph.outputs.compactMap { output in
            try expectations[output.name].map { try Output(name: output.name, $0) }
        }
        return SelfCheck(seed: seed, inputs: inputs, outputs: outputs)
    }

    /// The inputs of the recipe, by name.
    func inputTensors() throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (position, input) in inputs.enumerated() {
            tensors[input.name] = try SeededInput.tensor(input.dataType, input.shape, seed: seed, position: position)
        }
        return tensors
    }
}

extension SelfCheck.Output {
    fileprivate init(name: String, _ expectation: RoundingExpectation) throws {
        self.name = name
        dataType = expectation.dataType
        shape = expectation.shape
        let rounded =
            expectation.dataType.isFloatingPoint
            ? try Tensor(rounding: expectation.exact.doubles(), to: expectation.dataType, shape: expectation.shape)
            : expectation.exact
        digest = rounded.sha256
        let values = try expectation.exact.doubles()
        // Sums with one such number are no finite numbers, whatever all the others are.
        let nonFiniteCount = try rounded.doubles().count { !$0.isFinite }
        guard nonFiniteCount == 0 else {
            throw SelfCheckError("output '\(name)' has \(nonFiniteCount) NaN or infinite of \(values.count) elements")
        }
        let unknownCount = expectation.deviations?.count { !$0.isFinite } ?? 0
        guard unknownCount == 0 else {
            throw SelfCheckError(
                "the expected deviation is unknown for \(unknownCount) of \(values.count) elements of output '\(name)'")
        }
        let statistics = OutputStatistics(values)
        // What is not rounded must come out the same.
        let variances = expectation.deviations.map { $0.map { $0 * $0 } }
        let total = variances?.reduce(0, +) ?? 0
        let (count, largest) = (Double(max(values.count, 1)), variances?.max() ?? 0)
        projections = statistics.projections.map { SelfCheck.Statistic(value: $0, sigma: (total / count).squareRoot()) }
        minimum = SelfCheck.Statistic(value: statistics.minimum, sigma: largest.squareRoot())
        maximum = SelfCheck.Statistic(value: statistics.maximum, sigma: largest.squareRoot())
        // Errors of a layer may all point one way: the mean keeps the whole deviation of an element.
        mean = SelfCheck.Statistic(value: statistics.mean, sigma: (total / count).squareRoot())
        topClasses = ClassRanking.best(of: values, shape: expectation.shape, dataType: expectation.dataType)
    }
}

extension Tensor {
    /// The SHA-256 of the elements' bytes.
    var sha256: String {
        withUnsafeBytes { bytes in
            var digest = SHA256()
            digest.update(bytes)
            return digest.finish()
        }
    }
}

/// The numbers that a self-check keeps of an output.
struct OutputStatistics {
    let projections: [Double]
    let minimum: Double
    let maximum: Double
    let mean: Double

    init(_ values: [Double]) {
        let count = Double(max(values.count, 1))
        projections = (0..<SelfCheck.projectionCount).map { index in
            var signs = ProjectionSigns(index: index)
            return values.reduce(0) { $0 + signs.next() * $1 } / count.squareRoot()
        }
        minimum = values.min() ?? 0
        maximum = values.max() ?? 0
        mean = values.reduce(0, +) / count
    }
}

/// The best classes of the first items of a batch of class scores.
enum ClassRanking {
    static func best(of values: [Double], shape: Shape, dataType: DataType) -> [[Int]] {
        guard dataType.isFloatingPoint, shape.rank >= 2, shape[1] > 1, shape.dimensions.dropFirst(2).allSatisfy({ $0 == 1 })
        else { return [] }
        return (0..<min(shape[0], SelfCheck.topItems)).map { item in
            let scores = values[(item * shape[1])..<((item + 1) * shape[1])].map { $0.isNaN ? -Double.infinity : $0 }
            return Array(
                scores.indices.sorted { scores[$0] > scores[$1] || scores[$0] == scores[$1] && $0 < $1 }
                    .prefix(SelfCheck.topDepth))
        }
    }
}
