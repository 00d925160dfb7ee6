/// A Swift number type that tensors store as it is. `Bool` is not one: a stored byte other than 0 or 1 is no valid `Bool`;
/// `Tensor.integers()` reads truth values safely.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The tensor type whose elements these are.
    static var dataType: DataType { get }
}

extension Float: TensorElement { public static var dataType: DataType { .float32 } }
extension Double: TensorElement { public static var dataType: DataType { .float64 } }
extension Int8: TensorElement { public static var dataType: DataType { .int8 } }
extension Int16: TensorElement { public static var dataType: DataType { .int16 } }
extension Int32: TensorElement { public static var dataType: DataType { .int32 } }
extension Int64: TensorElement { public static var dataType: DataType { .int64 } }
extension UInt8: TensorElement { public static var dataType: DataType { .uint8 } }
extension UInt16: TensorElement { public static var dataType: DataType { .uint16 } }
extension UInt32: TensorElement { public static var dataType: DataType { .uint32 } }
extension UInt64: TensorElement { public static var dataType: DataType { .uint64 } }

extension Tensor {
    /// A tensor of these elements in row-major order.
    /// - Throws: `TensorError.wrongElementCount` if they are not as many as the shape has.
    public init<Element: TensorElement>(_ elements: [Element], shape: Shape) throws {
        guard elements.count == shape.elementCount else {
            throw TensorError.wrongElementCount(shape, actual: elements.count)
        }
        try self.init(dataType: Element.dataType, shape: shape) { destination in
            elements.withUnsafeBytes { destination.copyMemory(from: $0) }
        }
    }

    /// A vector of these elements.
    public init<Element: TensorElement>(_ elements: [Element]) throws {
        try self.init(elements, shape: .vector(elements.count))
    }

    /// A tensor without axes that holds one element.
    public init<Element: TensorElement>(scalar element: Element) throws {
        try self.init([element], shape: .scalar)
    }

    /// Truth values in row-major order.
    public init(bools: [Bool], shape: Shape) throws {
        guard bools.count == shape.elementCount else {
            throw TensorError.wrongElementCount(shape, actual: bools.count)
        }
        try self.init(dataType: .bool, shape: shape) { destination in
            for (index, value) in bools.enumerated() { destination[index] = value ? 1 : 0 }
        }
    }

    /// Calls `body` with the elements where they lie (a copy, if they lie at an address unfit for `Element`).
    /// - Throws: `TensorError.wrongDataType` if the tensor stores another type.
    public func withElements<Element: TensorElement, Result>(
        as type: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) throws -> Result {
        guard dataType == Element.dataType else {
            throw TensorError.wrongDataType(dataType, expected: "\(Element.dataType)")
        }
        return try withUnsafeBytes { bytes in
            if let base = bytes.baseAddress, UInt(bitPattern: base) % UInt(MemoryLayout<Element>.alignment) != 0 {
                let copy = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: bytes.count, alignment: TensorStorage.alignment)
                defer { copy.deallocate() }
                copy.copyMemory(from: bytes)
                return try body(UnsafeBufferPointer(copy.bindMemory(to: Element.self)))
            }
            return try body(bytes.bindMemory(to: Element.self))
        }
    }

    /// The elements in row-major order.
    /// - Throws: `TensorError.wrongDataType` if the tensor stores another type.
    public func elements<Element: TensorElement>(as type: Element.Type) throws -> [Element] {
        try withElements(as: type) { Array($0) }
    }
}
