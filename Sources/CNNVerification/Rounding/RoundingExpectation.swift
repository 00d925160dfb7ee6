import CNNOperators
import CNNTensors

/// What a value of a model should be, and how far a rounded evaluation of the whole model is expected to be from it.
public struct RoundingExpectation: Sendable {
    public let shape: Shape
    /// The type of the value in the model.
    public let dataType: DataType
    /// The Double evaluation, row-major. Of values that are no floating-point numbers, their exact values.
    public let exact: Tensor
    /// The standard deviation of the rounding error that one evaluation in the model's own types is expected to have, by element;
    /// nil for values that are not rounded.
    public let deviations: [Double]?

    package init(shape: Shape, dataType: DataType, exact: Tensor, deviations: [Double]?) {
        self.shape = shape
        self.dataType = dataType
        self.exact = exact
        self.deviations = deviations
    }

    /// Whether the deviation of every element is known.
    var isKnown: Bool { deviations?.allSatisfy(\.isFinite) ?? true }

    /// Whether an array is an evaluation of the model with nothing but rounding errors.
    /// - Throws: `TensorError` if it has another shape or is no array of numbers.
    public func judge(_ tensor: Tensor) throws -> RoundingJudgement {
        try judge(tensor, against: exact, scale: 1)
    }

    /// Whether two arrays differ by no more than two independent evaluations of the model would: by √2 times the deviations.
    /// - Throws: `TensorError` if one has another shape or is no array of numbers.
    public func judge(_ tensor: Tensor, against reference: Tensor) throws -> RoundingJudgement {
        try judge(tensor, against: reference, scale: 2.0.squareRoot())
    }

    private func judge(_ tensor: Tensor, against expected: Tensor, scale: Double) throws -> RoundingJudgement {
        for other in [tensor, expected] where other.shape != shape {
            throw TensorError.wrongElementCount(shape, actual: other.shape.elementCount)
        }
        guard let deviations, tensor.dataType.isFloatingPoint else { return try .exact(tensor, expected) }
        return try .init(
            basis: .deviation, actual: tensor.doubles(), expected: expected.doubles(),
            units: deviations.map { $0 * scale },
            threshold: RoundingThreshold.deviations(elementCount: shape.elementCount), shape: shape)
    }
}
