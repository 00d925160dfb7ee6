import CNNModels
import CNNTensors

/// `Z = X^Y` element by element, broadcast to one shape, of X's type.
/// ONNX operator Pow: version 1 broadcasts by attributes (`BroadcastRule`), 7 as NumPy does; 12 lets the exponent have another
/// type and adds integers, 13 and 15 bfloat16.
///
/// An integer to the power of an integer is exact and wraps round; a fraction is cut off (of a negative exponent only 1 and
/// −1 leave something). With an exponent of a float type it is computed in Double and cut to the base's type.
package struct Pow: Operator {
    package let broadcastRule: BroadcastRule

    package static let definition = OperatorDefinition("Pow", versions: [1, 7, 12, 13, 15]) { version in
        if version < 12 {
            return Signature(inputs: ["X": "T", "Y": "T"], outputs: ["Z": "T"], types: ["T": .ieeeFloats])
        }
        return Signature(
            inputs: ["X": "T", "Y": "T1"], outputs: ["Z": "T"],
            types: [
                "T": [version < 13 ? .ieeeFloats : .floats, TypeSet(.int32, .int64)],
                "T1": version < 15 ? .ieeeNumbers : .numbers,
            ])
    } make: { attributes in
        Pow(broadcastRule: try BroadcastRule(attributes))
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard inputs.count == 2, let base = inputs[0], let exponent = inputs[1] else { return [ValueFact(shape: .unknown)] }
        return [ValueFact(shape: try broadcastRule.shape(base.shape, exponent.shape))]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard inputs.count == 2, let base = inputs[0], let exponent = inputs[1] else {
            throw OperatorError("X and Y are required")
        }
        let dataType = base.dataType
        let (broadcasting, second) = try broadcastRule.broadcasting(base.shape, exponent.shape, resultType: .float64)
        let positions = zip(broadcasting.positions(of: base.shape), broadcasting.positions(of: second))
        if !dataType.isFloatingPoint, !exponent.dataType.isFloatingPoint {
            let (x, y) = (try base.words(), try exponent.words())
            let isUnsigned = exponent.dataType == .uint64
            let words = positions.map { Self.power(x[$0], y[$1], isUnsigned: isUnsigned) }
            return [try Tensor(truncating: words, to: dataType, shape: broadcasting.shape)]
        }
        let (x, y) = (try base.doubles(), try exponent.doubles())
        let values = positions.map { ElementaryFunctions.pow(x[$0], y[$1]) }
        guard dataType.isFloatingPoint else {
            let powers = try Tensor(values, shape: broadcasting.shape)
            return [try ElementConversion(target: dataType)(powers)]
        }
        return [try Tensor(rounding: values, to: dataType, shape: broadcasting.shape)]
    }

    package var dependence: ElementDependence { .one }

    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        guard let base = inputs[0], base.dataType.isFloatingPoint else { return [.exact] }
        return [.elements(try outputs[0].doubles().map { ElementaryRounding.power($0, unit: unit) })]
    }

    /// The power modulo 2^64. 0 to a negative power has no value; it gives 0.
    private static func power(_ base: Int64, _ exponent: Int64, isUnsigned: Bool) -> Int64 {
        if exponent < 0, !isUnsigned {
            if base == 1 { return 1 }
            return base == -1 ? (exponent & 1 == 0 ? 1 : -1) : 0
        }
        var (result, square, rest) = (Int64(1), base, UInt64(bitPattern: exponent))
        while rest != 0 {
            if rest & 1 == 1 { result = result &* square }
            square = square &* square
            rest >>= 1
        }
        return result
    }
}
