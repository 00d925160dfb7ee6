import CNNTensors

/// How large one value may become. Operators such as Expand, Tile or ConstantOfShape make a huge output of a few bytes
/// of input; the limit turns a hostile or mistaken shape into an error before memory is taken.
package enum EvaluationLimit {
    /// Bytes of one value: 8 GiB, more than the activations of any network this package is meant for.
    package static let bytes = 1 << 33

    /// A shape with these dimensions whose elements of this type stay within the limit.
    /// - Throws: `TensorError.invalidShape`, `OperatorError` where the limit is passed.
    package static func shape(_ dimensions: [Int], of dataType: DataType) throws -> Shape {
        let shape = try Shape(dimensions)
        // A string costs at least its array's header of 8 bytes.
        let byteCount = dataType == .string ? shape.elementCount : try Tensor.byteCount(dataType, shape)
        guard byteCount <= bytes / (dataType == .string ? 8 : 1) else {
            throw OperatorError("the output, as \(dataType)\(shape), passes the limit of \(bytes) bytes for one value")
        }
        return shape
    }
}
