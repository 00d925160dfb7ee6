/// `.npy` files: one array, as NumPy's `np.save` writes it. Versions 1.0 to 3.0 are read, both byte orders, C and Fortran
/// order, every numeric type that NumPy and ONNX share; version 1.0 in C order is written, byte for byte what NumPy writes.
///
/// An array of Python objects is a pickle, which can run any program when it is loaded; it is refused.
public enum NPYFile {
    /// Reads the array of the file at `path`. A large one in C order and little-endian is mapped, not copied.
    /// - Throws: `FileError` if the file cannot be opened, `ArrayFileError` if it holds no array that can be read.
    public static func read(_ path: String) throws -> Tensor {
        try read(MappedFile(path: path))
    }

    /// Reads the array of a file that is already in memory.
    public static func read(_ file: MappedFile) throws -> Tensor {
        try decode(file.bytes, owner: file, path: file.path, array: nil)
    }

    /// Writes the array to the file at `path`, whole or not at all.
    /// - Throws: `ArrayFileError` for an element type that NumPy has not; `FileError` if the file cannot be written.
    public static func write(_ tensor: Tensor, to path: String) throws {
        let header = try header(of: tensor, path: path, array: nil)
        try AtomicFile.write(to: path) { writer in
            try writer.write(header)
            try tensor.withUnsafeBytes { try writer.write($0) }
        }
    }

    /// Writes the same bytes into a sink; `path` goes into errors.
    package static func write(_ tensor: Tensor, into sink: inout some ByteSink & ~Copyable, path: String) throws {
        try sink.write(header(of: tensor, path: path, array: nil))
        try tensor.withUnsafeBytes { try sink.write($0) }
    }

    /// The bytes that stand before the elements.
    static func header(of tensor: Tensor, path: String, array: String?) throws -> [UInt8] {
        let header = NPYHeader(dataType: tensor.dataType, isBigEndian: false, isFortranOrder: false, shape: tensor.shape)
        do {
            return try header.encoded()
        } catch let fault as NPYHeader.Fault {
            throw ArrayFileError(path: path, array: array, reason: fault.reason, hint: fault.hint)
        }
    }

    /// The array that these bytes are, all of them. It keeps using them, and with them `owner`, where they lie as ours.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable, path: String, array: String?
    ) throws -> Tensor {
        func error(_ reason: ArrayFileError.Reason, hint: String? = nil) -> ArrayFileError {
            ArrayFileError(path: path, array: array, reason: reason, hint: hint)
        }
        let header: NPYHeader
        let start: Int
        do {
            (header, start) = try NPYHeader.parse(bytes)
        } catch let fault as NPYHeader.Fault {
            throw error(fault.reason, hint: fault.hint)
        }
        let (dataType, shape) = (header.dataType, header.shape)
        let elements = UnsafeRawBufferPointer(rebasing: bytes[start...])
        let byteCount: Int
        do {
            byteCount = try Tensor.byteCount(dataType, shape)
        } catch let fault {
            throw error(.malformed("\(fault)"))
        }
        if elements.count < byteCount { throw error(.truncated(needed: byteCount, present: elements.count)) }
        if elements.count > byteCount {
            throw error(
                .malformed("\(elements.count - byteCount) bytes follow the \(byteCount) of \(dataType)\(shape)"),
                hint: "a file with several arrays is written with np.savez")
        }
        let reordering = ElementReordering(
            dataType, shape: shape, isFortranOrder: header.isFortranOrder, isBigEndian: header.isBigEndian)
        if reordering.isIdentity {
            return try Tensor.viewing(dataType, shape, elements, owner: owner, path: path, array: array)
        }
        return try Tensor.allocating(dataType, shape, path: path, array: array) { reordering.copy(elements, to: $0) }
    }
}
