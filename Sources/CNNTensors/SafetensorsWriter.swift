extension SafetensorsFile {
    /// Writes these arrays under their names as a safetensors file, whole or not at all. The same arrays and metadata always
    /// give the same bytes. In the file, every array begins at a multiple of its element's width, and one whose size is a
    /// multiple of 64 bytes at a multiple of 64, so that a mapped file can be computed with as it is.
    /// - Throws: `ArrayFileError` for a name that stands twice or is reserved, or an element type the format has no name
    ///   for; `FileError` if the file cannot be written.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
    ) throws {
        let layout = try Layout(tensors, metadata: metadata, path: path)
        try AtomicFile.write(to: path) { writer in try layout.write(to: &writer) }
    }

    /// Writes the same bytes into a sink; `path` goes into errors.
    package static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:],
        into sink: inout some ByteSink & ~Copyable, path: String
    ) throws {
        try Layout(tensors, metadata: metadata, path: path).write(to: &sink)
    }

    /// The header, and the arrays in the order in which their bytes follow it.
    private struct Layout {
        private let header: [UInt8]
        private let tensors: [Tensor]

        init(_ tensors: [(name: String, tensor: Tensor)], metadata: [String: String], path: String) throws {
            // Arrays whose size has more factors of two come first: what lies before an array is then a multiple of every
            // power of two in its own size, and so of its element's width. Holes for alignment are not allowed.
            let order = tensors.indices.sorted {
                (-Self.factorsOfTwo(tensors[$0].tensor), $0) < (-Self.factorsOfTwo(tensors[$1].tensor), $1)
            }
            var ranges = [Range<Int>](repeating: 0..<0, count: tensors.count)
            var position = 0
            for index in order {
                let (end, overflow) = position.addingReportingOverflow(tensors[index].tensor.byteCount)
                guard !overflow else { throw ArrayFileError(path: path, reason: .unsupported("the arrays are too large")) }
                ranges[index] = position..<end
                position = end
            }
            header = try Self.header(tensors, ranges, metadata: metadata, path: path)
            self.tensors = order.map { tensors[$0].tensor }
        }

        func write(to sink: inout some ByteSink & ~Copyable) throws {
            try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try sink.write($0) }
            try sink.write(header)
            for tensor in tensors { try tensor.withUnsafeBytes { try sink.write($0) } }
        }

        private static func factorsOfTwo(_ tensor: Tensor) -> Int {
            // 64 bytes is the widest alignment that anybody asks for.
            min(tensor.byteCount.trailingZeroBitCount, 6)
        }

        private static func header(
            _ tensors: [(name: String, tensor: Tensor)], _ ranges: [Range<Int>], metadata: [String: String], path: String
        ) throws -> [UInt8] {
            var members: [JSON.Member] = []
            if !metadata.isEmpty {
                let sorted = metadata.sorted { $0.key < $1.key }
                members.append(JSON.Member(metadataKey, .object(sorted.map { JSON.Member($0.key, .string($0.value)) })))
            }
            var names: Set<String> = [metadataKey]
            for ((name, tensor), range) in zip(tensors, ranges) {
                func fault(_ reason: ArrayFileError.Reason, hint: String? = nil) -> ArrayFileError {
                    ArrayFileError(path: path, array: name, reason: reason, hint: hint)
                }
                guard names.insert(name).inserted else {
                    throw fault(.unsupported(name == metadataKey ? "the name is reserved" : "the name stands twice"))
                }
                guard let type = tensor.dataType.safetensorsName else {
                    throw fault(.unsupported("safetensors files cannot hold \(tensor.dataType) elements"))
                }
                guard let bits = tensor.dataType.bitWidth, tensor.shape.elementCount % 8 * bits % 8 == 0 else {
                    throw fault(.unsupported("\(tensor) does not fill whole bytes"))
                }
                guard tensor.shape.rank <= rankLimit else {
                    throw fault(.unsupported("\(tensor.shape.rank) axes are more than readers take (\(rankLimit))"))
                }
                members.append(
                    JSON.Member(
                        name,
                        [
                            "dtype": .string(type), "shape": .array(tensor.shape.dimensions.map(JSON.integer)),
                            "data_offsets": [.integer(range.lowerBound), .integer(range.upperBound)],
                        ]))
            }
            var header = Array(JSON.object(members).text().utf8)
            // Spaces up to a multiple of 64, so that the first array is aligned.
            let length = (8 + header.count + 63) / 64 * 64 - 8
            header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: length - header.count))
            guard header.count <= headerLimit else {
                throw ArrayFileError(
                    path: path, reason: .unsupported("names and metadata take more than \(headerLimit) bytes"))
            }
            return header
        }
    }
}
