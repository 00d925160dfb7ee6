/// A `.safetensors` file: a header of JSON that gives every array a name, a type, a shape and a range of bytes, then the bytes
/// (format of Hugging Face's `safetensors`). The file is mapped, and its arrays are views of it.
///
/// The whole header is checked when the file is opened: names stand once, ranges fit type and shape, lie in the file and
/// cover it without overlaps or holes.
public struct SafetensorsFile: Sendable {
    /// One array of the file.
    public struct Entry: Sendable, Hashable {
        /// The array's name; any text.
        public let name: String
        public let dataType: DataType
        public let shape: Shape
        /// Where the elements lie, in bytes from the start of the file.
        public let byteRange: Range<Int>
    }

    /// The file as the caller named it.
    public var path: String { file.path }
    /// The arrays, in the order of the header.
    public let entries: [Entry]
    /// Texts by key, from the header's `__metadata__`; empty if it has none.
    public let metadata: [String: String]

    /// What the file may still take in memory beside its header.
    package let memory: MemoryBudget
    private let file: MappedFile
    private let indices: [String: Int]

    /// Headers longer than this are refused, as the reference implementation does.
    static let headerLimit = 100_000_000
    /// No array has more axes: NumPy's limit, and 2 bytes of header an axis would otherwise become 8 in memory.
    package static let rankLimit = 64
    package static let metadataKey = "__metadata__"
    /// Bytes that a text of the metadata takes beside the texts themselves: its places in the set of keys, which finds those
    /// that stand twice, and in the dictionary. While a hash table grows it has four places an element.
    private static let metadataEntrySize = 4 * 3 * MemoryLayout<String>.stride
    /// Bytes that an array takes beside its name and sizes: the entry in lists that grow and are sorted, its places in the set
    /// of names and in the index, and the list of its sizes.
    private static let entrySize =
        4 * MemoryLayout<Entry>.stride + 4 * (2 * MemoryLayout<String>.stride + MemoryLayout<Int>.stride)
        + MemoryBudget.arrayOverhead

    /// Opens the file at `path` and checks its header.
    /// - Throws: `FileError` if it cannot be opened, `ArrayFileError` if it breaks a rule of the format.
    public init(path: String) throws {
        try self.init(MappedFile(path: path))
    }

    /// Reads the header of a file that is already in memory.
    /// - Throws: `ArrayFileError` if it breaks a rule of the format.
    public init(_ file: MappedFile) throws {
        let header = try Self.header(of: file)
        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        var memory = MemoryBudget(fileSize: file.bytes.count)
        func spend(_ byteCount: Int) throws {
            guard memory.spend(byteCount) else {
                throw ArrayFileError(
                    path: file.path,
                    reason: .malformed("the header would take memory out of proportion to the file's size"))
            }
        }
        do {
            var scanner = JSONScanner(UnsafeRawBufferPointer(rebasing: file.bytes[header]))
            try scanner.object { scanner, name in
                if name == Self.metadataKey {
                    try scanner.object { scanner, key in
                        let value = try scanner.string()
                        try spend(
                            Self.metadataEntrySize + MemoryBudget.heapSize(of: key) + MemoryBudget.heapSize(of: value))
                        metadata[key] = value
                    }
                } else {
                    let entry = try Self.entry(name, &scanner, file: file, dataStart: header.upperBound)
                    try spend(Self.entrySize + 8 * entry.shape.rank + MemoryBudget.heapSize(of: name))
                    entries.append(entry)
                }
            }
            try scanner.end()
        } catch let error as JSONError {
            throw ArrayFileError(path: file.path, reason: .malformed("the header is no valid JSON: \(error)"))
        }
        try Self.checkCoverage(entries, of: file, dataStart: header.upperBound)
        self.file = file
        self.entries = entries
        self.metadata = metadata
        self.memory = memory
        // The scanner has refused names that stand twice.
        indices = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    /// The names of the arrays, in the order of the header.
    public var names: [String] { entries.map(\.name) }

    /// The entry of this name; nil if there is none.
    public func entry(named name: String) -> Entry? { indices[name].map { entries[$0] } }

    /// The array of this name, as a view of the mapped file (a copy, if its bytes lie at an address unfit for its type).
    /// - Throws: `ArrayFileError` if there is none.
    public func tensor(named name: String) throws -> Tensor {
        guard let entry = entry(named: name) else { throw ArrayFileError(path: path, reason: .missing(name: name)) }
        return try tensor(entry)
    }

    /// All arrays with their names, in the order of the header.
    public func tensors() throws -> [(name: String, tensor: Tensor)] {
        try entries.map { (name: $0.name, tensor: try tensor($0)) }
    }

    private func tensor(_ entry: Entry) throws -> Tensor {
        let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[entry.byteRange])
        return try Tensor.viewing(entry.dataType, entry.shape, bytes, owner: file, path: path, array: entry.name)
    }
}

// MARK: - Checking the header

extension SafetensorsFile {
    private static func header(of file: MappedFile) throws -> Range<Int> {
        let bytes = file.bytes
        guard bytes.count >= 8 else {
            throw ArrayFileError(path: file.path, reason: .truncated(needed: 8, present: bytes.count))
        }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard length <= headerLimit else {
            throw ArrayFileError(
                path: file.path, reason: .malformed("the header's length, \(length) bytes, passes \(headerLimit)"))
        }
        let end = 8 + Int(length)
        guard end <= bytes.count else {
            throw ArrayFileError(path: file.path, reason: .truncated(needed: end, present: bytes.count))
        }
        guard end > 8, bytes[8] == UInt8(ascii: "{") else {
            throw ArrayFileError(path: file.path, reason: .malformed("the header does not begin with '{'"))
        }
        return 8..<end
    }

    private static func entry(
        _ name: String, _ scanner: inout JSONScanner, file: MappedFile, dataStart: Int
    ) throws -> Entry {
        func fault(_ rule: String) -> ArrayFileError {
            ArrayFileError(path: file.path, array: name, reason: .malformed(rule))
        }
        var typeName: String?
        var dimensions: [Int]?
        var offsets: [Int]?
        try scanner.object { scanner, key in
            switch key {
            case "dtype": typeName = try scanner.string()
            case "shape": dimensions = try integers(&scanner, limit: rankLimit, fault("it has more than \(rankLimit) axes"))
            case "data_offsets": offsets = try integers(&scanner, limit: 2, fault("'data_offsets' has more than two numbers"))
            default: throw fault("the key '\(key)' is unknown")
            }
        }
        guard let typeName, let dimensions, let offsets else {
            throw fault("one of 'dtype', 'shape' and 'data_offsets' is missing")
        }
        guard let dataType = DataType(safetensorsName: typeName) else {
            throw ArrayFileError(
                path: file.path, array: name, reason: .unsupported("the element type '\(typeName)' is unknown"))
        }
        guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1] else {
            throw fault("'data_offsets' \(offsets) is no range")
        }
        let dataCount = file.bytes.count - dataStart
        guard offsets[1] <= dataCount else {
            throw ArrayFileError(
                path: file.path, array: name, reason: .truncated(needed: offsets[1], present: dataCount))
        }
        do {
            let shape = try Shape(dimensions)
            let (bits, overflow) = shape.elementCount.multipliedReportingOverflow(by: dataType.bitWidth ?? 0)
            guard !overflow, bits % 8 == 0, bits / 8 == offsets[1] - offsets[0] else {
                throw fault("\(typeName)\(shape) does not take the \(offsets[1] - offsets[0]) bytes of its range")
            }
            return Entry(
                name: name, dataType: dataType, shape: shape,
                byteRange: (dataStart + offsets[0])..<(dataStart + offsets[1]))
        } catch let error as TensorError {
            throw fault("\(error)")
        }
    }

    private static func integers(
        _ scanner: inout JSONScanner, limit: Int, _ excess: @autoclosure () -> ArrayFileError
    ) throws -> [Int] {
        var values: [Int] = []
        try scanner.array { scanner in
            if values.count == limit { throw excess() }
            values.append(try scanner.integer())
        }
        return values
    }

    /// The ranges must follow one another from the first byte behind the header to the last of the file, so that no byte has
    /// two meanings and none has none.
    private static func checkCoverage(_ entries: [Entry], of file: MappedFile, dataStart: Int) throws {
        let byPosition = entries.sorted {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
        }
        var position = dataStart
        for entry in byPosition {
            let start = entry.byteRange.lowerBound
            guard start == position else {
                let fault = start < position ? "its bytes overlap those of another array" : "unused bytes lie before its own"
                throw ArrayFileError(path: file.path, array: entry.name, reason: .malformed(fault))
            }
            position = entry.byteRange.upperBound
        }
        guard position == file.bytes.count else {
            throw ArrayFileError(
                path: file.path,
                reason: .malformed("\(file.bytes.count - position) bytes at the end belong to no array"))
        }
    }
}

// MARK: - Element types

extension DataType {
    private static let safetensorsNames: [(type: DataType, name: String)] = [
        (.bool, "BOOL"), (.float4e2m1, "F4"), (.float6e2m3, "F6_E2M3"), (.float6e3m2, "F6_E3M2"), (.uint8, "U8"),
        (.int8, "I8"), (.float8e5m2, "F8_E5M2"), (.float8e4m3fn, "F8_E4M3"), (.float8e8m0, "F8_E8M0"),
        (.float8e4m3fnuz, "F8_E4M3FNUZ"), (.float8e5m2fnuz, "F8_E5M2FNUZ"), (.int16, "I16"), (.uint16, "U16"),
        (.float16, "F16"), (.bfloat16, "BF16"), (.int32, "I32"), (.uint32, "U32"), (.float32, "F32"), (.complex64, "C64"),
        (.float64, "F64"), (.int64, "I64"), (.uint64, "U64"),
    ]

    /// The type's name in safetensors headers; nil if the format has no such type.
    package var safetensorsName: String? { Self.safetensorsNames.first { $0.type == self }?.name }

    /// The type of this name in safetensors headers; nil if there is none.
    package init?(safetensorsName: String) {
        guard let match = Self.safetensorsNames.first(where: { $0.name == safetensorsName }) else { return nil }
        self = match.type
    }
}
