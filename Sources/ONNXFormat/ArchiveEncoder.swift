import CNNModels
import CNNTensors

/// Turns a model into the JSON of an archive and the arrays that stand beside it.
struct ArchiveEncoder {
    /// The arrays of all tensors met, in order, under names that stand once.
    private(set) var arrays: [(name: String, tensor: Tensor)] = []
    private var names = NameSupply(avoiding: [SafetensorsFile.metadataKey], separator: "#")

    /// The JSON of the whole model.
    mutating func text(_ model: Model) -> String {
        // The main graph's weights come first, so that no other tensor takes their names.
        let initializers = model.graph.initializers.map { initializer($0) }
        let graph = graph(model.graph, initializers: initializers)
        var object = Members()
        object.members.append(.init("version", .integer(ModelArchive.version)))
        object.add("irVersion", model.irVersion)
        object.add("opsetImports", model.opsetImports.map(operatorSet))
        object.add("producerName", model.producerName)
        object.add("producerVersion", model.producerVersion)
        object.add("domain", model.domain)
        object.add("modelVersion", model.modelVersion)
        object.add("documentation", model.documentation)
        object.members.append(.init("graph", graph))
        object.add("functions", model.functions.map { function($0) })
        object.add("metadata", model.metadata.map(metadataEntry))
        object.add(model.details)
        return object.json.text()
    }

    /// The members of an object; what is empty or zero is left out.
    private struct Members {
        var members: [JSON.Member] = []
        var json: JSON { .object(members) }

        mutating func add(_ key: String, _ text: String) {
            if !text.isEmpty { members.append(.init(key, .string(text))) }
        }
        mutating func add(_ key: String, _ number: Int64) {
            if number != 0 { members.append(.init(key, .integer(Int(number)))) }
        }
        mutating func add(_ key: String, _ list: [JSON]) {
            if !list.isEmpty { members.append(.init(key, .array(list))) }
        }
        mutating func add(_ key: String, _ texts: [String]) { add(key, texts.map(JSON.string)) }
        mutating func add(_ details: FormatDetails) {
            if !details.unknownFields.isEmpty { add("unknownFields", Base64.text(details.unknownFields)) }
            add("presenceExceptions", details.presenceExceptions.map(JSON.integer))
        }
    }

    // MARK: Graphs

    private mutating func graph(_ graph: Graph, initializers: [JSON]) -> JSON {
        var object = Members()
        object.add("name", graph.name)
        object.add("nodes", graph.nodes.map { node($0) })
        object.add("initializers", initializers)
        object.add("inputs", graph.inputs.map(valueInfo))
        object.add("outputs", graph.outputs.map(valueInfo))
        object.add("valueInfos", graph.valueInfos.map(valueInfo))
        object.add("documentation", graph.documentation)
        object.add("metadata", graph.metadata.map(metadataEntry))
        object.add(graph.details)
        return object.json
    }

    private mutating func subgraph(_ graph: Graph) -> JSON {
        self.graph(graph, initializers: graph.initializers.map { initializer($0) })
    }

    private mutating func function(_ function: Function) -> JSON {
        var object = Members()
        object.add("name", function.name)
        object.add("domain", function.domain)
        object.add("overload", function.overload)
        object.add("inputs", function.inputs)
        object.add("outputs", function.outputs)
        object.add("attributeNames", function.attributeNames)
        object.add("attributeDefaults", function.attributeDefaults.map { attribute($0, of: function.name) })
        object.add("nodes", function.nodes.map { node($0) })
        object.add("opsetImports", function.opsetImports.map(operatorSet))
        object.add("documentation", function.documentation)
        object.add("valueInfos", function.valueInfos.map(valueInfo))
        object.add("metadata", function.metadata.map(metadataEntry))
        object.add(function.details)
        return object.json
    }

    private func operatorSet(_ set: OperatorSetID) -> JSON {
        var object = Members()
        object.add("domain", set.domain)
        object.add("version", set.version)
        object.add(set.details)
        return object.json
    }

    private func metadataEntry(_ entry: MetadataEntry) -> JSON {
        var object = Members()
        object.add("key", entry.key)
        object.add("value", entry.value)
        object.add(entry.details)
        return object.json
    }

    // MARK: Nodes

    private mutating func node(_ node: Node) -> JSON {
        var object = Members()
        object.add("operator", node.operatorType)
        object.add("name", node.name)
        object.add("domain", node.domain)
        object.add("overload", node.overload)
        object.add("inputs", node.inputs)
        object.add("outputs", node.outputs)
        // The graph knows the value of a Constant by the name of the node's output; the tensor's own is mostly 'value'.
        let name = node.outputs.first { !$0.isEmpty } ?? node.name
        object.add("attributes", node.attributes.map { attribute($0, of: name) })
        object.add("documentation", node.documentation)
        object.add("metadata", node.metadata.map(metadataEntry))
        object.add(node.details)
        return object.json
    }

    private mutating func attribute(_ attribute: Attribute, of owner: String) -> JSON {
        var object = Members()
        object.add("name", attribute.name)
        if case .reference(_, let kind) = attribute.value { object.add("kind", Int64(kind.rawValue)) }
        object.members.append(value(attribute.value, of: owner))
        object.add("documentation", attribute.documentation)
        object.add(attribute.details)
        return object.json
    }

    private mutating func value(_ value: Attribute.Value, of owner: String) -> JSON.Member {
        switch value {
        case .float(let number): .init("float", Self.float(number))
        case .int(let number): .init("int", .integer(Int(number)))
        case .string(let bytes): .init("string", Self.bytes(bytes))
        case .tensor(let tensor): .init("tensor", self.tensor(tensor, of: owner))
        case .graph(let graph): .init("graph", subgraph(graph))
        case .type(let type): .init("type", valueType(type))
        case .sparseTensor(let bytes): .init("sparseTensor", .string(Base64.text(bytes)))
        case .floats(let numbers): .init("floats", .array(numbers.map(Self.float)))
        case .ints(let numbers): .init("ints", .array(numbers.map { .integer(Int($0)) }))
        case .strings(let lists): .init("strings", .array(lists.map(Self.bytes)))
        case .tensors(let tensors): .init("tensors", .array(tensors.map { tensor($0, of: owner) }))
        case .graphs(let graphs): .init("graphs", .array(graphs.map { subgraph($0) }))
        case .types(let types): .init("types", .array(types.map(valueType)))
        case .sparseTensors(let lists): .init("sparseTensors", .array(lists.map { .string(Base64.text($0)) }))
        case .reference(let name, _): .init("reference", .string(name))
        }
    }

    /// A number that Double's text gives back exactly, or the bits of one that JSON has no text for.
    private static func float(_ number: Float) -> JSON {
        number.isFinite ? .number(Double(number)) : .string("0x" + String(number.bitPattern, radix: 16))
    }

    /// Text where the bytes are UTF-8, else an object with their base64.
    private static func bytes(_ bytes: [UInt8]) -> JSON {
        if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
        return .object([.init("base64", .string(Base64.text(bytes)))])
    }

    // MARK: Tensors

    private mutating func initializer(_ tensor: NamedTensor) -> JSON {
        namedTensor(tensor, under: tensor.name.isEmpty ? "initializer" : tensor.name)
    }

    /// The tensor of an attribute.
    private mutating func tensor(_ tensor: NamedTensor, of owner: String) -> JSON {
        namedTensor(tensor, under: owner.isEmpty ? tensor.name : owner)
    }

    private mutating func namedTensor(_ tensor: NamedTensor, under wanted: String) -> JSON {
        var object = Members()
        object.add("name", tensor.name)
        object.add("type", tensor.tensor.dataType.description)
        object.add("shape", tensor.tensor.shape.dimensions.map(JSON.integer))
        if let strings = try? tensor.tensor.strings() {
            object.members.append(.init("strings", .array(strings.map(Self.bytes))))
        } else {
            let name = names.name(like: wanted.isEmpty ? "tensor" : wanted)
            arrays.append((name, Self.storable(tensor.tensor)))
            object.add("data", name)
        }
        if tensor.storage != .raw { object.add("storage", tensor.storage.rawValue) }
        object.add("documentation", tensor.documentation)
        object.add("metadata", tensor.metadata.map(metadataEntry))
        object.add(tensor.details)
        return object.json
    }

    /// The tensor as safetensors can hold it: itself, or its bytes.
    private static func storable(_ tensor: Tensor) -> Tensor {
        // As in the generic writer: whole bytes, and no more axes than readers take.
        let fillsBytes = tensor.shape.elementCount % 8 * (tensor.dataType.bitWidth ?? 0) % 8 == 0
        if tensor.dataType.safetensorsName != nil, fillsBytes, tensor.shape.rank <= SafetensorsFile.rankLimit { return tensor }
        guard let storage = tensor.storage,
            let bytes = try? Tensor(
                dataType: .uint8, shape: .vector(storage.bytes.count), bytes: storage.bytes, owner: storage)
        else { return tensor }
        return bytes
    }

    // MARK: Types

    private func valueInfo(_ info: ValueInfo) -> JSON {
        var object = Members()
        object.add("name", info.name)
        if let type = info.type { object.members.append(.init("type", valueType(type))) }
        object.add("documentation", info.documentation)
        object.add("metadata", info.metadata.map(metadataEntry))
        object.add(info.details)
        return object.json
    }

    private func valueType(_ type: ValueType) -> JSON {
        var object = Members()
        switch type.kind {
        case .tensor(let element, let shape, let details):
            object.members.append(.init("tensor", tensorType(element, shape, details)))
        case .sparseTensor(let element, let shape, let details):
            object.members.append(.init("sparseTensor", tensorType(element, shape, details)))
        case .sequence(let element, let details):
            object.members.append(.init("sequence", elementType(element, details)))
        case .optional(let element, let details):
            object.members.append(.init("optional", elementType(element, details)))
        case .map(let key, let value, let details):
            var map = Members()
            map.add("keyType", Int64(key))
            if let value { map.members.append(.init("value", valueType(value))) }
            map.add(details)
            object.members.append(.init("map", map.json))
        case .unspecified: break
        }
        object.add("denotation", type.denotation)
        object.add(type.details)
        return object.json
    }

    private func tensorType(_ element: Int32, _ shape: DeclaredShape?, _ details: FormatDetails) -> JSON {
        var object = Members()
        object.add("elementType", Int64(element))
        if let shape {
            var shapeObject = Members()
            shapeObject.add("dimensions", shape.dimensions.map(dimension))
            shapeObject.add(shape.details)
            object.members.append(.init("shape", shapeObject.json))
        }
        object.add(details)
        return object.json
    }

    private func elementType(_ element: ValueType?, _ details: FormatDetails) -> JSON {
        var object = Members()
        if let element { object.members.append(.init("element", valueType(element))) }
        object.add(details)
        return object.json
    }

    /// A number, a name or null; an object where the axis has more to say.
    private func dimension(_ dimension: DeclaredDimension) -> JSON {
        let size: JSON =
            switch dimension.size {
            case .known(let size): .integer(Int(size))
            case .symbol(let name): .string(name)
            case .unknown: .null
            }
        if dimension.denotation.isEmpty && dimension.details.isEmpty { return size }
        var object = Members()
        object.members.append(.init("size", size))
        object.add("denotation", dimension.denotation)
        object.add(dimension.details)
        return object.json
    }
}
