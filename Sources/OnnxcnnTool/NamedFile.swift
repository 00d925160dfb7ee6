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
        let file = try ArrayCollection(opening: path)
        return try file.names.indices.map { NamedArray(name: file.names[$0], tensor: try file.tensor(at: $0)) }
    }
}

/// The arrays of one file, read one at a time.
struct ArrayCollection {
    /// The arrays' names in the file; nil for an array without one.
    let names: [String?]
    private let content: Content

    private enum Content {
        case file(ArrayFile)
        case tensor(Tensor)
    }

    /// Opens the file at `path`; `-` reads stdin.
    init(opening path: String) throws {
        let file = path == "-" ? try MappedFile.standardInput() : try MappedFile(path: path)
        let isUnknownInput = path == "-" && ArrayFile.Format(detecting: file) == nil
        if path.hasSuffix(".pb") || isUnknownInput {
            let tensor = try ONNXReader.tensor(file)
            names = [tensor.name.isEmpty ? nil : tensor.name]
            content = .tensor(tensor.tensor)
            return
        }
        let arrays = try ArrayFile(file)
        if let names = arrays.names {
            self.names = names.filter { !$0.hasPrefix(Self.reservedPrefix) }
            content = .file(arrays)
        } else if let tensor = try arrays.onlyTensor() {
            names = [nil]
            content = .tensor(tensor)
        } else {
            names = []
            content = .file(arrays)
        }
    }

    /// The array at this place of `names`.
    func tensor(at index: Int) throws -> Tensor {
        switch content {
        case .tensor(let tensor): tensor
        case .file(let file): try file.tensor(named: names[index] ?? "")
        }
    }

    /// Arrays under such names describe the others, for example where they come from.
    private static let reservedPrefix = "onnxcnn."
}
