import Testing

@testable import CNNTensors

@Suite("NPY files")
struct NPYFileTests {
    /// A version 1.0 file with this header text.
    static func bytes(header: String, data: [UInt8] = [], version: UInt8 = 1) -> [UInt8] {
        let text = Array(header.utf8)
        let length = [UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + (version == 1 ? [] : [0, 0])
        return NPYHeader.magic + [version, 0] + length + text + data
    }

    func read(_ bytes: [UInt8]) throws -> Tensor { try NPYFile.read(MappedFile(copying: bytes)) }

    func read(header: String, data: [UInt8]) throws -> Tensor { try read(Self.bytes(header: header, data: data)) }

    @Test("every type, byte order, axis order and version that NumPy writes is read")
    func everyNumPyFile() throws {
        let files = try NumPyFixtures.npyFiles()
        // 14 types; the 11 wider than a byte in two byte orders; two axis orders, three versions.
        #expect(files.count == (14 + 11) * 2 * 3)
        for (name, bytes) in files {
            let code = name.dropFirst().prefix { $0 != "/" }
            #expect(try read(bytes) == NumPyFixtures.expected(String(code)), "\(name)")
        }
    }

    @Test("what is written is byte for byte what NumPy writes")
    func sameBytesAsNumPy() throws {
        for (name, bytes) in try NumPyFixtures.npyFiles() where name.hasPrefix("<") && name.hasSuffix("/C/1.0") {
            let code = name.dropFirst().prefix { $0 != "/" }
            var sink = MemorySink()
            try NPYFile.write(NumPyFixtures.expected(String(code)), into: &sink, path: name)
            #expect(sink.bytes == bytes, "\(name)")
        }
    }

    @Test("shapes without axes, with one axis and with zero elements keep their meaning")
    func unusualShapes() throws {
        let folder = try TemporaryFolder()
        for shape: [Int] in [[], [1], [0], [3, 0, 2], Array(repeating: 1, count: 64)] {
            let tensor = try Tensor(Array(repeating: Float(7), count: Shape(shape).elementCount), shape: Shape(shape))
            let path = folder.file("a.npy")
            try NPYFile.write(tensor, to: path)
            #expect(try NPYFile.read(path) == tensor)
        }
        let one = try read(header: "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", data: [0, 0, 0x80, 0x3F])
        #expect(one.shape == .scalar)
        #expect(try one.elements(as: Float.self) == [1])
    }

    @Test("a large array in our order is mapped, not copied")
    func mapped() throws {
        let folder = try TemporaryFolder()
        let tensor = try Tensor((0..<600_000).map { Float($0) }, shape: Shape([600, 1000]))
        try NPYFile.write(tensor, to: folder.file("a.npy"))
        let file = try MappedFile(path: folder.file("a.npy"))
        let read = try NPYFile.read(file)
        #expect(read == tensor)
        let start = try #require(file.bytes.baseAddress)
        read.withUnsafeBytes { #expect($0.baseAddress == start + 128) }
        withExtendedLifetime(file) {}
    }

    @Test(
        "a header's keys come in any order, with any quotes and spaces, and sizes as Python 2 wrote them",
        arguments: [
            "{'shape': (2,), 'fortran_order': False, 'descr': '<u2'}",
            "{\"descr\":\"<u2\",\"shape\":(2,),\"fortran_order\":True,}",
            " { 'fortran_order' : False , 'descr' : 'u2' , 'shape' : ( 2L , ) , } \n",
            "{'descr': '=u2', 'fortran_order': False, 'shape': (2,)}",
            "{'descr': '|u2', 'fortran_order': False, 'shape': (2,)}",
        ])
    func headerVariants(header: String) throws {
        #expect(try read(header: header, data: [1, 0, 0, 1]) == Tensor([1, 256] as [UInt16]))
    }

    @Test(
        "a header that breaks a rule is an error",
        arguments: [
            "", "{", "{}", "[]", "'descr'", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
            "{'descr': '<f3', 'fortran_order': False, 'shape': (1,)}", "{'descr': '', 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').system('true'),)}",
            String(repeating: "(", count: 60_000), "{'descr': " + String(repeating: "[", count: 60_000),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (" + String(repeating: "1,", count: 65) + ")}",
        ])
    func refused(header: String) {
        #expect(throws: ArrayFileError.self) { try read(header: header, data: [0, 0, 0, 0]) }
    }

    @Test(
        "what is no number is refused with a hint at what to do",
        arguments: [
            ("'|O'", "convert"), ("[('a', '<f4')]", "each field"), ("'<V2'", "bfloat16"), ("'<f16'", "float64"),
            ("'<U3'", ".pb"), ("'|S3'", ".pb"), ("'<M8[ns]'", "int64"),
        ])
    func hints(descriptor: String, hint: String) {
        let header = "{'descr': \(descriptor), 'fortran_order': False, 'shape': (1,)}"
        let error = #expect(throws: ArrayFileError.self) { try read(header: header, data: [0, 0, 0, 0]) }
        #expect(error?.hint?.contains(hint) == true)
    }

    @Test("a pickle and other foreign files are named")
    func foreignFiles() {
        let pickle = #expect(throws: ArrayFileError.self) { try read([0x80, 0x04] + Array(repeating: 0, count: 20)) }
        #expect(pickle?.hint?.contains("pickle") == true)
        let zip = #expect(throws: ArrayFileError.self) { try read(Array("PK\u{3}\u{4}and more".utf8)) }
        #expect(zip?.hint?.contains(".npz") == true)
        #expect(throws: ArrayFileError.self) { try read(Self.bytes(header: "{}", version: 4)) }
    }

    @Test("a file that is too short or too long for its array is an error that says by how much")
    func wrongLength() throws {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}"
        let short = #expect(throws: ArrayFileError.self) { try read(header: header, data: [0, 0, 0, 0, 0, 0, 0]) }
        #expect(short?.reason == .truncated(needed: 8, present: 7))
        #expect(throws: ArrayFileError.self) { try read(header: header, data: Array(repeating: 0, count: 9)) }
        let huge = "{'descr': '>f8', 'fortran_order': True, 'shape': (1000000, 1000000)}"
        let bomb = #expect(throws: ArrayFileError.self) { try read(header: huge, data: []) }
        #expect(bomb?.reason == .truncated(needed: 8_000_000_000_000, present: 0))
    }

    @Test("a file cut at any byte is an error")
    func truncated() throws {
        let (_, bytes) = try #require(try NumPyFixtures.npyFiles().first)
        for count in 0..<bytes.count {
            #expect(throws: ArrayFileError.self) { try read(Array(bytes.prefix(count))) }
        }
    }

    @Test("a type that NumPy has not is refused before a file is made")
    func unwritable() throws {
        let folder = try TemporaryFolder()
        let tensor = try Tensor(rounding: [1], to: .bfloat16, shape: .vector(1))
        let error = #expect(throws: ArrayFileError.self) { try NPYFile.write(tensor, to: folder.file("a.npy")) }
        #expect(error?.hint?.contains(".safetensors") == true)
        #expect(throws: FileError.self) { try MappedFile(path: folder.file("a.npy")) }
    }

    @Test("a damaged file is either read or a typed error, never a trap")
    func damaged() throws {
        let originals = try NumPyFixtures.npyFiles().map(\.bytes)
        var mutation = FileMutation(seed: 2)
        var readCount = 0
        for round in 0..<20_000 {
            let bytes = mutation.damaged(originals[round % originals.count])
            do {
                _ = try read(bytes).shape
                readCount += 1
            } catch is ArrayFileError {}
        }
        #expect(readCount > 100)
    }
}
