/// What can be wrong with an array in memory or in a file.
public enum TensorError: Error, Sendable, Hashable {
    /// The dimensions do not make a shape.
    case invalidShape([Int], reason: String)
    /// The bytes at hand are not as many as the shape and type need.
    case wrongByteCount(DataType, Shape, expected: Int, actual: Int)
    /// The operation needs another element type.
    case wrongDataType(DataType, expected: String)
    /// A value does not fit in the element type it is to be stored in.
    case valueOutOfRange(String, DataType)
    /// The number of values differs from the shape's element count.
    case wrongElementCount(Shape, actual: Int)
}

extension TensorError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidShape(let dimensions, let reason):
            "\(dimensions) is no shape: \(reason)"
        case .wrongByteCount(let type, let shape, let expected, let actual):
            "a \(type) tensor of shape \(shape) takes \(expected) bytes, but there are \(actual)"
        case .wrongDataType(let type, let expected):
            "the element type is \(type), but \(expected) is needed"
        case .valueOutOfRange(let value, let type):
            "\(value) does not fit in \(type)"
        case .wrongElementCount(let shape, let actual):
            "shape \(shape) has \(shape.elementCount) elements, but there are \(actual)"
        }
    }
}
