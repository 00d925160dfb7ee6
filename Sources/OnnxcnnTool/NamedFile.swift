import CNNTensors
import ONNXFormat

/// An argument `FILE` or `NAME=FILE`.
struct NamedFile {
    let name: String?
    let path: String

    /// - Parameter names: the names that may stand before the `=`. Paths may contain one too, so the text is split
    ///   only after a known name, or where no file has the whole text as its path.
    init(_ text: String, names: [String]) {
        for position in text.indices where text[position] == "=" && names.contains(String(text[..<position])) {
            name = String(text[..<position])
            path = String(text[text.index(after: position)...])
            return
        }
        if let position = text.firstIndex(of: "="), !FilePath.exists(text) {
            name = String(text[..<position])
            path = String(text[text.index(after: position)...])
        } else {
            name = nil
            path = text
        }
    }
}

/// Arrays as files hold them: `.npy`, `.npz` and `.safetensors`, told apart by content, and ONNX's `.pb`, told by its name.
enum ArrayReader {
    /// An array with its name in the file; a `.npy` file gives none.
    struct NamedArray {
        let name: String?
        let tensor: Tensor
    }

    /// The arrays of the file at `path`; `-` reads stdin.
    static func arrays(at path: String) throws -> [NamedArray] {
        let file = path == "-" ? try MappedFile.standardInput() : try MappedFile(path: path)
        let isUnknownInput = path == "-" && ArrayFile.Format(detecting: file) == nil
        if path.hasSuffix(".pb") || isUnknownInput {
            let tensor = try ONNXReader.tensor(file)
            return [NamedArray(name: tensor.name.isEmpty ? nil : tensor.name, tensor: tensor.tensor)]
        }
        let arrays = try ArrayFile(file)
        guard let names = arrays.names else {
            return try arrays.onlyTensor().map { [NamedArray(name: nil, tensor: $0)] } ?? []
        }
        return try names.filter { !$0.hasPrefix(reservedPrefix) }.map {
            NamedArray(name: $0, tensor: try arrays.tensor(named: $0))
        }
    }

    /// Arrays under such names describe the others, for example where they come from.
    private static let reservedPrefix = "onnxcnn."
}
