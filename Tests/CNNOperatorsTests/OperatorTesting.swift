import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

/// A node made into an operator the way the driver makes it: the version from the operator set, the attributes parsed and
/// none left over, the inputs checked against the signature.
struct OperatorUnderTest {
    let definition: OperatorDefinition
    let version: Int
    let signature: Signature
    let `operator`: any Operator
    let node: Node

    /// - Parameter inputs: which of the inputs are given.
    init(
        _ type: String, opset: Int, inputs: [Bool], outputs: Int = 1, attributes: [Attribute] = []
    ) throws {
        definition = try #require(OperatorRegistry.definition(type, domain: ""), "\(type) is not registered")
        version = try #require(definition.version(inOpset: opset), "\(type) is not in operator set \(opset)")
        signature = definition.signature(version)
        node = Node(
            type, inputs: inputs.enumerated().map { $1 ? "input\($0)" : "" }, outputs: (0..<outputs).map { "output\($0)" },
            attributes: attributes)
        let reader = AttributeReader(node, version: version)
        `operator` = try definition.make(reader)
        if let name = reader.unread.first { throw OperatorError("is not defined in version \(version)", subject: name) }
    }

    /// Number of inputs, element types, one type a type variable.
    func checkSignature(_ inputs: [Tensor?], _ outputs: [Tensor]) throws {
        var bound: [String: DataType] = [:]
        func check(_ dataType: DataType?, at index: Int, of parameters: [Signature.Parameter]) throws {
            guard let parameter = Signature.parameter(at: index, of: parameters) else {
                throw OperatorError("\(definition.type) \(version) takes no parameter #\(index)")
            }
            guard let dataType else {
                if case .one = parameter.multiplicity { throw OperatorError("is required", subject: parameter.name) }
                return
            }
            guard let allowed = signature.types[parameter.typeVariable], allowed.contains(dataType) else {
                throw OperatorError("\(dataType) is not allowed", subject: parameter.name)
            }
            guard bound[parameter.typeVariable, default: dataType] == dataType else {
                throw OperatorError("\(dataType) differs from the other \(parameter.typeVariable)", subject: parameter.name)
            }
            bound[parameter.typeVariable] = dataType
        }
        for (index, input) in inputs.enumerated() { try check(input?.dataType, at: index, of: signature.inputs) }
        for index in inputs.count..<max(signature.inputs.count, inputs.count) {
            if case .one = signature.inputs[index].multiplicity {
                throw OperatorError("is required", subject: signature.inputs[index].name)
            }
        }
        for (index, output) in outputs.enumerated() { try check(output.dataType, at: index, of: signature.outputs) }
    }
}

/// What `type` computes for these inputs in operator set `opset`, after checking that inference says the same of it as
/// evaluation: with the inputs as constants, with only their shapes known, and with a name in place of every size.
func evaluate(
    _ type: String, opset: Int, _ inputs: [Tensor?], outputs: Int = 1, attributes: [Attribute] = [],
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> [Tensor] {
    let made = try OperatorUnderTest(
        type, opset: opset, inputs: inputs.map { $0 != nil }, outputs: outputs, attributes: attributes)
    try made.checkSignature(inputs, [])
    let results = try made.operator.evaluate(inputs)
    #expect(results.count >= outputs, sourceLocation: sourceLocation)
    try made.checkSignature(inputs, results)
    for guise in InputGuise.allCases {
        var sizes: [String: Dimension] = [:]
        let facts = inputs.enumerated().map { index, input in
            input.map { guise.fact(of: $0, index: index, sizes: &sizes) }
        }
        let inferred = try made.operator.infer(facts)
        #expect(inferred.count >= outputs, "\(guise)", sourceLocation: sourceLocation)
        for (fact, result) in zip(inferred, results) {
            try expectAgreement(fact, result, sizes: sizes, comment: "\(type) \(guise)", sourceLocation: sourceLocation)
        }
    }
    return results
}

/// How much of an input inference is told.
private enum InputGuise: CaseIterable {
    case constants
    case shapes
    /// Whole numbers of up to one axis stay constant (they are shapes, axes and indices); all else gets named sizes.
    case namedSizes
    case ranks
    case nothing

    func fact(of input: Tensor, index: Int, sizes: inout [String: Dimension]) -> ValueFact {
        switch self {
        case .constants:
            return ValueFact(constant: input)
        case .shapes:
            return ValueFact(dataType: input.dataType, shape: SymbolicShape(input.shape))
        case .namedSizes:
            if input.shape.rank <= 1, input.dataType.isInteger { return ValueFact(constant: input) }
            var dimensions: [Dimension?] = []
            for (axis, size) in input.shape.dimensions.enumerated() {
                let name = "d\(index)_\(axis)"
                sizes[name] = Dimension(size)
                dimensions.append(.symbol(name))
            }
            return ValueFact(dataType: input.dataType, shape: SymbolicShape(dimensions))
        case .ranks:
            let dimensions = [Dimension?](repeating: nil, count: input.shape.rank)
            return ValueFact(dataType: input.dataType, shape: SymbolicShape(dimensions))
        case .nothing:
            return ValueFact(dataType: input.dataType, shape: .unknown)
        }
    }
}

/// Whatever inference claims of a value must hold of the value itself.
func expectAgreement(
    _ fact: ValueFact, _ value: Tensor, sizes: [String: Dimension], comment: Comment,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    if let dataType = fact.dataType { #expect(dataType == value.dataType, comment, sourceLocation: sourceLocation) }
    if let constant = fact.constant { #expect(constant == value, comment, sourceLocation: sourceLocation) }
    if let dimensions = try fact.shape.substituting(sizes).dimensions {
        #expect(dimensions.count == value.shape.rank, comment, sourceLocation: sourceLocation)
        for (dimension, size) in zip(dimensions, value.shape.dimensions) {
            guard let dimension else { continue }
            #expect(dimension == Dimension(size), comment, sourceLocation: sourceLocation)
        }
    }
    if let elements = fact.elements {
        let expected = try value.integers().map { Dimension(Int($0)) }
        let actual = try elements.map { element throws(DimensionError) in try element.substituting(sizes) }
        #expect(actual == expected, comment, sourceLocation: sourceLocation)
    }
}

/// The inferred output shapes, as text, for inputs of these types and declared dimensions.
func inferredShapes(
    _ type: String, opset: Int, _ inputs: [ValueFact?], outputs: Int = 1, attributes: [Attribute] = []
) throws -> [String] {
    let made = try OperatorUnderTest(
        type, opset: opset, inputs: inputs.map { $0 != nil }, outputs: outputs, attributes: attributes)
    return try made.operator.infer(inputs).prefix(outputs).map { "\($0.shape)" }
}

extension ValueFact {
    /// A float32 value with these dimensions, numbers or names.
    static func float(_ dimensions: Dimension?...) -> ValueFact {
        ValueFact(dataType: .float32, shape: SymbolicShape(dimensions))
    }

    /// A constant vector of int64.
    static func ints(_ values: Int64...) throws -> ValueFact { ValueFact(constant: try Tensor(values)) }
}

extension Tensor {
    /// The numbers 0, 1, 2 … in float32.
    static func counting(_ dimensions: Int...) throws -> Tensor {
        let shape = try Shape(dimensions)
        return try Tensor((0..<shape.elementCount).map { Float($0) }, shape: shape)
    }
}
