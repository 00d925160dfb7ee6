import Testing

@testable import CNNTensors

@Suite("Safetensors files")
struct SafetensorsFileTests {
    /// Made by Python's safetensors 0.8.0 and NumPy:
    /// `save({"conv/weight": arange(6, float32).reshape(2, 3) - 1, "flag": [True, False, True], "half": float16(-2.5),
    /// "empty": zeros((0, 4), int64), "brain": bfloat16([1.5])}, metadata={"format": "np", 'q"uo': "ä\n😀"})`
    static let header = ##"""
        {"__metadata__":{"q\"uo":"ä\n😀","format":"np"},"empty":{"dtype":"I64","shape":[0,4],"data_offsets":[0,0]},\##
        "conv/weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"brain":{"dtype":"BF16","shape":[1],\##
        "data_offsets":[24,26]},"half":{"dtype":"F16","shape":[],"data_offsets":[26,28]},"flag":{"dtype":"BOOL",\##
        "shape":[3],"data_offsets":[28,31]}}
        """##
    static let data: [UInt8] = [
        0x00, 0x00, 0x80, 0xBF, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x3F, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x40, 0x40,
        0x00, 0x00, 0x80, 0x40, 0xC0, 0x3F, 0x00, 0xC1, 0x01, 0x00, 0x01,
    ]

    static func bytes(header: String, data: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8) + data
    }

    func open(header: String, data: [UInt8] = []) throws -> SafetensorsFile {
        try SafetensorsFile(MappedFile(copying: Self.bytes(header: header, data: data)))
    }

    @Test("a file of Python's safetensors is read")
    func pythonFile() throws {
        let file = try open(header: Self.header, data: Self.data)
        #expect(file.names == ["empty", "conv/weight", "brain", "half", "flag"])
        #expect(file.metadata == ["format": "np", "q\"uo": "ä\n😀"])
        #expect(try file.tensor(named: "conv/weight") == Tensor([-1, 0, 1, 2, 3, 4] as [Float], shape: Shape([2, 3])))
        #expect(try file.tensor(named: "half").doubles() == [-2.5])
        #expect(try file.tensor(named: "half").shape == .scalar)
        #expect(try file.tensor(named: "brain").doubles() == [1.5])
        #expect(try file.tensor(named: "brain").dataType == .bfloat16)
        #expect(try file.tensor(named: "flag").integers() == [1, 0, 1])
        #expect(try file.tensor(named: "empty").shape.dimensions == [0, 4])
        #expect(throws: ArrayFileError(path: "memory", reason: .missing(name: "nothing"))) {
            try file.tensor(named: "nothing")
        }
    }

    @Test("a written file is read back equal, its arrays aligned, the same arrays giving the same bytes")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let arrays: [(name: String, tensor: Tensor)] = try [
            ("odd", Tensor([1, 2, 3] as [UInt8])),
            ("a/b::c\"\\ü", Tensor([0.5, -0.0, .nan] as [Double])),
            ("large", Tensor((0..<64).map { Float($0) }, shape: Shape([4, 4, 4]))),
            ("", Tensor(scalar: Int64.min)),
            ("none", Tensor([] as [Float], shape: Shape([3, 0]))),
            ("two", Tensor(rounding: [1, 2, 65504], to: .float16, shape: .vector(3))),
            ("packed", Tensor(dataType: .float4e2m1, shape: .vector(4)) { $0.copyBytes(from: [0x12, 0x34] as [UInt8]) }),
        ]
        let path = folder.file("a.safetensors")
        try SafetensorsFile.write(arrays, metadata: ["b": "2", "a": "1"], to: path)
        let file = try SafetensorsFile(path: path)
        #expect(file.names == arrays.map(\.name))
        #expect(file.metadata == ["a": "1", "b": "2"])
        for (name, tensor) in arrays { #expect(try file.tensor(named: name) == tensor) }
        for entry in file.entries {
            #expect(entry.byteRange.lowerBound % (entry.dataType.byteWidth ?? 1) == 0)
            if entry.byteRange.count % 64 == 0 { #expect(entry.byteRange.lowerBound % 64 == 0) }
        }
        let again = folder.file("b.safetensors")
        try SafetensorsFile.write(arrays, metadata: ["a": "1", "b": "2"], to: again)
        #expect(try contents(path) == contents(again))
    }

    @Test("arrays at odd addresses are copied to where their elements can be read")
    func unaligned() throws {
        let file = try open(
            header:
                #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}  "#,
            data: [7, 0, 0, 0x80, 0x3F])
        #expect(try file.tensor(named: "b").elements(as: Float.self) == [1])
    }

    @Test(
        "a header that breaks a rule is an error",
        arguments: [
            // Not an object, unfinished, followed by more.
            "[]", "{", "{}{}", "", "x",
            // A name or key that stands twice.
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[8],"shape":[4],"data_offsets":[0,4]}}"#,
            // Overlap, hole, bytes left over.
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#,
            #"{}"#,
            // Range and shape disagree; a range backwards, negative, past the end.
            #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}"#,
            #"{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}"#,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0]}}"#,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}"#,
            // Sizes that overflow, are negative, fractional or no numbers.
            #"{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":4,"data_offsets":[0,4]}}"#,
            // Unknown or missing keys, an unknown type, metadata that is no text.
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":1}}"#,
            #"{"a":{"dtype":"U8","data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"Q8","shape":[4],"data_offsets":[0,4]}}"#,
            #"{"__metadata__":{"a":1},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
        ])
    func refused(header: String) {
        #expect(throws: ArrayFileError.self) { try open(header: header, data: [1, 2, 3, 4]) }
    }

    @Test("a length that passes the file or the limit is an error before anything is read")
    func headerLength() {
        for length: UInt64 in [1, 1000, 100_000_001, UInt64(Int64.max), .max] {
            let bytes = withUnsafeBytes(of: length.littleEndian) { Array($0) }
            #expect(throws: ArrayFileError.self) { try SafetensorsFile(MappedFile(copying: bytes)) }
        }
        for count in 1..<8 {
            #expect(throws: ArrayFileError.self) {
                try SafetensorsFile(MappedFile(copying: Array(repeating: 0, count: count)))
            }
        }
    }

    @Test("a header whose texts or arrays would take much more memory than the file has bytes is refused")
    func memory() throws {
        let texts = (0..<300_000).map { "\"\($0)\":\"\"" }.joined(separator: ",")
        let entry = #"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#
        let arrays = (0..<250_000).map { "\"\($0)\":\(entry)" }.joined(separator: ",")
        for header in ["{\"__metadata__\":{\(texts)}}", "{\(arrays)}"] {
            let error = try #require(throws: ArrayFileError.self) { try open(header: header) }
            #expect(error.description.contains("out of proportion to the file's size"))
        }
    }

    @Test("what the format cannot hold is refused before a file is made")
    func unwritable() throws {
        let folder = try TemporaryFolder()
        let byte = try Tensor([1] as [UInt8])
        let cases: [[(name: String, tensor: Tensor)]] = try [
            [("a", byte), ("a", byte)],
            [("__metadata__", byte)],
            [("s", Tensor(strings: [[1]], shape: .vector(1)))],
            [("c", Tensor(dataType: .complex128, shape: .vector(0)) { _ in })],
            [("f", Tensor(dataType: .float4e2m1, shape: .vector(1)) { $0[0] = 1 })],
        ]
        for arrays in cases {
            let path = folder.file("a.safetensors")
            #expect(throws: ArrayFileError.self) { try SafetensorsFile.write(arrays, to: path) }
            #expect(throws: FileError.self) { try MappedFile(path: path) }
        }
    }

    @Test("a damaged file is either read or a typed error, never a trap")
    func damaged() throws {
        let original = Self.bytes(header: Self.header, data: Self.data)
        var mutation = FileMutation(seed: 1)
        var readCount = 0
        for _ in 0..<20_000 {
            let bytes = mutation.damaged(original)
            do {
                let file = try SafetensorsFile(MappedFile(copying: bytes))
                for (_, tensor) in try file.tensors() { _ = tensor.hashValue }
                readCount += 1
            } catch is ArrayFileError {}
        }
        // Some damage hits only element bytes; if none did, the mutations would not reach past the header.
        #expect(readCount > 100)
    }
}
