import CNNModels
import CNNTensors

/// The same shape with every element converted to another type, by the rules of `ElementConversion`.
/// ONNX operator Cast: version 1 names the type in `to`, 6 numbers it; 9, 13, 19, 21, 23, 24, 25 and 28 add element types,
/// 19 `saturate` and 24 `round_mode`. ONNX operator CastLike, from version 15, takes the type of a second input.
package struct Cast: Operator {
    /// Nil for CastLike: the type of the second input.
    private let target: DataType?
    private let saturates: Bool
    private let exponentRounding: ExponentByte.Rounding

    package static let definition = OperatorDefinition("Cast", versions: [1, 6, 9, 13, 19, 21, 23, 24, 25, 28]) { version in
        let types = castTypes(version: version)
        return Signature(inputs: ["input": "T1"], outputs: ["output": "T2"], types: ["T1": types, "T2": types])
    } make: { attributes in
        try Cast(attributes, target: targetType(attributes))
    }

    package static let castLikeDefinition = OperatorDefinition("CastLike", versions: [15, 19, 21, 23, 24, 25]) { version in
        let types = castTypes(version: version)
        return Signature(
            inputs: ["input": "T1", "target_type": "T2"], outputs: ["output": "T2"], types: ["T1": types, "T2": types])
    } make: { attributes in
        try Cast(attributes, target: nil)
    }

    private static func castTypes(version: Int) -> TypeSet {
        if version < 9 { return [.ieeeNumbers, .bool] }
        let types = TypeSet.movable(version: version).subtracting(.complex)
        return version < 28 ? types : [types, TypeSet(.float6e2m3, .float6e3m2)]
    }

    private static func targetType(_ attributes: AttributeReader) throws -> DataType {
        let type: DataType?
        let text: String
        if attributes.version < 6 {
            text = try attributes.required("to", attributes.string("to"))
            // Version 1 has the names of the enumeration TensorProto.DataType.
            type =
                switch text {
                case "FLOAT": .float32
                case "DOUBLE": .float64
                default: text == text.uppercased() ? DataType(name: text.lowercased()) : nil
                }
        } else {
            let number = try attributes.required("to", attributes.int("to"))
            text = "\(number)"
            type = Int32(exactly: number).flatMap(DataType.init(rawValue:))
        }
        guard let type, castTypes(version: attributes.version).contains(type) else {
            throw OperatorError("\(text) is no type that version \(attributes.version) converts to", subject: "to")
        }
        return type
    }

    private init(_ attributes: AttributeReader, target: DataType?) throws {
        self.target = target
        saturates = attributes.version >= 19 ? try attributes.flag("saturate", default: true) : true
        exponentRounding = attributes.version >= 24 ? try attributes.choice("round_mode", default: .up) : .up
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let input = inputs[0] else { return [ValueFact(dataType: target, shape: .unknown)] }
        let dataType = target ?? (inputs.count > 1 ? inputs[1]?.dataType : nil)
        var fact = ValueFact(dataType: dataType, shape: input.shape)
        guard let dataType, let elements = input.knownElements else { return [fact] }
        if dataType == .bool {
            fact.follow { () throws(DimensionError) in
                try SizeArithmetic.map(elements, as: .bool) { element throws(DimensionError) in
                    try SizeArithmetic.isEqual(element, 0).map { $0 ? 0 : 1 }
                }
            }
        } else if dataType.wordRange != nil {
            fact.follow { () throws(DimensionError) in
                try SizeArithmetic.map(elements, as: dataType) { $0 }
            }
        }
        return [fact]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("input is required") }
        guard let target = target ?? (inputs.count > 1 ? inputs[1]?.dataType : nil) else {
            throw OperatorError("target_type is required")
        }
        let convert = ElementConversion(target: target, saturates: saturates, exponentRounding: exponentRounding)
        return [try convert(input)]
    }

    /// A cast among floating-point types changes no real number; one from them to whole numbers cuts as ever.
    package func evaluateInDouble(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("input is required") }
        let target = target ?? (inputs.count > 1 ? inputs[1]?.dataType : nil)
        guard let target, RoundingUnit(target) != nil, input.dataType != .string else {
            return try evaluate(inputs).map { try $0.widened() }
        }
        return [try ElementConversion(target: .float64)(input)]
    }

    package var dependence: ElementDependence { .one }

    /// One rounding to the type; a cast to a wider type or to whole numbers rounds nothing.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        guard outputs[0].dataType == .float64 else { return [.exact] }
        return [.elements(try outputs[0].doubles().map { unit.roundoff * $0.magnitude + unit.smallest })]
    }
}
