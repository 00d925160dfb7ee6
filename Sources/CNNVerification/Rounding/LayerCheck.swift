import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors

/// Checks a reference that has the values between nodes: every node is evaluated in Double from the reference's own inputs to it,
/// and the reference's value must lie within the a-priori rounding bound of that. So the first node that fails is where a
/// difference begins. Values are read one after the other as the nodes need them, and held no longer.
///
/// The bound covers float32 evaluations of the nodes one by one. A reference whose backend fused nodes and made up the values
/// between them, or that computes in less than float32, is outside by right. Winograd's convolution is not an evaluation of the sum
/// in some order; its error is within the bound for most, but by no theorem.
public struct LayerCheck: Sendable {
    /// What a value is held against.
    public enum Criterion: Sendable, Hashable {
        /// The a-priori bound, which no float32 evaluation passes.
        case bound
        /// The deviations that rounding is expected to cause. They are √n times tighter for sums of n products, but no
        /// theorem: for a reference that is known to be wrong somewhere.
        case deviation
    }

    public let model: Model
    public let options: SessionOptions

    /// - Parameter options: how our own evaluation computes.
    /// - Throws: `ModelError` with everything that is wrong with the model.
    public init(_ model: Model, options: SessionOptions = SessionOptions()) throws {
        self.model = model
        self.options = options
        _ = try BoundModel(model)
    }

    /// - Parameters:
    ///   - inputs: a tensor for every required input, by name.
    ///   - criterion: what values are held against whose node's inputs are all in the reference.
    ///   - reference: gives the reference's value of this name, or nil if it has none. Called once for each use of a value.
    ///   - progress: called after every node with the number of nodes done and of all.
    /// - Throws: `InputError`, `EvaluationError`, what `reference` throws.
    public func run(
        _ inputs: [String: Tensor], criterion: Criterion = .bound, reference: (String) throws -> Tensor?,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> LayerReport {
        var run = LayerCheckRun(bound: try BoundModel(model), options: options, criterion: criterion)
        return try EvaluationThreads.$count.withValue(options.threads) {
            try run.report(inputs, reference: reference, progress: progress)
        }
    }

    /// The same for a reference that is known to be wrong: where all values are within their bounds, they are held against
    /// the deviations that are expected, which tell smaller faults.
    public func locate(
        _ inputs: [String: Tensor], reference: (String) throws -> Tensor?, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> LayerReport {
        let bounded = try run(inputs, reference: reference, progress: progress)
        guard bounded.agrees else { return bounded }
        let expected = try run(inputs, criterion: .deviation, reference: reference, progress: progress)
        return expected.agrees ? bounded : expected
    }
}
