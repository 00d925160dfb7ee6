/// An immutable array of numbers, truth values or strings in row-major order. Copies share their storage, which may be a
/// part of a memory-mapped file.
public struct Tensor: Sendable {
    /// The type of every element.
    public let dataType: DataType
    /// The size along each axis.
    public let shape: Shape
    private let contents: Contents

    private enum Contents: Sendable {
        case bytes(TensorStorage)
        case strings([[UInt8]])
    }

    /// The number of bytes that a tensor of this type and shape takes, little-endian and without gaps; types of fewer than
    /// 8 bits are packed, the last byte padded.
    /// - Throws: `TensorError.invalidShape` if that number passes `Int.max`, `.wrongDataType` for strings.
    public static func byteCount(_ dataType: DataType, _ shape: Shape) throws(TensorError) -> Int {
        guard let bits = dataType.bitWidth else {
            throw .wrongDataType(dataType, expected: "a type of fixed width")
        }
        let (total, overflow) = shape.elementCount.multipliedReportingOverflow(by: bits)
        guard !overflow, total <= Int.max - 7 else {
            throw .invalidShape(shape.dimensions, reason: "its bytes are too many to count")
        }
        return (total + 7) / 8
    }

    /// A tensor whose bytes (little-endian, row-major) `initialize` writes, all of them.
    public init(
        dataType: DataType, shape: Shape, initialize: (UnsafeMutableRawBufferPointer) throws -> Void
    ) throws {
        let byteCount = try Self.byteCount(dataType, shape)
        self.init(
            dataType: dataType, shape: shape,
            contents: .bytes(try TensorStorage(byteCount: byteCount, initialize: initialize)))
    }

    /// A tensor with a copy of these bytes (little-endian, row-major).
    /// - Throws: `TensorError.wrongByteCount` if there are more or fewer than type and shape need.
    public init(dataType: DataType, shape: Shape, copying bytes: UnsafeRawBufferPointer) throws {
        try Self.checkByteCount(dataType, shape, actual: bytes.count)
        try self.init(dataType: dataType, shape: shape) { $0.copyMemory(from: bytes) }
    }

    /// A tensor that uses these bytes where they lie; `owner` keeps them alive and unchanged.
    /// - Throws: `TensorError.wrongByteCount` if there are more or fewer than type and shape need.
    public init(
        dataType: DataType, shape: Shape, bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable
    ) throws(TensorError) {
        try Self.checkByteCount(dataType, shape, actual: bytes.count)
        self.init(dataType: dataType, shape: shape, contents: .bytes(TensorStorage(bytes: bytes, owner: owner)))
    }

    /// A tensor of strings, each a run of bytes (ONNX does not promise UTF-8).
    public init(strings: [[UInt8]], shape: Shape) throws(TensorError) {
        guard strings.count == shape.elementCount else {
            throw .wrongElementCount(shape, actual: strings.count)
        }
        self.init(dataType: .string, shape: shape, contents: .strings(strings))
    }

    private init(dataType: DataType, shape: Shape, contents: Contents) {
        self.dataType = dataType
        self.shape = shape
        self.contents = contents
    }

    private static func checkByteCount(_ dataType: DataType, _ shape: Shape, actual: Int) throws(TensorError) {
        let expected = try byteCount(dataType, shape)
        guard actual == expected else {
            throw .wrongByteCount(dataType, shape, expected: expected, actual: actual)
        }
    }

    /// The same elements under another shape.
    /// - Throws: `TensorError.wrongElementCount` if the counts differ.
    public func reshaped(_ shape: Shape) throws(TensorError) -> Tensor {
        guard shape.elementCount == self.shape.elementCount else {
            throw .wrongElementCount(shape, actual: self.shape.elementCount)
        }
        return Tensor(dataType: dataType, shape: shape, contents: contents)
    }

    /// The bytes of the elements; empty for a tensor of strings.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch contents {
        case .bytes(let storage):
            defer { withExtendedLifetime(storage) {} }
            return try body(storage.bytes)
        case .strings:
            return try body(UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// The elements of a tensor of strings.
    /// - Throws: `TensorError.wrongDataType` for any other tensor.
    public func strings() throws(TensorError) -> [[UInt8]] {
        guard case .strings(let strings) = contents else {
            throw .wrongDataType(dataType, expected: "string")
        }
        return strings
    }

    /// The number of bytes that the elements take in storage.
    public var byteCount: Int {
        switch contents {
        case .bytes(let storage): storage.bytes.count
        case .strings(let strings): strings.reduce(0) { $0 + $1.count }
        }
    }

    /// The storage that numeric elements lie in, for sharing without a copy; nil for strings.
    package var storage: TensorStorage? {
        if case .bytes(let storage) = contents { storage } else { nil }
    }
}

/// Two tensors are equal when type, shape and every byte are: NaN equals the same NaN, and -0 differs from 0.
extension Tensor: Hashable {
    /// Whether type, shape and every byte are the same.
    public static func == (left: Tensor, right: Tensor) -> Bool {
        guard left.dataType == right.dataType, left.shape == right.shape else { return false }
        switch (left.contents, right.contents) {
        case (.strings(let left), .strings(let right)): return left == right
        case (.bytes(let left), .bytes(let right)): return left === right || left.bytes.elementsEqual(right.bytes)
        default: return false
        }
    }

    /// Hashes type and shape alone: elements may be many.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(dataType)
        hasher.combine(shape)
    }
}

extension Tensor: CustomStringConvertible {
    /// Type and shape, for example `float32[1, 10]`.
    public var description: String { "\(dataType)\(shape)" }
}
