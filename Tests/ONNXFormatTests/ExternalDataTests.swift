import CNNModels
import CNNTensors
import Foundation
import ONNXFormat
import Testing

/// Tensors in files beside the model: what is inside the folder is read, what leads out of it never.
@Suite struct ExternalDataTests {
    private func model(_ entries: [(String, String)], shape: [UInt64] = [4]) -> [UInt8] {
        let external = entries.flatMap { Wire.field(13, Wire.field(1, $0.0) + Wire.field(2, $0.1)) }
        return Wire.model(initializer: Wire.tensor(shape, type: 2, Wire.field(8, "w") + external + Wire.field(14, varint: 1)))
    }

    private func weights(_ path: String) throws -> [UInt8] {
        try ONNXReader.model(at: path).graph.initializers[0].tensor.elements(as: UInt8.self)
    }

    private func cause(_ path: String) throws -> String {
        let error = try #require(throws: ModelFileError.self) { try ONNXReader.model(at: path) }
        #expect(error.place == "initializer 'w'")
        return error.cause
    }

    @Test func offsetAndLengthAreHonoured() throws {
        let folder = try TemporaryFolder()
        try folder.folder("sub")
        try folder.write([9, 9, 1, 2, 3, 4, 9], to: "sub/w.bin")
        try folder.write(
            model([("location", "./sub/w.bin"), ("offset", "2"), ("length", "4"), ("other", "kept out")]), to: "m.onnx")
        #expect(try weights(folder.path("m.onnx")) == [1, 2, 3, 4])
    }

    @Test func manyTensorsShareOneMapping() throws {
        let folder = try TemporaryFolder()
        let graph = Graph(
            name: "g",
            initializers: try (0..<3).map {
                NamedTensor(name: "w\($0)", tensor: try Tensor([UInt8](repeating: UInt8($0), count: 5_000)))
            })
        let model = Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: graph)
        let receipt = try ONNXWriter.write(
            model, to: folder.path("m.onnx"), options: ONNXWriter.Options(externalDataThreshold: 1_024))
        #expect(receipt.externalDataPath == folder.path("m.onnx.data"))
        #expect(receipt.byteCount < 1_000)
        // Each tensor begins on a page of its own.
        #expect(try folder.bytes("m.onnx.data").count == 2 * 8_192 + 5_000)
        let read = try ONNXReader.model(at: folder.path("m.onnx"))
        #expect(read.graph.initializers.map(\.storage) == [.external, .external, .external])
        #expect(read.graph.initializers.map(\.tensor) == graph.initializers.map(\.tensor))
        // Written as one file again, nothing tells that it ever was two.
        #expect(try ONNXWriter.bytes(of: read) == ONNXWriter.bytes(of: model))
    }

    @Test func aFileIsReadOnceHoweverItIsSpelled() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3, 4], to: "w.bin")
        let spellings = (0..<100).map { String(repeating: "./", count: $0) + String(repeating: "/", count: $0 % 2) + "w.bin" }
        let tensors = spellings.map { spelling in
            let location = Wire.field(13, Wire.field(1, "location") + Wire.field(2, spelling))
            return Wire.field(5, Wire.tensor([4], type: 2, Wire.field(8, "w") + location + Wire.field(14, varint: 1)))
        }
        try folder.write(Wire.model(graph: tensors.flatMap { $0 }), to: "m.onnx")
        let model = try ONNXReader.model(at: folder.path("m.onnx"))
        let starts = Set(model.graph.initializers.map { $0.tensor.withUnsafeBytes { $0.baseAddress } })
        #expect(model.graph.initializers.count == 100)
        #expect(starts.count == 1)
    }

    @Test func filesWhoseNamesOnlyLookTheSameStayDifferent() throws {
        let folder = try TemporaryFolder()
        // An e with an accent as one character and as two; where the disk takes them for one name there is nothing to test.
        try folder.write([1], to: "\u{E9}")
        try folder.write([2], to: "e\u{301}")
        guard folder.names.count == 2 else { return }
        let tensors = ["\u{E9}", "e\u{301}"].map { name in
            let location = Wire.field(13, Wire.field(1, "location") + Wire.field(2, name))
            return Wire.field(5, Wire.tensor([1], type: 2, Wire.field(8, "w") + location + Wire.field(14, varint: 1)))
        }
        try folder.write(Wire.model(graph: tensors.flatMap { $0 }), to: "m.onnx")
        let model = try ONNXReader.model(at: folder.path("m.onnx"))
        #expect(try model.graph.initializers.map { try $0.tensor.elements(as: UInt8.self) } == [[1], [2]])
    }

    private func write(_ path: String, _ values: [UInt8]) throws -> ONNXWriter.Receipt {
        let graph = Graph(name: "g", initializers: [NamedTensor(name: "w", tensor: try Tensor(values))])
        return try ONNXWriter.write(
            Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: graph), to: path,
            options: ONNXWriter.Options(externalDataThreshold: 1))
    }

    @Test func behindALinkTheDataLiesBesideTheModelItself() throws {
        let folder = try TemporaryFolder()
        try folder.folder("real")
        try folder.link("link.onnx", to: "real/m.onnx")
        let receipt = try write(folder.path("link.onnx"), [1, 2])
        #expect(receipt.path == folder.path("link.onnx"))
        #expect(receipt.externalDataPath == folder.path("real/m.onnx.data"))
        #expect(folder.names == ["link.onnx", "real"])
        // It is found by the link and by the path.
        #expect(try weights(folder.path("link.onnx")) == [1, 2])
        #expect(try weights(folder.path("real/m.onnx")) == [1, 2])
    }

    @Test func theDataIsNamedAfterTheModelWhateverItsNameBeginsWith() throws {
        let folder = try TemporaryFolder()
        try folder.folder("sub")
        _ = try write(folder.path("sub/\u{301}m.onnx"), [1, 2])
        #expect(try weights(folder.path("sub/\u{301}m.onnx")) == [1, 2])
    }

    /// A tensor with elements of its own and a place in another file that no longer counts.
    @Test func whatWasSaidOfAnotherPlaceIsDroppedWithTheElements() throws {
        let folder = try TemporaryFolder()
        let leftover = Wire.field(13, Wire.field(1, "location") + Wire.field(2, "old.bin"))
        let unknown = Wire.field(900, "kept")
        let tensor = Wire.tensor([2], type: 2, Wire.field(8, "w") + Wire.field(9, [1, 2]) + leftover + unknown)
        let bytes = Wire.model(initializer: tensor)
        let model = try ONNXReader.model(bytes: bytes)
        let read = try ONNXReader.model(bytes: ONNXWriter.bytes(of: model))
        #expect(read == model)
        try ONNXWriter.write(
            model, to: folder.path("m.onnx"), options: ONNXWriter.Options(externalDataThreshold: 1))
        #expect(try weights(folder.path("m.onnx")) == [1, 2])
        let moved = try ONNXReader.model(at: folder.path("m.onnx")).graph.initializers[0]
        #expect(moved.details.unknownFields == unknown)
    }

    @Test(arguments: [
        ("/etc/hostname", "the path is absolute"), ("../w.bin", "contains '..'"), ("sub/../../w.bin", "contains '..'"),
        ("", "no file name"), (".", "no file name"), ("link.bin", "must not be a symbolic link"),
        ("linked/w.bin", "is not a folder"), ("hard.bin", "must not be a hard link"), ("sub", "is a folder"),
        ("pipe", "is a FIFO"), ("absent.bin", "no such file"), ("w.bin/x", "is not a folder"),
        // A combining mark makes another character of the '/' before it, but not another byte.
        ("../\u{301}w.bin", "contains '..'"), ("sub/../\u{301}../\u{301}w.bin", "contains '..'"),
        ("/\u{301}w.bin", "the path is absolute"),
    ])
    func whatLeavesTheFolderIsRefused(location: String, rule: String) throws {
        let folder = try TemporaryFolder()
        try folder.folder("outside")
        try folder.folder("inside/sub")
        for name in ["outside/w.bin", "outside/hard.bin", "inside/w.bin", "w.bin", "\u{301}w.bin"] {
            try folder.write([1, 2, 3, 4], to: name)
        }
        try folder.link("inside/link.bin", to: "../outside/w.bin")
        try folder.link("inside/linked", to: "../outside")
        try FileManager.default.linkItem(atPath: folder.path("outside/hard.bin"), toPath: folder.path("inside/hard.bin"))
        #expect(mkfifo(folder.path("inside/pipe"), 0o600) == 0)
        try folder.write(model([("location", location)]), to: "inside/m.onnx")
        #expect(try cause(folder.path("inside/m.onnx")).contains(rule))
    }

    @Test(arguments: [
        ([("location", "w.bin"), ("offset", "1")], "has 4 bytes, but the tensor takes 4 from byte 1 on"),
        ([("location", "w.bin"), ("offset", "9223372036854775807")], "from byte 9223372036854775807 on"),
        ([("location", "w.bin"), ("offset", "99999999999999999999")], "not a number of bytes"),
        ([("location", "w.bin"), ("offset", "-1")], "not a number of bytes"),
        ([("location", "w.bin"), ("offset", "+1")], "not a number of bytes"),
        ([("location", "w.bin"), ("length", "3")], "takes 4 bytes, but external data 'w.bin' has 3"),
        ([("location", "w.bin"), ("location", "w.bin")], "'location' twice"), ([], "no 'location'"),
    ])
    func wrongRangesAreRefused(entries: [(String, String)], rule: String) throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3, 4], to: "w.bin")
        try folder.write(model(entries), to: "m.onnx")
        #expect(try cause(folder.path("m.onnx")).contains(rule))
    }

    /// The Hugging Face cache: model and data are links into one folder of blobs.
    @Test func linksIntoTheModelsOwnBlobFolderAreFollowed() throws {
        let folder = try TemporaryFolder()
        try folder.folder("blobs")
        try folder.folder("elsewhere")
        try folder.folder("snapshots/main")
        try folder.write(model([("location", "model.onnx_data")]), to: "blobs/aaa")
        try folder.write([1, 2, 3, 4], to: "blobs/bbb")
        try folder.write([5, 6, 7, 8], to: "elsewhere/ccc")
        try folder.link("snapshots/main/model.onnx", to: "../../blobs/aaa")
        try folder.link("snapshots/main/model.onnx_data", to: "../../blobs/bbb")
        #expect(try weights(folder.path("snapshots/main/model.onnx")) == [1, 2, 3, 4])

        try FileManager.default.removeItem(atPath: folder.path("snapshots/main/model.onnx_data"))
        try folder.link("snapshots/main/model.onnx_data", to: "../../elsewhere/ccc")
        #expect(try cause(folder.path("snapshots/main/model.onnx")).contains("must not be a symbolic link"))
    }

    @Test func aModelWithoutAFolderHasNoExternalData() throws {
        let error = try #require(throws: ModelFileError.self) { try ONNXReader.model(bytes: model([("location", "w.bin")])) }
        #expect(error.cause.contains("the model came without a folder"))
    }
}
