import CNNTensors

/// How a computed array stands to its reference. Floating-point and complex numbers may differ by a tolerance; integers, truth
/// values and strings may not. NaN equals NaN, an infinity the same infinity; one on one side only is a mismatch.
public struct TensorComparison: Sendable, Hashable {
    /// The outcome.
    public enum Verdict: Sendable, Hashable {
        /// Every element is close enough.
        case match
        /// At least one element is not.
        case mismatch
        /// The arrays cannot be compared element by element.
        case incomparable(Reason)

        /// Why arrays cannot be compared.
        public enum Reason: Sendable, Hashable {
            case shapes(actual: Shape, reference: Shape)
            case dataTypes(actual: DataType, reference: DataType)
        }
    }

    public let dataType: DataType
    /// The shape of the computed array.
    public let shape: Shape
    public let verdict: Verdict
    /// The rule that the elements were held to; nil where each has a limit of its own.
    public let tolerance: ComparisonTolerance?
    /// The absolute part of the tolerance, as a number; 0 where there is none.
    public let absoluteTolerance: Double
    /// The relative part of the tolerance; 0 where there is none.
    public let relativeTolerance: Double
    /// Nil if the arrays cannot be compared.
    public let metrics: DifferenceMetrics?
    /// Whether the arrays rank classes alike; nil if they are no vectors of class scores.
    public let classAgreement: ClassAgreement?

    /// Compares a computed array with its reference.
    public init(actual: Tensor, reference: Tensor, tolerance: ComparisonTolerance = .standard) throws {
        try self.init(actual: actual, reference: reference, tolerance: tolerance, limits: nil)
    }

    /// Compares a computed array with its reference, where each element may differ by a number of its own.
    /// - Parameter limits: the allowed differences, row-major.
    /// - Throws: `TensorError` if there are more or fewer limits than elements.
    package init(actual: Tensor, reference: Tensor, limits: [Double]) throws {
        guard limits.count == actual.shape.elementCount else {
            throw TensorError.wrongElementCount(actual.shape, actual: limits.count)
        }
        try self.init(actual: actual, reference: reference, tolerance: nil, limits: limits)
    }

    private init(actual: Tensor, reference: Tensor, tolerance: ComparisonTolerance?, limits: [Double]?) throws {
        dataType = actual.dataType
        shape = actual.shape
        self.tolerance = tolerance
        let isExact = !actual.dataType.isComparedByTolerance
        guard actual.dataType == reference.dataType, actual.shape == reference.shape else {
            verdict = .incomparable(
                actual.dataType == reference.dataType
                    ? .shapes(actual: actual.shape, reference: reference.shape)
                    : .dataTypes(actual: actual.dataType, reference: reference.dataType))
            (absoluteTolerance, relativeTolerance, metrics, classAgreement) = (0, 0, nil, nil)
            return
        }
        if isExact {
            metrics = try Self.exactMetrics(actual, reference)
            (absoluteTolerance, relativeTolerance) = (0, 0)
        } else {
            let (result, absolute) = try Self.metrics(actual, reference, tolerance, limits)
            (metrics, absoluteTolerance, relativeTolerance) = (result, absolute, tolerance?.relative ?? 0)
        }
        verdict = metrics?.mismatchCount == 0 ? .match : .mismatch
        classAgreement = try ClassAgreement(actual: actual, reference: reference)
    }

    /// Compares with numbers for the tolerance; the absolute one is, if left out, 1e-5 times the reference's largest finite
    /// magnitude.
    public init(actual: Tensor, reference: Tensor, rtol: Double, atol: Double? = nil) throws {
        let absolute = atol.map { ComparisonTolerance.Absolute.fixed($0) } ?? ComparisonTolerance.standard.absolute
        try self.init(
            actual: actual, reference: reference, tolerance: ComparisonTolerance(relative: rtol, absolute: absolute))
    }

    private static func metrics(
        _ actual: Tensor, _ reference: Tensor, _ tolerance: ComparisonTolerance?, _ limits: [Double]?
    ) throws -> (DifferenceMetrics, absolute: Double) {
        let blocks = try ElementBlocks(actual: actual, reference: reference)
        var accumulator = DifferenceAccumulator()
        blocks.visit { accumulator.survey($0) }
        let absolute = tolerance?.absolute(largestMagnitude: accumulator.largestReference) ?? 0
        let allowance =
            limits.map(ElementBlocks.Allowance.each)
            ?? .rule(absolute: absolute, relative: tolerance?.relative ?? 0)
        blocks.visit(allowance) { accumulator.add($0) }
        let map =
            accumulator.hasMismatches
            ? try DifferenceMap(actual: actual, reference: reference, allowance: allowance) : nil
        let metrics = accumulator.metrics(
            unitsInLastPlace: UnitsInLastPlace(actual: actual, reference: reference), map: map,
            index: actual.shape.index(of:))
        return (metrics, absolute)
    }
}

extension DataType {
    /// Whether results of this type carry rounding errors.
    var isComparedByTolerance: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64, .complex64, .complex128: true
        default: false
        }
    }
}

extension Shape {
    /// The position along each axis of the element at `offset` in row-major order.
    func index(of offset: Int) -> [Int] {
        var rest = offset
        return strides.map { stride in
            defer { rest %= stride }
            return rest / stride
        }
    }
}
