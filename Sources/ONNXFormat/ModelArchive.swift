import CNNModels
import CNNTensors

/// The native archive: a plain safetensors file with the weights under their ONNX names and, under the metadata key
/// `onnxcnn.graph`, everything else of the model as JSON. Python's `safetensors` opens it like any other; here it is mapped,
/// and a model of any size is ready at once. Nothing of the model is lost: the ONNX file can be written from it again.
///
/// In the JSON, which has a `version`, members that would hold an empty text, an empty list or zero are left out. A tensor
/// says under which name its elements lie (`data`) and of which type and shape they are; types that safetensors lacks
/// (4-bit integers, complex128) lie there as plain bytes (`U8`), strings in the JSON itself.
public struct ModelArchive: Sendable {
    /// The metadata key under which the graph stands.
    public static let graphKey = "onnxcnn.graph"
    /// The version of the JSON that is written, and the only one that is read.
    public static let version = 1

    /// The model, with weights that refer to the mapped file.
    public let model: Model
    /// The file's other metadata.
    public let metadata: [String: String]

    /// How deep the JSON may nest: a subgraph takes eight levels for the three that it takes in an ONNX file.
    static let depthLimit = 8 * WireGuard.depthLimit / 3 + 32

    /// Opens the archive at `path`.
    /// - Throws: `FileError` if the file cannot be opened, `ArrayFileError` if it is no sound safetensors file,
    ///   `ModelFileError` if it holds no sound model.
    public init(path: String) throws {
        try self.init(MappedFile(path: path))
    }

    /// Reads an archive from an open file.
    /// - Throws: `ArrayFileError` if it is no sound safetensors file, `ModelFileError` if it holds no sound model.
    public init(_ file: MappedFile) throws {
        let arrays = try SafetensorsFile(file)
        var metadata = arrays.metadata
        guard var graph = metadata.removeValue(forKey: Self.graphKey) else {
            throw ModelFileError(
                file: file.path, cause: "the safetensors file holds no graph (metadata key '\(Self.graphKey)')",
                hint: "archives are made by importing an ONNX model")
        }
        self.metadata = metadata
        do {
            model = try graph.withUTF8 { text in
                try ArchiveDecoder(arrays).model(UnsafeRawBufferPointer(text))
            }
        } catch let fault as DecodingFault {
            throw ModelFileError(
                file: file.path, cause: fault.rule, place: ([Self.graphKey] + fault.places).joined(separator: ", "),
                hint: fault.hint)
        } catch let error as JSONError {
            throw ModelFileError(file: file.path, cause: error.description, place: Self.graphKey)
        }
    }

    /// Writes `model` as an archive at `path`, replacing the file there in one step. Equal models give equal bytes.
    /// - Parameter metadata: further texts for the file's metadata, by key.
    /// - Throws: `FileError` if the file cannot be written, `ArrayFileError` if a weight cannot stand in a safetensors file.
    public static func write(_ model: Model, to path: String, metadata: [String: String] = [:]) throws {
        let parts = parts(of: model, metadata)
        try SafetensorsFile.write(parts.arrays, metadata: parts.metadata, to: path)
    }

    /// Writes the same bytes into a sink, such as a pipe.
    package static func write(
        _ model: Model, into sink: inout some ByteSink & ~Copyable, metadata: [String: String] = [:]
    ) throws {
        let parts = parts(of: model, metadata)
        try SafetensorsFile.write(parts.arrays, metadata: parts.metadata, into: &sink, path: "output")
    }

    private static func parts(
        of model: Model, _ metadata: [String: String]
    ) -> (arrays: [(name: String, tensor: Tensor)], metadata: [String: String]) {
        var encoder = ArchiveEncoder()
        let graph = encoder.text(model)
        return (encoder.arrays, metadata.merging([graphKey: graph]) { _, graph in graph })
    }
}
