import CNNModels
import CNNTensors

/// Reads ONNX files. Weights are not copied: tensors refer to the mapped file and keep it alive. The bytes may be hostile;
/// whatever is wrong with them is a thrown `ModelFileError`.
public enum ONNXReader {
    /// Reads the model at `path`, with the tensors that stand in files beside it.
    /// - Parameter memoryLimit: bytes that the model's structure (all but mapped weights) may take in memory. Nil for a
    ///   limit in proportion to the file's size, which is wide for every model that was not made to exhaust memory.
    /// - Throws: `FileError` when the file cannot be opened, `ModelFileError` when it is not a sound model.
    public static func model(at path: String, memoryLimit: Int? = nil) throws -> Model {
        try model(MappedFile(path: path), externalFiles: ExternalFiles(model: path), memoryLimit: memoryLimit)
    }

    /// Reads a model from memory. It cannot refer to external data.
    /// - Parameter name: what to call the bytes in errors.
    /// - Throws: `ModelFileError` when the bytes are not a sound model.
    public static func model(bytes: [UInt8], name: String = "memory", memoryLimit: Int? = nil) throws -> Model {
        try model(MappedFile(copying: bytes, path: name), memoryLimit: memoryLimit)
    }

    /// Reads a model from an open file. It cannot refer to external data.
    /// - Throws: `ModelFileError` when the bytes are not a sound model.
    public static func model(_ file: MappedFile, memoryLimit: Int? = nil) throws -> Model {
        try model(file, externalFiles: nil, memoryLimit: memoryLimit)
    }

    /// Reads a file that holds one `TensorProto`, as ONNX's test cases do (`input_0.pb`).
    /// - Throws: `FileError` when the file cannot be opened, `ModelFileError` when it holds no sound tensor.
    public static func tensor(at path: String) throws -> NamedTensor {
        try tensor(MappedFile(path: path), externalFiles: ExternalFiles(model: path))
    }

    /// Reads one `TensorProto` from memory.
    /// - Throws: `ModelFileError` when the bytes are not a sound tensor.
    public static func tensor(bytes: [UInt8], name: String = "memory") throws -> NamedTensor {
        try tensor(MappedFile(copying: bytes, path: name), externalFiles: nil)
    }

    /// Reads one `TensorProto` from an open file. It cannot refer to external data.
    /// - Throws: `ModelFileError` when the bytes are not a sound tensor.
    public static func tensor(_ file: MappedFile) throws -> NamedTensor {
        try tensor(file, externalFiles: nil)
    }

    private static func model(_ file: MappedFile, externalFiles: ExternalFiles?, memoryLimit: Int?) throws -> Model {
        // The guard and the decoder see the bytes by their address.
        defer { withExtendedLifetime(file) {} }
        let guarded = try WireGuard(file.bytes, root: \.model, file: file.path, memoryLimit: memoryLimit)
        var decoder = ModelDecoder(file: file, guarded: guarded, externalFiles: externalFiles)
        return try located(in: file) { try decoder.model() }
    }

    private static func tensor(_ file: MappedFile, externalFiles: ExternalFiles?) throws -> NamedTensor {
        // The guard and the decoder see the bytes by their address.
        defer { withExtendedLifetime(file) {} }
        let guarded = try WireGuard(file.bytes, root: \.tensor, file: file.path)
        var decoder = ModelDecoder(file: file, guarded: guarded, externalFiles: externalFiles)
        return try located(in: file) { try decoder.tensor() }
    }

    private static func located<Result>(in file: MappedFile, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let fault as DecodingFault {
            // Only a file that fails as a whole may be of another kind.
            let kind = fault.places.isEmpty ? FileKind(file.bytes) : nil
            throw ModelFileError(
                file: file.path, cause: fault.rule, place: fault.places.joined(separator: ", "),
                hint: kind.map { "the file looks like \($0), not like an ONNX file" } ?? fault.hint)
        }
    }
}
