import CNNModels
import CNNTensors

/// Writes ONNX files. Equal models give equal bytes; weights go from where they lie straight to the file.
public enum ONNXWriter {
    /// How a model is written.
    public struct Options: Sendable {
        /// Initializers of at least this many bytes go to a file beside the model, named like it with `.data` appended. Nil
        /// keeps everything in one file, unless that would pass 2 GiB, which protobuf cannot hold.
        public var externalDataThreshold: Int?

        /// One file, unless a threshold is given.
        public init(externalDataThreshold: Int? = nil) {
            self.externalDataThreshold = externalDataThreshold
        }
    }

    /// What was written.
    public struct Receipt: Sendable, Hashable {
        /// The model file.
        public let path: String
        /// Bytes of the model file.
        public let byteCount: Int
        /// SHA-256 of the model file, 64 hexadecimal digits.
        public let sha256: String
        /// The file beside it that holds weights, if there is one.
        public let externalDataPath: String?
        /// SHA-256 of all weights; see `weightsDigest`.
        public let weightsSHA256: String
    }

    /// The longest message that protobuf's own parsers read.
    private static let messageLimit = Int(Int32.max)
    /// The threshold where external data is needed but none was asked for, the one of ONNX's own tools.
    private static let defaultThreshold = 1024

    /// Writes `model` at `path`, replacing the file there in one step. External data takes its place immediately before that,
    /// when both are on the disk; where `path` is a link, both lie where it leads.
    /// - Throws: `FileError` when a file cannot be written, `ModelFileError` when the model holds what the format cannot.
    @discardableResult
    public static func write(_ model: Model, to path: String, options: Options = Options()) throws -> Receipt {
        let weights = BackgroundDigest { weightsDigest(model) }
        defer { withExtendedLifetime(model) {} }
        let file = try PreparedFile(path)
        let dataPath = dataPath(beside: file.target)
        let (encoder, layout) = try encoder(for: model, path: path, dataName: FilePath.name(of: dataPath), options)
        var hash = SHA256()
        var byteCount = 0
        try file.write { writer in
            try located(path) {
                try withUnsafeMutablePointer(to: &writer) { writer in
                    try withUnsafeMutablePointer(to: &hash) { hash in
                        let sink = WireSink { bytes in
                            hash.pointee.update(bytes)
                            try writer.pointee.write(bytes)
                        }
                        try encoder.encode(model, into: sink)
                        byteCount = sink.count
                    }
                }
            }
        }
        let dataFile = try layout.map { try prepare($0, at: dataPath) }
        try dataFile?.takePlace()
        try file.takePlace()
        try dataFile?.synchronizeFolder()
        try file.synchronizeFolder()
        return Receipt(
            path: path, byteCount: byteCount, sha256: hash.finish(), externalDataPath: dataFile.map { _ in dataPath },
            weightsSHA256: weights.value())
    }

    /// Where `write` puts weights beside the model at `path`; nil if it puts none there.
    /// - Throws: `FileError` when `path` is no place for a file, `ModelFileError` when the model holds what the format cannot.
    package static func externalDataPath(of model: Model, at path: String, options: Options = Options()) throws -> String? {
        defer { withExtendedLifetime(model) {} }
        let dataPath = dataPath(beside: try PreparedFile.resolvingLinks(path))
        let (_, layout) = try encoder(for: model, path: path, dataName: FilePath.name(of: dataPath), options)
        return layout.map { _ in dataPath }
    }

    private static func dataPath(beside target: String) -> String {
        FilePath.neighbour(of: target, named: FilePath.name(of: target) + ".data")
    }

    /// The bytes of `model` as one file.
    /// - Throws: `ModelFileError` when the model holds what the format cannot, or passes 2 GiB.
    public static func bytes(of model: Model) throws -> [UInt8] {
        var sink = MemorySink()
        try write(model, into: &sink)
        return sink.bytes
    }

    /// Writes `model` as one file into a sink, such as a pipe, weights from where they lie.
    /// - Throws: `ModelFileError` when the model holds what the format cannot, or passes 2 GiB; what the sink throws.
    package static func write(_ model: Model, into sink: inout some ByteSink & ~Copyable) throws {
        defer { withExtendedLifetime(model) {} }
        let encoder = ModelEncoder(externalData: nil)
        try located("output") {
            guard try fits({ try encoder.encode(model, into: $0) }) else {
                throw DecodingFault(
                    "the model passes 2 GiB, which protobuf cannot hold",
                    hint: "written to a file, it can have its weights in another beside it")
            }
            try withUnsafeMutablePointer(to: &sink) { sink in
                try encoder.encode(model, into: WireSink { try sink.pointee.write($0) })
            }
        }
    }

    /// Writes one tensor as a `TensorProto`, as ONNX's test cases have them.
    /// - Throws: `FileError`, `ModelFileError`.
    public static func write(_ tensor: NamedTensor, to path: String) throws {
        try AtomicFile.write(try bytes(of: tensor), to: path)
    }

    /// The bytes of one tensor as a `TensorProto`.
    /// - Throws: `ModelFileError` when the name or documentation holds what the format cannot, or the tensor passes 2 GiB.
    public static func bytes(of tensor: NamedTensor) throws -> [UInt8] {
        // The message lies in the encoder's memory and points to the tensor's.
        let encoder = ModelEncoder(externalData: nil)
        defer { withExtendedLifetime((encoder, tensor)) {} }
        var bytes: [UInt8] = []
        try located("output") {
            let message = try encoder.tensor(tensor)
            guard try fits({ try $0.fields(of: message) }) else {
                throw DecodingFault("the tensor '\(tensor.name)' passes 2 GiB, which protobuf cannot hold")
            }
            try withUnsafeMutablePointer(to: &bytes) { bytes in
                try WireSink { bytes.pointee.append(contentsOf: $0) }.fields(of: message)
            }
        }
        return bytes
    }

    /// SHA-256 over the elements of all initializers of the main graph, one after the other in file order: little-endian bytes
    /// as in `raw_data`, whatever field the file has them in; strings without separators. 64 hexadecimal digits.
    public static func weightsDigest(_ model: Model) -> String {
        var hash = SHA256()
        for initializer in model.graph.initializers {
            if let strings = try? initializer.tensor.strings() {
                for string in strings { string.withUnsafeBytes { hash.update($0) } }
            } else {
                initializer.tensor.withUnsafeBytes { hash.update($0) }
            }
        }
        return hash.finish()
    }

    // MARK: Parts

    private static func encoder(
        for model: Model, path: String, dataName: String, _ options: Options
    ) throws -> (ModelEncoder, ExternalDataLayout?) {
        for threshold in [options.externalDataThreshold, defaultThreshold] {
            let layout = threshold.map { ExternalDataLayout(fileName: dataName, threshold: $0) }
            let encoder = ModelEncoder(externalData: layout)
            if try located(path, { try fits { try encoder.encode(model, into: $0) } }) {
                return (encoder, layout?.places.isEmpty == false ? layout : nil)
            }
        }
        throw ModelFileError(file: path, cause: "without its weights the model passes 2 GiB, which protobuf cannot hold")
    }

    /// Whether protobuf's own parsers read a message of what `encode` appends. Nothing is copied to find out.
    private static func fits(_ encode: (WireSink) throws -> Void) throws -> Bool {
        let measure = WireSink()
        try encode(measure)
        return measure.count <= messageLimit
    }

    private static func prepare(_ layout: ExternalDataLayout, at path: String) throws -> PreparedFile {
        let file = try PreparedFile(path)
        try file.write { writer in
            for place in layout.places {
                try writer.write([UInt8](repeating: 0, count: place.offset - writer.count))
                let tensor = place.tensor
                try withUnsafeMutablePointer(to: &writer) { writer in
                    try tensor.withUnsafeBytes { try writer.pointee.write($0) }
                }
            }
        }
        return file
    }

    private static func located<Result>(_ file: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let fault as DecodingFault {
            throw ModelFileError(
                file: file, cause: fault.rule, place: fault.places.joined(separator: ", "), hint: fault.hint)
        }
    }
}
