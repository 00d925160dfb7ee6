import CNNModels
import CNNTensors

/// Reads a model from an archive's JSON. The text is scanned once, front to back, straight into the model's values; it may be
/// hostile, so what the values take in memory is counted.
final class ArchiveDecoder {
    private let arrays: SafetensorsFile
    /// By name: the arrays met so far. Any number of tensors may name one array, which is copied if its address does not suit.
    private var tensors: [String: Tensor] = [:]
    private var memory: MemoryBudget

    init(_ arrays: SafetensorsFile) {
        self.arrays = arrays
        memory = arrays.memory
    }

    /// Reads the JSON of a whole model.
    /// - Throws: `JSONError`, `DecodingFault`, `ArrayFileError`.
    func model(_ text: UnsafeRawBufferPointer) throws -> Model {
        var scanner = JSONScanner(text, depthLimit: ModelArchive.depthLimit)
        var model = Model(irVersion: 0, opsetImports: [], graph: Graph(name: ""))
        var version: Int?
        var hasGraph = false
        model.details = try object(&scanner, cost: 0) { scanner, key in
            if key == "version" {
                version = try scanner.integer()
                guard version == ModelArchive.version else {
                    throw DecodingFault(
                        "the archive has version \(version ?? 0), but only version \(ModelArchive.version) is known",
                        hint: "import the ONNX model again, or use a newer onnxcnn")
                }
                return true
            }
            // A later version may mean something else by any other member, so it has to be known first.
            guard version != nil else { throw DecodingFault("the first member is '\(key)', not 'version'") }
            switch key {
            case "irVersion": model.irVersion = try Int64(scanner.integer())
            case "opsetImports": model.opsetImports = try self.list(&scanner, self.operatorSet)
            case "producerName": model.producerName = try self.text(&scanner)
            case "producerVersion": model.producerVersion = try self.text(&scanner)
            case "domain": model.domain = try self.text(&scanner)
            case "modelVersion": model.modelVersion = try Int64(scanner.integer())
            case "documentation": model.documentation = try self.text(&scanner)
            case "graph":
                model.graph = try self.graph(&scanner)
                hasGraph = true
            case "functions": model.functions = try self.list(&scanner, self.function)
            case "metadata": model.metadata = try self.list(&scanner, self.metadataEntry)
            default: return false
            }
            return true
        }
        try scanner.end()
        guard hasGraph else { throw DecodingFault("the member 'graph' is missing") }
        return model
    }

    // MARK: Parts

    /// Counts bytes that values take in memory.
    func spend(_ byteCount: Int) throws {
        guard memory.spend(byteCount) else {
            throw DecodingFault("the graph would take an amount of memory that is out of proportion to the file's size")
        }
    }

    /// Reads an object; `member` returns false for a key it does not know.
    func object(
        _ scanner: inout JSONScanner, cost: Int, _ member: (inout JSONScanner, String) throws -> Bool
    ) throws -> FormatDetails {
        try spend(cost)
        var details = FormatDetails()
        try scanner.object { scanner, key in
            if try member(&scanner, key) { return }
            switch key {
            case "unknownFields": details.unknownFields = try base64(&scanner)
            case "presenceExceptions": details.presenceExceptions = try list(&scanner) { try $0.integer() }
            default: throw DecodingFault("the member '\(key)' is unknown")
            }
        }
        return details
    }

    func list<Element>(_ scanner: inout JSONScanner, _ element: (inout JSONScanner) throws -> Element) throws -> [Element] {
        var list: [Element] = []
        try spend(MemoryBudget.arrayOverhead)
        try scanner.array { scanner in
            // The array grows by doubling.
            try spend(2 * MemoryLayout<Element>.stride)
            list.append(try element(&scanner))
        }
        return list
    }

    func text(_ scanner: inout JSONScanner) throws -> String {
        let text = try scanner.string()
        try spend(MemoryBudget.heapSize(of: text))
        return text
    }

    func texts(_ scanner: inout JSONScanner) throws -> [String] { try list(&scanner, text) }

    func base64(_ scanner: inout JSONScanner) throws -> [UInt8] {
        guard let bytes = Base64.bytes(try scanner.string()) else { throw DecodingFault("a text is not valid base64") }
        try spend(bytes.count + MemoryBudget.arrayOverhead)
        return bytes
    }

    /// Text, or an object with the base64 of bytes that are none.
    func bytes(_ scanner: inout JSONScanner) throws -> [UInt8] {
        if try scanner.nextKind() == .string { return Array(try text(&scanner).utf8) }
        var bytes: [UInt8]?
        try scanner.object { scanner, key in
            guard key == "base64" else { throw DecodingFault("the member '\(key)' is unknown") }
            bytes = try base64(&scanner)
        }
        guard let bytes else { throw DecodingFault("the member 'base64' is missing") }
        return bytes
    }

    func int32(_ scanner: inout JSONScanner) throws -> Int32 {
        let number = try scanner.integer()
        guard let value = Int32(exactly: number) else { throw DecodingFault("\(number) does not fit in 32 bits") }
        return value
    }

    /// The file's array of this name.
    func array(named name: String) throws -> Tensor {
        if let known = tensors[name] { return known }
        guard arrays.entry(named: name) != nil else { throw DecodingFault("the file has no array '\(name)'") }
        let array = try arrays.tensor(named: name)
        // As much as a copy takes, and its place in the table, which has four places an element while it grows.
        try spend(array.byteCount + 4 * (MemoryLayout<String>.stride + MemoryLayout<Tensor>.stride))
        tensors[name] = array
        return array
    }

    // MARK: Graphs

    func graph(_ scanner: inout JSONScanner) throws -> Graph {
        var graph = Graph(name: "")
        graph.details = try object(&scanner, cost: MemoryLayout<Graph>.stride) { scanner, key in
            switch key {
            case "name": graph.name = try self.text(&scanner)
            case "nodes": graph.nodes = try self.list(&scanner, self.node)
            case "initializers": graph.initializers = try self.list(&scanner, self.namedTensor)
            case "inputs": graph.inputs = try self.list(&scanner, self.valueInfo)
            case "outputs": graph.outputs = try self.list(&scanner, self.valueInfo)
            case "valueInfos": graph.valueInfos = try self.list(&scanner, self.valueInfo)
            case "documentation": graph.documentation = try self.text(&scanner)
            case "metadata": graph.metadata = try self.list(&scanner, self.metadataEntry)
            default: return false
            }
            return true
        }
        return graph
    }

    private func function(_ scanner: inout JSONScanner) throws -> Function {
        var function = Function(name: "", domain: "", inputs: [], outputs: [], nodes: [], opsetImports: [])
        function.details = try object(&scanner, cost: MemoryLayout<Function>.stride) { scanner, key in
            switch key {
            case "name": function.name = try self.text(&scanner)
            case "domain": function.domain = try self.text(&scanner)
            case "overload": function.overload = try self.text(&scanner)
            case "inputs": function.inputs = try self.texts(&scanner)
            case "outputs": function.outputs = try self.texts(&scanner)
            case "attributeNames": function.attributeNames = try self.texts(&scanner)
            case "attributeDefaults": function.attributeDefaults = try self.list(&scanner, self.attribute)
            case "nodes": function.nodes = try self.list(&scanner, self.node)
            case "opsetImports": function.opsetImports = try self.list(&scanner, self.operatorSet)
            case "documentation": function.documentation = try self.text(&scanner)
            case "valueInfos": function.valueInfos = try self.list(&scanner, self.valueInfo)
            case "metadata": function.metadata = try self.list(&scanner, self.metadataEntry)
            default: return false
            }
            return true
        }
        return function
    }

    private func operatorSet(_ scanner: inout JSONScanner) throws -> OperatorSetID {
        var set = OperatorSetID(version: 0)
        set.details = try object(&scanner, cost: 0) { scanner, key in
            switch key {
            case "domain": set.domain = try self.text(&scanner)
            case "version": set.version = try Int64(scanner.integer())
            default: return false
            }
            return true
        }
        return set
    }

    func metadataEntry(_ scanner: inout JSONScanner) throws -> MetadataEntry {
        var entry = MetadataEntry(key: "", value: "")
        entry.details = try object(&scanner, cost: 0) { scanner, key in
            switch key {
            case "key": entry.key = try self.text(&scanner)
            case "value": entry.value = try self.text(&scanner)
            default: return false
            }
            return true
        }
        return entry
    }
}
