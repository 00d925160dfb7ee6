import CNNTensors

/// The elements of a floating-point or complex array as Doubles.
struct NumericElements {
    let shape: Shape
    private let values: [Double]
    private let isComplex: Bool

    /// - Throws: `TensorError` if the elements are no floating-point or complex numbers.
    init(_ tensor: Tensor) throws {
        shape = tensor.shape
        switch tensor.dataType {
        case .complex64:
            isComplex = true
            values = try tensor.reinterpreted(as: .float32).doubles()
        case .complex128:
            isComplex = true
            values = try tensor.reinterpreted(as: .float64).doubles()
        default:
            isComplex = false
            values = try tensor.doubles()
        }
    }

    /// The number of elements.
    var count: Int { shape.elementCount }

    /// The element, or the modulus of a complex one.
    @inline(__always)
    func magnitudeOrValue(_ index: Int) -> Double {
        isComplex ? Self.modulus(values[2 * index], values[2 * index + 1]) : values[index]
    }

    /// The modulus of the difference to the element of `other` at the same place.
    @inline(__always)
    func distance(to other: NumericElements, _ index: Int) -> Double {
        guard isComplex else { return (values[index] - other.values[index]).magnitude }
        return Self.modulus(
            values[2 * index] - other.values[2 * index], values[2 * index + 1] - other.values[2 * index + 1])
    }

    /// √(x² + y²), scaled so that the squares stay finite; infinite if either is, NaN if one is and the other not infinite.
    private static func modulus(_ x: Double, _ y: Double) -> Double {
        if x.isInfinite || y.isInfinite { return .infinity }
        let larger = max(x.magnitude, y.magnitude)
        if larger == 0 || larger.isNaN { return x.isNaN || y.isNaN ? .nan : 0 }
        return larger * (x / larger * (x / larger) + y / larger * (y / larger)).squareRoot()
    }
}

extension Tensor {
    /// The parts of complex elements as a vector of real ones.
    fileprivate func reinterpreted(as part: DataType) throws -> Tensor {
        try withUnsafeBytes { try Tensor(dataType: part, shape: .vector(2 * shape.elementCount), copying: $0) }
    }
}
