import CNNModels
import CNNTensors
import Foundation
import ONNXFormat
import Testing

/// Files made to hurt: each is a thrown error that says where, and none takes memory or time beyond its size.
@Suite struct HostileModelTests {
    private func error(_ bytes: [UInt8]) throws -> ModelFileError {
        try #require(throws: ModelFileError.self) { try ONNXReader.model(bytes: bytes) }
    }

    // MARK: The wire format

    @Test(
        arguments: [
            // Group start and end, and the two wire types that do not exist.
            ([0x0B], "groups are not part of the format"), ([0x0C], "groups are not part of the format"),
            ([0x0E], "wire type 6 does not exist"), ([0x0F], "wire type 7 does not exist"),
            ([0x00, 0x00], "field number 0 is outside 1...536870911"),
            (
                [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
                "a variable-length number has more than 10 bytes"
            ),
            ([0x08, 0x80], "the data ends inside a number"), ([0x88], "the data ends inside a number"),
            ([0x0A, 0x01, 0x00], "field 'ir_version' has wire type 2, not 0"),
            ([0x10, 0x01], "field 'producer_name' has wire type 0, not 2"),
            ([0x12, 0x05, 0x61], "a length of 5 bytes passes the end of what holds it by 4"),
            ([0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], "passes the end of what holds it"),
            ([0x12, 0x02, 0x61, 0x00], "a NUL stands in text"), ([0x12, 0x01, 0xFF], "text is not valid UTF-8"),
            ([0x12, 0x02, 0xC0, 0x80], "text is not valid UTF-8"), ([0x12, 0x03, 0xED, 0xA0, 0x80], "text is not valid UTF-8"),
        ] as [([UInt8], String)])
    func brokenFieldsAreNamed(bytes: [UInt8], rule: String) throws {
        let error = try error(bytes)
        #expect(error.cause.contains(rule))
        #expect(error.offset != nil)
    }

    @Test func anErrorNamesTheByteAndThePathOfFields() throws {
        let tensor = Wire.field(8, "w") + [0x0B]
        let attribute = Wire.field(1, "value") + Wire.field(5, tensor)
        let node = Wire.field(4, "Constant") + Wire.field(5, Wire.field(1, "first")) + Wire.field(5, attribute)
        let bytes = Wire.model(graph: Wire.field(1, Wire.field(4, "Relu")) + Wire.field(1, node))
        let error = try error(bytes)
        #expect(error.place == "graph.node[1].attribute[1].t")
        #expect(error.offset == bytes.firstIndex(of: 0x0B))
    }

    @Test func fiveThousandNestedSubgraphsAreRefused() throws {
        var graph: [UInt8] = []
        for _ in 0..<5_000 {
            graph = Wire.field(1, Wire.field(5, Wire.field(1, "b") + Wire.field(6, graph)))
        }
        #expect(try error(Wire.model(graph: graph)).cause == "messages nest deeper than 64 levels")
    }

    @Test func nestingUpToTheLimitIsRead() throws {
        // The model and its graph are two levels; a subgraph takes three, the innermost one's node and attribute two.
        var graph: [UInt8] = Wire.field(2, "innermost")
        for _ in 0..<20 {
            graph = Wire.field(
                1, Wire.field(4, "If") + Wire.field(5, Wire.field(1, "b") + Wire.field(6, graph) + Wire.field(20, varint: 5)))
        }
        let bytes = Wire.model(graph: graph)
        #expect(try ONNXWriter.bytes(of: ONNXReader.model(bytes: bytes)) == bytes)
    }

    @Test func aRepeatedGraphIsRefusedAtOnce() throws {
        var bytes: [UInt8] = []
        for _ in 0..<200_000 { bytes += [0x3A, 0x00] }
        #expect(try error(bytes).cause == "'graph' stands more than once")
    }

    /// Of a oneof's members protobuf-c keeps the last, so a file with two would not be written as it was read.
    @Test(arguments: [
        // A type that is a tensor and a map; a size that is a number and a name.
        (Wire.field(1, []) + Wire.field(5, []), "'map_type' stands beside another value that excludes it"),
        (
            Wire.field(1, Wire.field(2, Wire.field(1, Wire.field(2, "N") + Wire.field(1, varint: 3)))),
            "'dim_value' stands beside another value that excludes it"
        ),
    ])
    func valuesThatExcludeEachOtherAreRefused(type: [UInt8], cause: String) throws {
        let error = try error(Wire.model(graph: Wire.field(11, Wire.field(1, "x") + Wire.field(2, type))))
        #expect(error.cause == cause)
        #expect(error.place.hasPrefix("graph.input[0].type"))
    }

    // MARK: Memory

    /// Ten megabytes of nothing at every place that repeats. The walk stops where the values would take more than is
    /// allowed, before anything has been parsed, so the error's offset shows how little was done.
    @Test(arguments: [
        "node", "initializer", "value", "attribute", "input", "name", "dimension", "strings", "unknown", "opset", "function",
    ])
    func emptyMessagesAreRefusedEarly(place: String) throws {
        let empty: (UInt8) -> [UInt8] = { tag in
            [UInt8](unsafeUninitializedCapacity: 10_000_000) { buffer, count in
                for index in stride(from: 0, to: 10_000_000, by: 2) {
                    buffer[index] = tag
                    buffer[index + 1] = 0
                }
                count = 10_000_000
            }
        }
        let bytes: [UInt8] =
            switch place {
            case "node": Wire.model(graph: empty(1 << 3 | 2))
            case "initializer": Wire.model(graph: empty(5 << 3 | 2))
            case "value": Wire.model(graph: empty(13 << 3 | 2))
            case "attribute": Wire.model(graph: Wire.field(1, empty(5 << 3 | 2)))
            case "input": Wire.model(graph: Wire.field(1, empty(1 << 3 | 2)))
            case "name": Wire.model(graph: empty(2 << 3 | 2))
            case "dimension": Wire.model(graph: Wire.field(11, Wire.field(2, Wire.field(1, Wire.field(2, empty(1 << 3 | 2))))))
            case "strings": Wire.model(graph: Wire.field(1, Wire.field(5, empty(9 << 3 | 2))))
            case "unknown": Wire.model(graph: empty(3 << 3 | 2))
            case "opset": empty(8 << 3 | 2)
            default: Wire.model(graph: []) + (0..<3_300_000).flatMap { _ in [0xCA, 0x01, 0x00] as [UInt8] }
            }
        let error = try error(bytes)
        #expect(error.cause.contains("MiB of memory, out of proportion to its size"))
        #expect(try #require(error.offset) < 2_500_000)
    }

    @Test func packedFloodsAreRefused() throws {
        let zeros = [UInt8](repeating: 0, count: 10_000_000)
        let attribute = Wire.field(1, "a") + Wire.field(8, zeros)
        #expect(try error(Wire.model(graph: Wire.field(1, Wire.field(5, attribute)))).cause.contains("out of proportion"))
        #expect(try error(Wire.model(initializer: Wire.field(1, zeros))).cause.contains("out of proportion"))
        // Eighty megabytes of int64 from ten of the file; and as many that no shape claims.
        let claimed = Wire.tensor([10_000_000], type: 7, Wire.field(7, zeros))
        #expect(try error(Wire.model(initializer: claimed)).cause.contains("out of proportion"))
        let unclaimed = Wire.tensor([], type: 7, Wire.field(7, zeros))
        #expect(try error(Wire.model(initializer: unclaimed)).cause.contains("takes 1 values"))
    }

    @Test func aCallerMayAllowMore() throws {
        let graph = (0..<400_000).flatMap { _ in [0x0A, 0x00] as [UInt8] }
        let bytes = Wire.model(graph: graph)
        #expect(throws: ModelFileError.self) { try ONNXReader.model(bytes: bytes) }
        #expect(try ONNXReader.model(bytes: bytes, memoryLimit: 1 << 30).graph.nodes.count == 400_000)
    }

    // MARK: Meaning

    @Test(arguments: [
        (Wire.tensor([2], type: 0, Wire.field(9, [1, 2])), "the tensor has no element type"),
        (Wire.tensor([2], type: 99, Wire.field(9, [1, 2])), "element type 99 is unknown"),
        (Wire.tensor([2], type: 1, Wire.field(9, [1, 2, 3])), "takes 8 bytes, but there are 3"),
        (Wire.tensor([2], type: 1, []), "has no elements"),
        (Wire.tensor([.max], type: 1, Wire.field(9, [1])), "a dimension is negative"),
        (Wire.tensor([1 << 62, 1 << 62], type: 1, Wire.field(9, [1])), "the element count passes"),
        (Wire.tensor([1 << 62], type: 1, Wire.field(9, [1])), "its bytes are too many to count"),
        (Wire.tensor([1 << 62], type: 15, Wire.field(10, [])), "has no elements"),
        (Wire.tensor([1], type: 8, Wire.field(9, [1])), "strings cannot stand in 'raw_data'"),
        (Wire.tensor([1], type: 1, Wire.field(7, [1])), "stand in 'float_data', not in 'int64_data'"),
        (Wire.tensor([1], type: 3, Wire.field(5, Wire.varint(200))), "200 does not fit in int8"),
        (Wire.tensor([1], type: 2, Wire.field(5, Wire.varint(.max))), "-1 does not fit in uint8"),
        (Wire.tensor([1], type: 27, Wire.field(5, Wire.varint(64))), "64 does not fit in float6e2m3"),
        (Wire.tensor([1], type: 12, Wire.field(11, Wire.varint(1 << 32))), "does not fit in uint32"),
        (Wire.tensor([1], type: 1, Wire.field(4, [1, 2, 3])), "float32 tensor of shape [1] takes 4 bytes, but there are 3"),
        (Wire.tensor([2], type: 8, Wire.field(6, "one")), "shape [2] has 2 strings, but there are 1"),
        (
            Wire.tensor([1], type: 1, Wire.field(9, [0, 0, 0, 0]) + Wire.field(4, [0, 0, 0, 0])),
            "elements in both 'raw_data' and 'float_data'"
        ),
        (Wire.tensor([1], type: 2, Wire.field(9, [0]) + Wire.field(9, [1])), "'raw_data' stands more than once"),
        (Wire.tensor([1], type: 2, Wire.field(9, [0]) + Wire.field(14, varint: 9)), "data location 9 is unknown"),
    ])
    func wrongTensorsAreNamed(tensor: [UInt8], cause: String) throws {
        let error = try error(Wire.model(initializer: tensor + Wire.field(8, "conv1_w")))
        #expect(error.cause.contains(cause))
        #expect(error.place.contains("conv1_w") || error.place.contains("graph.initializer[0]"))
    }

    @Test(arguments: [
        (Wire.field(20, varint: 99), "attribute type 99 is unknown"), ([], "neither a type nor a value"),
        (Wire.field(3, varint: 1) + Wire.field(20, varint: 1), "its type is float (1), but it holds a value in 'i'"),
        (Wire.field(3, varint: 1) + Wire.field(2, float: 1), "holds a value in 'i'"),
        (Wire.field(20, varint: 4), "its type is tensor, but it holds none"),
        (Wire.field(20, varint: 5), "its type is graph, but it holds none"),
        (Wire.field(21, "outer") + Wire.field(3, varint: 1), "refers to 'outer' and holds a value in 'i' as well"),
    ])
    func wrongAttributesAreNamed(attribute: [UInt8], cause: String) throws {
        let node = Wire.field(3, "conv1") + Wire.field(4, "Conv") + Wire.field(5, Wire.field(1, "pads") + attribute)
        let error = try error(Wire.model(graph: Wire.field(1, Wire.field(4, "Relu")) + Wire.field(1, node)))
        #expect(error.cause.contains(cause))
        #expect(error.place == "node 'conv1' (#1, Conv), attribute 'pads'")
    }

    @Test func aSequenceIsNoTensor() throws {
        // SequenceProto: name, element type 1 (tensor), two tensors.
        let tensor = Wire.tensor([1], type: 1, Wire.field(9, [0, 0, 0, 0]))
        let sequence = Wire.field(1, "seq") + Wire.field(2, varint: 1) + Wire.field(3, tensor) + Wire.field(3, tensor)
        let error = try #require(throws: ModelFileError.self) { try ONNXReader.tensor(bytes: sequence) }
        #expect(error.cause.contains("holds a sequence"))
    }

    @Test func otherFilesAreRecognised() throws {
        #expect(try error(Array("Hello, this is plain text.\n".utf8)).hint?.contains("text") == true)
        #expect(try error([0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 60)).hint?.contains("ZIP") == true)
        #expect(try error([0x93] + Array("NUMPY".utf8) + [1, 0]).hint?.contains("NumPy") == true)
        #expect(try error(Array("version https://git-lfs.github.com/spec/v1\n".utf8)).hint?.contains("git lfs pull") == true)
        #expect(try error(Wire.field(1, varint: 8)).cause == "the file holds no graph")
    }

    @Test(arguments: [0, 1, 2, 15, 1 << 62]) func otherFormatVersionsAreRefused(version: UInt64) throws {
        let bytes = Wire.field(1, varint: version) + Wire.field(7, []) + Wire.field(8, Wire.field(2, varint: 17))
        #expect(try error(bytes).cause.contains("(ir_version) \(version) is not supported"))
    }

    // MARK: Damage

    @Test func aFileCutAnywhereIsAnError() throws {
        // Nothing follows the opset in a minimal file, as nothing but metadata does in others: each cut loses something.
        var model = try SampleModel.model()
        model.metadata = []
        model.functions = []
        model.details = FormatDetails()
        model.opsetImports = [OperatorSetID(version: 17)]
        let bytes = try ONNXWriter.bytes(of: model)
        for count in 0..<bytes.count {
            #expect(throws: (any Error).self, "cut to \(count) bytes") { try ONNXReader.model(bytes: Array(bytes[..<count])) }
        }
    }

    @Test func aRealFileCutAnywhereIsAnError() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Fixtures/lenet5")
        let bytes = try Array(Data(contentsOf: folder.appendingPathComponent("model.onnx")))
        // Every byte of the structure at the front and at the end; between lie weights, where one byte is like the next.
        let cuts =
            Array(0..<min(3_000, bytes.count)) + Array(stride(from: 3_000, to: bytes.count, by: 997))
            + Array(max(bytes.count - 3_000, 0)..<bytes.count)
        for count in cuts {
            #expect(throws: (any Error).self, "cut to \(count) bytes") { try ONNXReader.model(bytes: Array(bytes[..<count])) }
        }
    }

    /// Random damage gives a model or an error and nothing else; what is read can be written and read again.
    @Test func randomDamageNeverTraps() throws {
        let bytes = try ONNXWriter.bytes(of: try SampleModel.model())
        var random = SplitMix64(seed: 20)
        var readable = 0
        for _ in 0..<5_000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let index = Int.random(in: 0..<damaged.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: damaged[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: damaged[index] = UInt8.random(in: 0...255, using: &random)
                case 2: damaged.remove(at: index)
                default: damaged.insert(UInt8.random(in: 0...255, using: &random), at: index)
                }
            }
            guard let model = try? ONNXReader.model(bytes: damaged) else { continue }
            readable += 1
            let written = try ONNXWriter.bytes(of: model)
            #expect(try ONNXWriter.bytes(of: ONNXReader.model(bytes: written)) == written)
        }
        // Damage inside weights or names goes unnoticed; if nothing were readable the loop would test only half.
        #expect(readable > 100)
    }
}

/// A small random generator with a seed (Steele, Lea and Flood 2014), so that a failure can be repeated.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
