import Testing

@testable import CNNTensors

@Suite("NPZ files")
struct NPZFileTests {
    func read(_ bytes: [UInt8]) throws -> NPZFile { try NPZFile(MappedFile(copying: bytes)) }

    /// The file that this package writes of two small arrays.
    func sample() throws -> [UInt8] {
        var sink = MemorySink()
        let arrays: [(name: String, tensor: Tensor)] = try [
            ("a", Tensor([1, 2, 3] as [Float])), ("b/c::ü", Tensor(scalar: Int64(-1))),
        ]
        try NPZFile.write(arrays, into: &sink, path: "memory")
        return sink.bytes
    }

    @Test("the stored arrays that NumPy wrote, with their ZIP64 local headers, are read")
    func stored() throws {
        let file = try NPZFile(path: NumPyFixtures.folder + "/numpy.npz")
        #expect(file.names.count == 150)
        #expect(try file.tensor(named: ">f4/F/2.0") == NumPyFixtures.expected("f4"))
        #expect(throws: ArrayFileError(path: file.path, reason: .missing(name: "f4"))) { try file.tensor(named: "f4") }
    }

    @Test("the deflated arrays that NumPy wrote are read")
    func deflated() throws {
        let file = try NPZFile(path: NumPyFixtures.folder + "/deflated.npz")
        #expect(file.names == ["zeros", "ramp", "scalar", "empty"])
        #expect(try file.tensor(named: "zeros") == Tensor(Array(repeating: Float(0), count: 4096), shape: Shape([64, 64])))
        #expect(try file.tensor(named: "ramp") == Tensor((0..<1000).map { Int32($0) }))
        #expect(try file.tensor(named: "scalar") == Tensor(scalar: 2.5))
        #expect(try file.tensor(named: "empty").shape.dimensions == [0, 3])
    }

    @Test("written arrays are read back equal, aligned, the same arrays giving the same bytes")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let arrays: [(name: String, tensor: Tensor)] = try [
            ("plain", Tensor((0..<100).map { Double($0) }, shape: Shape([10, 10]))),
            ("conv/1::weight ü", Tensor([-0.0, .nan, .infinity] as [Float])),
            ("", Tensor(scalar: UInt8(1))),
            ("none", Tensor([] as [Int32], shape: Shape([0, 5]))),
        ]
        let path = folder.file("a.npz")
        try NPZFile.write(arrays, to: path)
        let file = try NPZFile(path: path)
        #expect(file.names == arrays.map(\.name))
        for (name, tensor) in arrays { #expect(try file.tensor(named: name) == tensor) }
        try NPZFile.write(arrays, to: folder.file("b.npz"))
        #expect(try contents(path) == contents(folder.file("b.npz")))
        let archive = try contents(path).withUnsafeBytes { try ZIPArchive($0) }
        for entry in archive.entries { #expect(entry.storedRange.lowerBound % 64 == 0) }
    }

    @Test("a file without arrays is a file without names")
    func empty() throws {
        var sink = MemorySink()
        try NPZFile.write([], into: &sink, path: "memory")
        #expect(try read(sink.bytes).names == [])
    }

    @Test("more entries than 16 bits count are written and read by ZIP64")
    func manyEntries() throws {
        let tensor = try Tensor(scalar: UInt8(1))
        var sink = MemorySink()
        try NPZFile.write((0..<65_536).map { ("\($0)", tensor) }, into: &sink, path: "memory")
        let file = try read(sink.bytes)
        #expect(file.names.count == 65_536)
        #expect(try file.tensor(named: "65535") == tensor)
    }

    @Test("names that stand twice or cannot be stored are refused before a file is made")
    func unwritable() throws {
        let folder = try TemporaryFolder()
        let tensor = try Tensor(scalar: UInt8(1))
        let cases: [[(name: String, tensor: Tensor)]] = try [
            [("a", tensor), ("a", tensor)], [(String(repeating: "a", count: 65_536), tensor)], [("a\0b", tensor)],
            [("half", Tensor(rounding: [1], to: .bfloat16, shape: .scalar))],
        ]
        for arrays in cases {
            #expect(throws: ArrayFileError.self) { try NPZFile.write(arrays, to: folder.file("a.npz")) }
            #expect(throws: FileError.self) { try MappedFile(path: folder.file("a.npz")) }
        }
    }

    @Test("a flipped bit in stored or deflated content is found by its checksum")
    func checksum() throws {
        var bytes = try sample()
        bytes[64 + 128] ^= 1
        let stored = #expect(throws: ArrayFileError.self) { try read(bytes).tensor(named: "a") }
        #expect(stored?.array == "a")
        var deflated = try contents(NumPyFixtures.folder + "/deflated.npz")
        let range = try deflated.withUnsafeBytes { try ZIPArchive($0).entries[1].storedRange }
        deflated[range.upperBound - 20] ^= 1
        #expect(throws: ArrayFileError.self) { try read(deflated).tensor(named: "ramp") }
    }

    @Test("a content size beyond what deflate can give is refused before memory is taken")
    func bomb() throws {
        var bytes = try contents(NumPyFixtures.folder + "/deflated.npz")
        let entry = try bytes.withUnsafeBytes { try ZIPArchive($0).entries[0] }
        let directory = try #require(bytes.firstRange(of: [0x50, 0x4B, 0x01, 0x02])).lowerBound
        func setSize(_ size: Int) {
            for index in 0..<4 { bytes[directory + 24 + index] = UInt8(truncatingIfNeeded: size >> (8 * index)) }
        }
        // Possible for deflate, but not the truth: found when it is unpacked.
        setSize(entry.storedRange.count * 1032)
        #expect(throws: ArrayFileError.self) { try read(bytes).tensor(named: "zeros") }
        setSize(entry.size - 1)
        #expect(throws: ArrayFileError.self) { try read(bytes).tensor(named: "zeros") }
        // Impossible for deflate: found when the file is opened.
        setSize(entry.storedRange.count * 1032 + 1)
        #expect(throws: ArrayFileError.self) { try read(bytes) }
    }

    @Test("entries that share bytes are refused")
    func overlap() throws {
        let inner = try Tensor(scalar: UInt8(1))
        var alone = MemorySink()
        try NPZFile.write([("b", inner)], into: &alone, path: "memory")
        // The content of 'a' holds a whole entry 'b'; then the directory's record of 'b' is turned to it.
        var sink = MemorySink()
        try NPZFile.write([("a", Tensor(alone.bytes)), ("b", inner)], into: &sink, path: "memory")
        var bytes = sink.bytes
        let hidden = try bytes.withUnsafeBytes { try ZIPArchive($0).entries[0].storedRange.lowerBound } + 128
        let records = bytes.indices.filter { bytes[$0...].starts(with: [0x50, 0x4B, 0x01, 0x02]) }
        let record = try #require(records.last)
        for index in 0..<4 { bytes[record + 42 + index] = UInt8(truncatingIfNeeded: hidden >> (8 * index)) }
        let error = #expect(throws: ArrayFileError.self) { try read(bytes) }
        #expect(error?.description.contains("overlap") == true)
    }

    @Test("encrypted entries, unknown methods and a second disk are named as unsupported")
    func unsupported() throws {
        let original = try sample()
        let record = try #require(original.firstRange(of: [0x50, 0x4B, 0x01, 0x02])).lowerBound
        for (offset, value) in [(8, 1), (10, 12), (34, 1)] as [(Int, UInt8)] {
            var bytes = original
            bytes[record + offset] = value
            let error = #expect(throws: ArrayFileError.self) { try read(bytes) }
            guard case .unsupported? = error?.reason else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test("a file cut at any byte is an error")
    func truncated() throws {
        let bytes = try sample()
        for count in 0..<bytes.count {
            #expect(throws: ArrayFileError.self) { try read(Array(bytes.prefix(count))) }
        }
    }

    @Test("a damaged file is either read or a typed error, never a trap")
    func damaged() throws {
        let originals = try [sample(), contents(NumPyFixtures.folder + "/deflated.npz")]
        var mutation = FileMutation(seed: 3)
        var (openedCount, readCount) = (0, 0)
        for round in 0..<20_000 {
            let bytes = mutation.damaged(originals[round % 2])
            do {
                let file = try read(bytes)
                openedCount += 1
                for name in file.names {
                    do {
                        _ = try file.tensor(named: name)
                        readCount += 1
                    } catch is ArrayFileError {}
                }
            } catch is ArrayFileError {}
        }
        #expect(openedCount > 100 && readCount > 100)
    }

    @Test("the kind of a file is told by its content")
    func detection() throws {
        let folder = try TemporaryFolder()
        let tensor = try Tensor([1, 2] as [Float])
        let (npy, npz, safetensors) = (folder.file("a"), folder.file("b"), folder.file("c"))
        try NPYFile.write(tensor, to: npy)
        try NPZFile.write([("x", tensor)], to: npz)
        try SafetensorsFile.write([("x", tensor), ("y", tensor)], to: safetensors)
        #expect(try ArrayFile(path: npy).format == .npy)
        #expect(try ArrayFile(path: npy).names == nil)
        #expect(try ArrayFile(path: npy).onlyTensor() == tensor)
        #expect(try ArrayFile(path: npz).format == .npz)
        #expect(try ArrayFile(path: npz).onlyTensor() == tensor)
        #expect(try ArrayFile(path: safetensors).format == .safetensors)
        #expect(try ArrayFile(path: safetensors).onlyTensor() == nil)
        #expect(try ArrayFile(path: safetensors).tensor(named: "y") == tensor)
        #expect(throws: ArrayFileError.self) { try ArrayFile(path: folder.file("d", Array("plain text".utf8))) }
        #expect(ArrayFile.Format(suffixOf: "out.NPZ") == .npz)
        #expect(ArrayFile.Format(suffixOf: "out.txt") == nil)
    }
}
