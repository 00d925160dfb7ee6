import CNNModels
import CNNTensors

extension ArchiveDecoder {
    func valueInfo(_ scanner: inout JSONScanner) throws -> ValueInfo {
        var info = ValueInfo(name: "", type: nil)
        info.details = try object(&scanner, cost: 0) { scanner, key in
            switch key {
            case "name": info.name = try self.text(&scanner)
            case "type": info.type = try self.valueType(&scanner)
            case "documentation": info.documentation = try self.text(&scanner)
            case "metadata": info.metadata = try self.list(&scanner, self.metadataEntry)
            default: return false
            }
            return true
        }
        return info
    }

    func valueType(_ scanner: inout JSONScanner) throws -> ValueType {
        var type = ValueType(.unspecified)
        type.details = try object(&scanner, cost: MemoryLayout<ValueType>.stride + 64) { scanner, key in
            if key == "denotation" {
                type.denotation = try self.text(&scanner)
                return true
            }
            guard let kind = try self.kind(key, &scanner) else { return false }
            guard type.kind == .unspecified else { throw DecodingFault("a type has two kinds") }
            type.kind = kind
            return true
        }
        return type
    }

    /// The kind of type under this key; nil if there is none of that key.
    private func kind(_ key: String, _ scanner: inout JSONScanner) throws -> ValueType.Kind? {
        switch key {
        case "tensor":
            let type = try tensorType(&scanner)
            return .tensor(elementType: type.element, shape: type.shape, details: type.details)
        case "sparseTensor":
            let type = try tensorType(&scanner)
            return .sparseTensor(elementType: type.element, shape: type.shape, details: type.details)
        case "sequence":
            let type = try elementType(&scanner)
            return .sequence(type.element, details: type.details)
        case "optional":
            let type = try elementType(&scanner)
            return .optional(type.element, details: type.details)
        case "map":
            var keyType: Int32 = 0
            var value: ValueType?
            let details = try object(&scanner, cost: 64) { scanner, key in
                switch key {
                case "keyType": keyType = try self.int32(&scanner)
                case "value": value = try self.valueType(&scanner)
                default: return false
                }
                return true
            }
            return .map(keyType: keyType, value: value, details: details)
        default:
            return nil
        }
    }

    private func tensorType(
        _ scanner: inout JSONScanner
    ) throws -> (element: Int32, shape: DeclaredShape?, details: FormatDetails) {
        var element: Int32 = 0
        var shape: DeclaredShape?
        let details = try object(&scanner, cost: 64) { scanner, key in
            switch key {
            case "elementType": element = try self.int32(&scanner)
            case "shape": shape = try self.declaredShape(&scanner)
            default: return false
            }
            return true
        }
        return (element, shape, details)
    }

    private func elementType(_ scanner: inout JSONScanner) throws -> (element: ValueType?, details: FormatDetails) {
        var element: ValueType?
        let details = try object(&scanner, cost: 64) { scanner, key in
            guard key == "element" else { return false }
            element = try self.valueType(&scanner)
            return true
        }
        return (element, details)
    }

    private func declaredShape(_ scanner: inout JSONScanner) throws -> DeclaredShape {
        var shape = DeclaredShape(dimensions: [])
        shape.details = try object(&scanner, cost: MemoryLayout<DeclaredShape>.stride) { scanner, key in
            guard key == "dimensions" else { return false }
            shape.dimensions = try self.list(&scanner, self.dimension)
            return true
        }
        return shape
    }

    /// A number, a name or null, or an object that holds one of them and more.
    private func dimension(_ scanner: inout JSONScanner) throws -> DeclaredDimension {
        guard try scanner.nextKind() == .object else { return DeclaredDimension(try size(&scanner)) }
        var dimension = DeclaredDimension(.unknown)
        dimension.details = try object(&scanner, cost: 0) { scanner, key in
            switch key {
            case "size": dimension.size = try self.size(&scanner)
            case "denotation": dimension.denotation = try self.text(&scanner)
            default: return false
            }
            return true
        }
        return dimension
    }

    private func size(_ scanner: inout JSONScanner) throws -> DeclaredDimension.Size {
        switch try scanner.nextKind() {
        case .string: return .symbol(try text(&scanner))
        case .null:
            try scanner.null()
            return .unknown
        default: return .known(Int64(try scanner.integer()))
        }
    }
}
