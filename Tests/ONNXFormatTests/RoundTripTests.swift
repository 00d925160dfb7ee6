import CNNModels
import CNNTensors
import Foundation
import ONNXFormat
import Testing

/// What is read is what was written, and what is written again is what was read.
@Suite struct RoundTripTests {
    @Test func everyKindOfEverythingSurvives() throws {
        let model = try SampleModel.model()
        let bytes = try ONNXWriter.bytes(of: model)
        let read = try ONNXReader.model(bytes: bytes)
        // Descriptions first: NaN differs from itself, and a text shows what differs.
        #expect("\(read)" == "\(model)")
        #expect(read.graph.initializers == model.graph.initializers)
        #expect(try ONNXWriter.bytes(of: read) == bytes)
    }

    @Test func writingTwiceGivesTheSameBytes() throws {
        #expect(try ONNXWriter.bytes(of: try SampleModel.model()) == ONNXWriter.bytes(of: try SampleModel.model()))
    }

    /// Fields that are present with their default value, and absent where a writer would write them.
    @Test(arguments: [
        // Empty texts: graph name, node name, operator type, domain and documentation.
        Wire.field(1, Wire.field(3, "") + Wire.field(4, "") + Wire.field(6, "") + Wire.field(7, "")) + Wire.field(2, ""),
        // An attribute without type, as in the first files, and INT, FLOAT and STRING attributes without a value.
        Wire.field(1, Wire.field(4, "Op") + Wire.field(5, Wire.field(1, "a") + Wire.field(3, varint: 5))),
        Wire.field(1, Wire.field(4, "Op") + Wire.field(5, Wire.field(1, "a") + Wire.field(20, varint: 2))),
        Wire.field(1, Wire.field(4, "Op") + Wire.field(5, Wire.field(1, "a") + Wire.field(20, varint: 1))),
        Wire.field(1, Wire.field(4, "Op") + Wire.field(5, Wire.field(1, "a") + Wire.field(20, varint: 3))),
        // A tensor that says that its elements are in the file, and one without a name.
        Wire.field(5, Wire.tensor([1], type: 2, Wire.field(8, "t") + Wire.field(9, [7]) + Wire.field(14, varint: 0))),
        Wire.field(5, Wire.tensor([1], type: 2, Wire.field(8, "") + Wire.field(9, [7]))),
        // No elements: raw data of no bytes, and none at all.
        Wire.field(5, Wire.tensor([0, 4], type: 1, Wire.field(8, "t") + Wire.field(9, []))),
        Wire.field(5, Wire.tensor([0, 4], type: 1, Wire.field(8, "t"))),
        // Types: element type 0, an empty shape, an axis with an empty name, a type of no kind.
        Wire.field(11, Wire.field(1, "x") + Wire.field(2, Wire.field(1, Wire.field(1, varint: 0)))),
        Wire.field(11, Wire.field(1, "x") + Wire.field(2, Wire.field(1, Wire.field(1, varint: 1) + Wire.field(2, [])))),
        Wire.field(
            11,
            Wire.field(1, "x")
                + Wire.field(2, Wire.field(1, Wire.field(2, Wire.field(1, []) + Wire.field(1, Wire.field(2, "")))))),
        Wire.field(11, Wire.field(1, "x") + Wire.field(2, [])),
        // An opaque type, a sparse initializer and a quantization annotation, none of which is interpreted.
        Wire.field(11, Wire.field(1, "x") + Wire.field(2, Wire.field(7, Wire.field(1, "d") + Wire.field(2, "n")))),
        Wire.field(2, "g") + Wire.field(14, Wire.field(1, "q")) + Wire.field(15, Wire.field(3, varint: 4)),
    ])
    func presenceSurvives(graph: [UInt8]) throws {
        let bytes = Wire.model(graph: graph)
        let model = try ONNXReader.model(bytes: bytes)
        #expect(try ONNXWriter.bytes(of: model) == bytes)
    }

    @Test func whatWasEmptyAndHasGotAMeaningIsWritten() throws {
        // Empty producer name; an empty text of every other kind; model version 0; a type without an element type.
        let node = Wire.field(3, "") + Wire.field(4, "Op") + Wire.field(5, Wire.field(1, "a") + Wire.field(3, varint: 5))
        let input = Wire.field(1, "x") + Wire.field(2, Wire.field(1, Wire.field(1, varint: 0)))
        let graph = Wire.field(1, node) + Wire.field(2, "") + Wire.field(11, input)
        let head = Wire.field(2, "") + Wire.field(5, varint: 0)
        var model = try ONNXReader.model(bytes: head + Wire.model(graph: graph))
        model.producerName = "maker"
        model.modelVersion = 3
        model.graph.name = "g"
        model.graph.nodes[0].name = "n"
        model.graph.inputs[0].type = ValueType(
            .tensor(elementType: 1, shape: nil, details: FormatDetails(presenceExceptions: [1])))
        // Its type was left out, since the value told it; the new value does not.
        model.graph.nodes[0].attributes[0].value = .floats([])
        let read = try ONNXReader.model(bytes: ONNXWriter.bytes(of: model))
        #expect(read.producerName == "maker")
        #expect(read.modelVersion == 3)
        #expect(read.graph.name == "g")
        #expect(read.graph.nodes[0].name == "n")
        #expect(read.graph.inputs[0].type?.tensorDataType == .float32)
        #expect(read.graph.nodes[0].attributes[0].value == .floats([]))
    }

    /// A file without content takes no disk, and nothing reads it while a message is only measured.
    @Test func whatPassesTwoGiBIsAnErrorBeforeAnythingIsWritten() throws {
        let folder = try TemporaryFolder()
        try folder.write([], to: "sparse")
        let handle = try #require(FileHandle(forWritingAtPath: folder.path("sparse")))
        try handle.truncate(atOffset: 1 << 31)
        try handle.close()
        let file = try MappedFile(path: folder.path("sparse"))
        let tensor = NamedTensor(
            name: "w", tensor: try Tensor(dataType: .uint8, shape: .vector(1 << 31), bytes: file.bytes, owner: file))
        let model = Model(
            irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: Graph(name: "g", initializers: [tensor]))
        var sink = MemorySink()
        let error = try #require(throws: ModelFileError.self) { try ONNXWriter.write(model, into: &sink) }
        #expect(error.cause == "the model passes 2 GiB, which protobuf cannot hold")
        #expect(sink.bytes.isEmpty)
        let tensorError = try #require(throws: ModelFileError.self) { try ONNXWriter.bytes(of: tensor) }
        #expect(tensorError.cause == "the tensor 'w' passes 2 GiB, which protobuf cannot hold")
    }

    @Test func trainingInformationSurvivesWithoutBeingRead() throws {
        // Bytes that would be refused if they were taken for messages.
        let bytes = Wire.model(graph: Wire.field(2, "g")) + Wire.field(20, [0xFF, 0xFF, 0x0B])
        let model = try ONNXReader.model(bytes: bytes)
        #expect(model.details.unknownFields == Wire.field(20, [0xFF, 0xFF, 0x0B]))
        #expect(try ONNXWriter.bytes(of: model) == bytes)
    }

    @Test func numbersUnpackedAndInSeveralRunsAreRead() throws {
        let floats = Wire.field(4, float: 1.5) + Wire.field(8, "w") + Wire.field(4, float: 2) + Wire.field(4, [0, 0, 0, 0])
        let model = try ONNXReader.model(bytes: Wire.model(initializer: Wire.tensor([3], type: 1, floats)))
        #expect(try model.graph.initializers[0].tensor.elements(as: Float.self) == [1.5, 2, 0])
        #expect(model.graph.initializers[0].storage == .typed)
    }

    @Test func aNegativeInt32InFiveBytesIsItself() throws {
        // Not what writers do, but what protobuf's parsers read: the lowest 32 bits count.
        let tensor = Wire.tensor([2], type: 6, Wire.field(5, Wire.varint(0xFFFF_FFFF) + Wire.varint(.max)))
        let model = try ONNXReader.model(bytes: Wire.model(initializer: tensor))
        #expect(try model.graph.initializers[0].tensor.elements(as: Int32.self) == [-1, -1])
    }

    @Test func weightsStayInTheMappedFile() throws {
        let folder = try TemporaryFolder()
        let weights = [UInt8](repeating: 1, count: MappedFile.readingLimit + 3)
        let path = folder.path("model.onnx")
        try AtomicFile.write(
            Wire.model(initializer: Wire.tensor([UInt64(weights.count)], type: 2, Wire.field(8, "w") + Wire.field(9, weights))),
            to: path)
        let file = try MappedFile(path: path)
        let model = try ONNXReader.model(file)
        let bytes = model.graph.initializers[0].tensor.withUnsafeBytes { $0 }
        let start = try #require(bytes.baseAddress)
        let fileStart = try #require(file.bytes.baseAddress)
        #expect(start >= fileStart && start + bytes.count <= fileStart + file.bytes.count)
    }

    @Test func receiptDigestsFileAndWeights() throws {
        let folder = try TemporaryFolder()
        let model = Model(
            irVersion: 8, opsetImports: [OperatorSetID(version: 17)],
            graph: Graph(
                name: "g",
                initializers: [
                    NamedTensor(name: "a", tensor: try Tensor([UInt8](Array("ab".utf8)))),
                    NamedTensor(name: "b", tensor: try Tensor([UInt8](Array("c".utf8)))),
                ]))
        let receipt = try ONNXWriter.write(model, to: folder.path("m.onnx"))
        // SHA-256 of "abc", FIPS 180-4's own example.
        #expect(receipt.weightsSHA256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        let bytes = try ONNXWriter.bytes(of: model)
        #expect(receipt.sha256 == SHA256.digest(bytes))
        #expect(receipt.byteCount == bytes.count)
        let file = try MappedFile(path: folder.path("m.onnx"))
        #expect(file.bytes.elementsEqual(bytes))
    }

    @Test func aNulInANameIsAnErrorNotAShorterName() throws {
        let node = Node("Relu", name: "a\0b", inputs: ["x"], outputs: ["y"])
        let model = Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: Graph(name: "g", nodes: [node]))
        #expect(throws: ModelFileError.self) { try ONNXWriter.bytes(of: model) }
    }

    @Test func namesThatOnlyLookTheSameStayDifferent() throws {
        // An e with an accent as one character and as two, with enough around it to be shared storage.
        let names = ["a long name with \u{E9} in it", "a long name with e\u{301} in it"]
        let graph = names.flatMap { Wire.field(1, Wire.field(1, $0) + Wire.field(4, "Op")) }
        let bytes = Wire.model(graph: graph)
        #expect(try ONNXWriter.bytes(of: ONNXReader.model(bytes: bytes)) == bytes)
    }

    @Test func aTensorFileSurvives() throws {
        for tensor in try SampleModel.tensors() {
            let bytes = try ONNXWriter.bytes(of: tensor)
            #expect(try ONNXReader.tensor(bytes: bytes) == tensor)
        }
    }
}
