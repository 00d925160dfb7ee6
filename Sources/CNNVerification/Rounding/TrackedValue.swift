import CNNOperators
import CNNTensors

/// A value during a Double evaluation, with what is known of the error that a rounded evaluation has in its place.
struct TrackedValue: Sendable {
    /// The exact value: float64 where the model has a floating-point type.
    let exact: Tensor
    /// The variance of the error of each element; nil where there is none: inputs, constants, values taken from a reference.
    let variances: [Double]?

    init(_ exact: Tensor, variances: [Double]? = nil) {
        self.exact = exact
        self.variances = variances
    }
}

extension BoundNode {
    /// The node's outputs with the errors that its inputs' errors and its own rounding make.
    /// - Throws: `EvaluationError`.
    func track(_ inputs: [TrackedValue?], unit: RoundingUnit) throws -> [TrackedValue] {
        let operands = inputs.map { $0?.exact }
        let outputs = try evaluateInDouble(operands)
        return try track(inputs, outputs: outputs, unit: unit)
    }

    /// The same for outputs that are known already.
    func track(_ inputs: [TrackedValue?], outputs: [Tensor], unit: RoundingUnit) throws -> [TrackedValue] {
        guard outputs.contains(where: { $0.dataType == .float64 }) else { return outputs.map { TrackedValue($0) } }
        do {
            let variances = try operation.roundingVariance(
                inputs.map { $0?.exact }, variances: inputs.map { $0?.variances }, outputs: outputs, unit: unit)
            return zip(outputs, variances).map { TrackedValue($0, variances: $1) }
        } catch {
            throw EvaluationError(place: place, message: "\(error)")
        }
    }
}
