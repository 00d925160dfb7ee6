import CNNTensors

extension LayerError {
    /// Nil if the arrays have different shapes or are no arrays of numbers.
    init?(_ actual: Tensor, _ reference: Tensor) throws {
        guard actual.shape == reference.shape, actual.dataType.isNumber, reference.dataType.isNumber else { return nil }
        let (values, expected) = (try actual.doubles(), try reference.doubles())
        var (largest, squares, scale, nonFinite) = (0.0, 0.0, 0.0, 0)
        for (value, target) in zip(values, expected) {
            guard value.isFinite, target.isFinite else {
                if !(value == target || value.isNaN && target.isNaN) { nonFinite += 1 }
                continue
            }
            let difference = (value - target).magnitude
            largest = max(largest, difference)
            squares += difference * difference
            scale += target * target
        }
        self.init(
            maxAbsolute: largest, relative: squares == 0 ? 0 : scale == 0 ? .infinity : (squares / scale).squareRoot(),
            nonFiniteCount: nonFinite)
    }
}

extension DataType {
    /// Whether `Tensor.doubles()` reads elements of this type.
    var isNumber: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64, .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32,
            .uint64:
            true
        default: false
        }
    }
}
