import CNNModels
import CNNTensors
import ONNXFormat
import Testing

/// The native archive holds the whole model, is a sound safetensors file, and refuses what is neither.
@Suite struct ModelArchiveTests {
    @Test func everyKindOfEverythingSurvives() throws {
        let folder = try TemporaryFolder()
        let model = try SampleModel.model()
        try ModelArchive.write(model, to: folder.path("m.safetensors"), metadata: ["source": "m.onnx"])
        let archive = try ModelArchive(path: folder.path("m.safetensors"))
        #expect(archive.metadata == ["source": "m.onnx"])
        #expect(try ONNXWriter.bytes(of: archive.model) == ONNXWriter.bytes(of: model))
    }

    @Test func equalModelsGiveEqualBytes() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { try ModelArchive.write(try SampleModel.model(), to: folder.path(name)) }
        #expect(try folder.bytes("a") == folder.bytes("b"))
        var sink = MemorySink()
        try ModelArchive.write(try SampleModel.model(), into: &sink)
        #expect(try folder.bytes("a") == sink.bytes)
    }

    @Test func weightsStandUnderTheirNames() throws {
        let folder = try TemporaryFolder()
        let weights = try Tensor([Float](repeating: 0.5, count: 6), shape: Shape([2, 3]))
        let constant = Node(
            "Constant", inputs: [], outputs: ["/fc/Constant_output_0"],
            attributes: [Attribute("value", .tensor(NamedTensor(name: "", tensor: try Tensor(scalar: Float(2)))))])
        let graph = Graph(name: "g", nodes: [constant], initializers: [NamedTensor(name: "conv1.weight", tensor: weights)])
        try ModelArchive.write(
            Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: graph), to: folder.path("m"))
        let file = try SafetensorsFile(path: folder.path("m"))
        #expect(file.names.sorted() == ["/fc/Constant_output_0", "conv1.weight"])
        #expect(try file.tensor(named: "conv1.weight") == weights)
    }

    @Test func namesThatSafetensorsCannotTellApartAreNumbered() throws {
        let folder = try TemporaryFolder()
        let tensors = try ["w", "w", "", "__metadata__"].map { NamedTensor(name: $0, tensor: try Tensor([UInt8(1)])) }
        let model = Model(
            irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: Graph(name: "g", initializers: tensors))
        try ModelArchive.write(model, to: folder.path("m"))
        #expect(try SafetensorsFile(path: folder.path("m")).names == ["w", "w#2", "initializer", "__metadata__#2"])
        #expect(try ModelArchive(path: folder.path("m")).model == model)
    }

    @Test func aConstantsArrayIsNamedAsTheGraphKnowsIt() throws {
        let folder = try TemporaryFolder()
        let constants = try (0..<2).map { index in
            let value = NamedTensor(name: "value", tensor: try Tensor(scalar: Float(index)))
            return Node("Constant", inputs: [], outputs: ["c\(index)"], attributes: [Attribute("value", .tensor(value))])
        }
        let model = Model(
            irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: Graph(name: "g", nodes: constants))
        try ModelArchive.write(model, to: folder.path("m"))
        #expect(try SafetensorsFile(path: folder.path("m")).names == ["c0", "c1"])
        #expect(try ModelArchive(path: folder.path("m")).model == model)
    }

    @Test(.timeLimit(.minutes(1))) func thousandsOfTensorsOfOneNameAreNumberedAtOnce() throws {
        let folder = try TemporaryFolder()
        let tensor = NamedTensor(name: "w", tensor: try Tensor([UInt8(1)]))
        let graph = Graph(name: "g", initializers: Array(repeating: tensor, count: 100_000))
        try ModelArchive.write(
            Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: graph), to: folder.path("m"))
        #expect(try SafetensorsFile(path: folder.path("m")).names.last == "w#100000")
    }

    // MARK: Hostile archives

    /// The bytes of a safetensors file with this graph whose only array of use, `w`, lies at an odd address.
    private func misaligned(_ json: String, byteCount: Int) -> [UInt8] {
        var header = """
            {"__metadata__":{"onnxcnn.graph":\(JSON.string(json).text())},\
            "pad":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},\
            "w":{"dtype":"F32","shape":[\(byteCount / 4)],"data_offsets":[1,\(byteCount + 1)]}}
            """
        while header.utf8.count % 8 != 0 { header += " " }
        return withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
            + [UInt8](repeating: 0, count: byteCount + 1)
    }

    @Test func anArrayThatManyTensorsNameIsCopiedOnce() throws {
        let tensor = #"{"name":"w","type":"float32","shape":[250],"data":"w"}"#
        let list = Array(repeating: tensor, count: 50).joined(separator: ",")
        let json = #"{"version":1,"graph":{"initializers":[\#(list)]}}"#
        let model = try ModelArchive(MappedFile(copying: misaligned(json, byteCount: 1_000))).model
        let starts = Set(model.graph.initializers.map { $0.tensor.withUnsafeBytes { $0.baseAddress } })
        #expect(model.graph.initializers.count == 50)
        #expect(starts.count == 1)
    }

    private static let graph = #""graph":{"initializers":[{"name":"w","type":"uint8","shape":[2],"data":"w"}]}"#

    /// A file with an array `w` of two bytes and this JSON.
    private func open(_ json: String) throws -> ModelArchive {
        let folder = try TemporaryFolder()
        try SafetensorsFile.write(
            [("w", try Tensor([UInt8(1), 2]))], metadata: [ModelArchive.graphKey: json], to: folder.path("m"))
        return try ModelArchive(path: folder.path("m"))
    }

    @Test func theSmallestArchiveIsRead() throws {
        let model = try open("{\"version\":1,\(Self.graph)}").model
        #expect(try model.graph.initializers[0].tensor.elements(as: UInt8.self) == [1, 2])
    }

    @Test(arguments: [
        ("", "is missing: the text ends"), ("[]", "an object"), ("{\"version\":1}", "the member 'graph' is missing"),
        ("{\(graph),\"version\":1}", "the first member is 'graph', not 'version'"),
        ("{\"version\":2,\(graph)}", "version 2, but only version 1 is known"),
        ("{\"version\":1e400}", "a whole number is needed"),
        ("{\"version\":99999999999999999999}", "does not fit in 64 bits"),
        ("{\"version\":1,\(graph),\(graph)}", "stands twice"), ("{\"version\":1,\(graph),\"more\":1}", "'more' is unknown"),
        ("{\"version\":1,\(graph)}x", "the end"), (#"{"version":1,"graph":{"nodes":{}}}"#, "an array"),
        (#"{"version":1,"graph":{"nodes":[{"attributes":[{"name":"a"}]}]}}"#, "attribute 'a' has no value"),
        (#"{"version":1,"graph":{"nodes":[{"attributes":[{"int":1,"float":1}]}]}}"#, "has two values"),
        (#"{"version":1,"graph":{"nodes":[{"attributes":[{"float":"1"}]}]}}"#, "is no float32"),
        (#"{"version":1,"graph":{"nodes":[{"attributes":[{"kind":99,"int":1}]}]}}"#, "attribute type 99 is unknown"),
        (#"{"version":1,"graph":{"nodes":[{"unknownFields":"?"}]}}"#, "not valid base64"),
        (#"{"version":1,"graph":{"initializers":[{"type":"float99","data":"w"}]}}"#, "element type 'float99' is unknown"),
        (#"{"version":1,"graph":{"initializers":[{"type":"uint8","shape":[2]}]}}"#, "needs 'data'"),
        (#"{"version":1,"graph":{"initializers":[{"type":"string","data":"w"}]}}"#, "needs 'strings'"),
        (#"{"version":1,"graph":{"initializers":[{"type":"uint8","shape":[2],"data":"v"}]}}"#, "no array 'v'"),
        (#"{"version":1,"graph":{"initializers":[{"type":"uint8","shape":[3],"data":"w"}]}}"#, "which is uint8[2]"),
        (#"{"version":1,"graph":{"initializers":[{"type":"uint8","shape":[-2],"data":"w"}]}}"#, "negative"),
        (
            #"{"version":1,"graph":{"initializers":[{"type":"uint8","shape":[4611686018427387904,4],"data":"w"}]}}"#,
            "element count passes"
        ),
        (#"{"version":1,"graph":{"inputs":[{"type":{"tensor":{},"sequence":{}}}]}}"#, "a type has two kinds"),
        (#"{"version":1,"graph":{"inputs":[{"type":{"tensor":{"elementType":4294967296}}}]}}"#, "does not fit in 32 bits"),
    ])
    func wrongGraphsAreErrors(json: String, cause: String) throws {
        let error = try #require(throws: ModelFileError.self) { try open(json) }
        #expect(error.cause.contains(cause))
        #expect(error.place.hasPrefix(ModelArchive.graphKey))
    }

    @Test func deepNestingAndFloodsAreErrors() throws {
        let deep = String(repeating: #"{"nodes":[{"attributes":[{"graph":"#, count: 10_000)
        #expect(throws: ModelFileError.self) { try open("{\"version\":1,\"graph\":\(deep)") }
        let flood = String(repeating: "{},", count: 1_000_000) + "{}"
        let error = try #require(throws: ModelFileError.self) { try open("{\"version\":1,\"graph\":{\"nodes\":[\(flood)]}}") }
        #expect(error.cause.contains("out of proportion"))
    }

    @Test func subgraphsAsDeepAsAnONNXFileMayHaveThemSurvive() throws {
        var graph = Graph(name: "innermost")
        for _ in 0..<20 {
            graph = Graph(name: "g", nodes: [Node("If", inputs: [], outputs: [], attributes: [Attribute("b", .graph(graph))])])
        }
        let model = Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: graph)
        let folder = try TemporaryFolder()
        try ModelArchive.write(model, to: folder.path("m"))
        #expect(try ModelArchive(path: folder.path("m")).model == model)
        #expect(try ONNXReader.model(bytes: ONNXWriter.bytes(of: model)) == model)
    }

    @Test func aSafetensorsFileWithoutAGraphIsAnError() throws {
        let folder = try TemporaryFolder()
        try SafetensorsFile.write([("w", try Tensor([UInt8(1)]))], to: folder.path("m"))
        let error = try #require(throws: ModelFileError.self) { try ModelArchive(path: folder.path("m")) }
        #expect(error.cause.contains("holds no graph"))
    }

    @Test func randomDamageNeverTraps() throws {
        let folder = try TemporaryFolder()
        try ModelArchive.write(try SampleModel.model(), to: folder.path("m"))
        let bytes = try folder.bytes("m")
        var random = SplitMix64(seed: 20)
        for _ in 0..<2_000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let model = try? ModelArchive(MappedFile(copying: damaged)).model else { continue }
            // What an archive says may still be what an ONNX file cannot hold, such as a NUL in a name.
            _ = try? ONNXWriter.bytes(of: model)
        }
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: (any Error).self) { try ModelArchive(MappedFile(copying: Array(bytes[..<count]))) }
        }
    }
}
