import CNNModels
import CNNTensors
import ONNXFormat

/// Writes arrays in the format that the file's name asks for.
enum ArrayWriter {
    /// - Parameter path: ends in `.npz` or `.safetensors` for any number of arrays, in `.npy` or `.pb` for one; `-`
    ///   writes one as `.npy`, several as `.npz` to stdout.
    static func write(_ arrays: [(name: String, tensor: Tensor)], to path: String) throws {
        if path == "-" {
            var output = StandardOutputSink()
            if arrays.count == 1 {
                try NPYFile.write(arrays[0].tensor, into: &output, path: path)
            } else {
                try NPZFile.write(arrays, into: &output, path: path)
            }
            return
        }
        if path.hasSuffix(".pb") {
            let array = try only(arrays, path)
            try ONNXWriter.write(NamedTensor(name: array.name, tensor: array.tensor), to: path)
            return
        }
        switch ArrayFile.Format(suffixOf: path) {
        case .npy: try NPYFile.write(only(arrays, path).tensor, to: path)
        case .npz: try NPZFile.write(arrays, to: path)
        case .safetensors: try SafetensorsFile.write(arrays, to: path)
        case nil:
            throw ToolError(
                "the format of '\(path)' is not clear from its name", hint: "end it in .npy, .npz, .safetensors or .pb")
        }
    }

    private static func only(
        _ arrays: [(name: String, tensor: Tensor)], _ path: String
    ) throws -> (name: String, tensor: Tensor) {
        guard arrays.count == 1 else {
            throw ToolError(
                "'\(path)' holds one array, but there are \(arrays.count): \(arrays.map(\.name).joined(separator: ", "))",
                hint: "end the name in .npz")
        }
        return arrays[0]
    }
}
