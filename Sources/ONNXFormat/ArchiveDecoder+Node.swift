import CNNModels
import CNNTensors

extension ArchiveDecoder {
    func node(_ scanner: inout JSONScanner) throws -> Node {
        var node = Node("", inputs: [], outputs: [])
        do {
            node.details = try object(&scanner, cost: 0) { scanner, key in
                switch key {
                case "operator": node.operatorType = try self.text(&scanner)
                case "name": node.name = try self.text(&scanner)
                case "domain": node.domain = try self.text(&scanner)
                case "overload": node.overload = try self.text(&scanner)
                case "inputs": node.inputs = try self.texts(&scanner)
                case "outputs": node.outputs = try self.texts(&scanner)
                case "attributes": node.attributes = try self.list(&scanner, self.attribute)
                case "documentation": node.documentation = try self.text(&scanner)
                case "metadata": node.metadata = try self.list(&scanner, self.metadataEntry)
                default: return false
                }
                return true
            }
        } catch var fault as DecodingFault {
            fault.places.insert("node '\(node.name)' (\(node.operatorType))", at: 0)
            throw fault
        }
        return node
    }

    func attribute(_ scanner: inout JSONScanner) throws -> Attribute {
        var name = ""
        var documentation = ""
        var kind = Attribute.Kind.undefined
        var value: Attribute.Value?
        let details = try object(&scanner, cost: 64) { scanner, key in
            switch key {
            case "name": name = try self.text(&scanner)
            case "documentation": documentation = try self.text(&scanner)
            case "kind":
                let number = try self.int32(&scanner)
                guard let known = Attribute.Kind(rawValue: number) else {
                    throw DecodingFault("attribute type \(number) is unknown")
                }
                kind = known
            default:
                guard let found = try self.value(key, &scanner) else { return false }
                guard value == nil else { throw DecodingFault("attribute '\(name)' has two values") }
                value = found
            }
            return true
        }
        guard let value else { throw DecodingFault("attribute '\(name)' has no value") }
        // The kind may stand before or after the name that it belongs to.
        if case .reference(let reference, _) = value {
            return Attribute(name, .reference(reference, kind), documentation: documentation, details: details)
        }
        return Attribute(name, value, documentation: documentation, details: details)
    }

    /// The value under this key; nil if no kind of value has the key.
    private func value(_ key: String, _ scanner: inout JSONScanner) throws -> Attribute.Value? {
        switch key {
        case "float": .float(try float(&scanner))
        case "int": .int(Int64(try scanner.integer()))
        case "string": .string(try bytes(&scanner))
        case "tensor": .tensor(try namedTensor(&scanner))
        case "graph": .graph(try graph(&scanner))
        case "type": .type(try valueType(&scanner))
        case "sparseTensor": .sparseTensor(try base64(&scanner))
        case "floats": .floats(try list(&scanner, float))
        case "ints": .ints(try list(&scanner) { Int64(try $0.integer()) })
        case "strings": .strings(try list(&scanner, bytes))
        case "tensors": .tensors(try list(&scanner, namedTensor))
        case "graphs": .graphs(try list(&scanner, graph))
        case "types": .types(try list(&scanner, valueType))
        case "sparseTensors": .sparseTensors(try list(&scanner, base64))
        case "reference": .reference(try text(&scanner), .undefined)
        default: nil
        }
    }

    /// A number, or as text the bits of one that JSON cannot hold.
    private func float(_ scanner: inout JSONScanner) throws -> Float {
        if try scanner.nextKind() == .string {
            let text = try scanner.string()
            guard text.hasPrefix("0x"), let bits = UInt32(text.dropFirst(2), radix: 16) else {
                throw DecodingFault("'\(text.prefix(64))' is no float32")
            }
            return Float(bitPattern: bits)
        }
        switch try scanner.number() {
        case .integer(let number): return Float(number)
        case .number(let number): return Float(number)
        default: throw DecodingFault("a number is needed")
        }
    }

    // MARK: Tensors

    func namedTensor(_ scanner: inout JSONScanner) throws -> NamedTensor {
        var name = ""
        var typeName = ""
        var dimensions: [Int] = []
        var data: String?
        var strings: [[UInt8]]?
        var storage = NamedTensor.Storage.raw
        var documentation = ""
        var metadata: [MetadataEntry] = []
        let details = try object(&scanner, cost: 2 * MemoryBudget.arrayOverhead + 64) { scanner, key in
            switch key {
            case "name": name = try self.text(&scanner)
            case "type": typeName = try scanner.string()
            case "shape": dimensions = try self.list(&scanner) { try $0.integer() }
            case "data": data = try scanner.string()
            case "strings": strings = try self.list(&scanner, self.bytes)
            case "storage":
                let text = try scanner.string()
                guard let known = NamedTensor.Storage(rawValue: text) else {
                    throw DecodingFault("tensor storage '\(text.prefix(64))' is unknown")
                }
                storage = known
            case "documentation": documentation = try self.text(&scanner)
            case "metadata": metadata = try self.list(&scanner, self.metadataEntry)
            default: return false
            }
            return true
        }
        let tensor = try DecodingFault.within("tensor '\(name)'") {
            guard let dataType = DataType(name: typeName) else {
                throw DecodingFault("element type '\(typeName.prefix(64))' is unknown")
            }
            do {
                return try self.tensor(dataType, Shape(dimensions), data: data, strings: strings)
            } catch let error as TensorError {
                throw DecodingFault(error.description)
            }
        }
        return NamedTensor(
            name: name, tensor: tensor, storage: storage, documentation: documentation, metadata: metadata, details: details)
    }

    /// The elements of a tensor: strings from the JSON, numbers from the file's array of the name `data`.
    private func tensor(_ dataType: DataType, _ shape: Shape, data: String?, strings: [[UInt8]]?) throws -> Tensor {
        guard (data == nil) != (strings == nil), (dataType == .string) == (strings != nil) else {
            throw DecodingFault("a \(dataType) tensor needs \(dataType == .string ? "'strings'" : "'data'") and nothing else")
        }
        if let strings { return try Tensor(strings: strings, shape: shape) }
        let name = data ?? ""
        let stored = try array(named: name)
        if stored.dataType == dataType, stored.shape == shape { return stored }
        // Types that the format lacks lie there as plain bytes.
        guard stored.dataType == .uint8, stored.shape.rank == 1, let storage = stored.storage,
            stored.shape.elementCount == (try Tensor.byteCount(dataType, shape))
        else { throw DecodingFault("the graph has \(dataType)\(shape) for array '\(name)', which is \(stored)") }
        return try Tensor(dataType: dataType, shape: shape, bytes: storage.bytes, owner: storage)
    }
}
