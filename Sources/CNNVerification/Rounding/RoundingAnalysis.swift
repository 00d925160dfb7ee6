import CNNModels
import CNNOperators
import CNNTensors

/// The end-to-end check: what a model's outputs should be for given inputs (evaluated in Double throughout), and how far rounding
/// carries an evaluation in the model's own types from there. Rounding errors are propagated to first order as variances along the
/// Double evaluation, layer by layer, as independent errors of mean 0; what that leaves out is measured by calibration and stands
/// in `RoundingThreshold`.
///
///     let analysis = try RoundingAnalysis(model)
///     let expected = try analysis.expectations(for: ["input": image])
///     let judgement = try expected["output"]?.judge(reference)
public struct RoundingAnalysis: Sendable {
    let evaluator: DoubleEvaluator
    /// How many threads compute.
    public let threads: Int

    /// - Throws: `ModelError` with everything that is wrong with the model.
    public init(_ model: Model, threads: Int = 1) throws(ModelError) {
        evaluator = try DoubleEvaluator(model)
        self.threads = threads
    }

    /// Evaluates the model.
    /// - Parameters:
    ///   - inputs: a tensor for every required input, by name.
    ///   - names: the values to report; nil for the graph's outputs.
    /// - Throws: `InputError`, `ModelError`, `EvaluationError`.
    public func expectations(
        for inputs: [String: Tensor], of names: Set<String>? = nil
    ) throws -> [String: RoundingExpectation] {
        try EvaluationThreads.$count.withValue(threads) {
            try expectations(for: inputs, of: names, arithmetic: .float32OfAnyProgram)
        }
    }
}
