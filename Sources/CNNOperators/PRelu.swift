import CNNModels
import CNNTensors

/// `Y = X` where X is positive, `Y = slope·X` where it is not, with `slope` broadcast to X's shape.
/// ONNX operator PRelu: in versions 1 and 6 the slope is one number or one a channel (axis 1 of X; 6 drops
/// `consumed_inputs`); from version 7 it is broadcast to X as NumPy does; 9 and 16 add element types.
package struct PRelu: Operator {
    private let slopePerChannel: Bool

    package static let definition = OperatorDefinition("PRelu", versions: [1, 6, 7, 9, 16]) { version in
        let wideIntegers = TypeSet(.int32, .int64, .uint32, .uint64)
        let types: TypeSet =
            version < 9 ? .ieeeFloats : version < 16 ? [.ieeeFloats, wideIntegers] : [.floats, wideIntegers]
        return Signature(inputs: ["X": "T", "slope": "T"], outputs: ["Y": "T"], types: ["T": types])
    } make: { attributes in
        attributes.ignoreConsumedInputs(versions: [1, 6])
        return PRelu(slopePerChannel: attributes.version < 7)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let x = inputs[0]?.shape else { return [ValueFact(shape: .unknown)] }
        if inputs.count > 1, let slope = inputs[1]?.shape {
            try Broadcasting.check(alignedSlope(slope, to: x), fits: x, subject: "slope")
        }
        return [ValueFact(shape: x)]
    }

    /// The slope's shape as NumPy's rule takes it.
    package func alignedSlope(_ slope: SymbolicShape, to x: SymbolicShape) -> SymbolicShape {
        guard slopePerChannel, let sizes = slope.dimensions, let rank = x.rank, sizes.count == 1, rank > 2 else { return slope }
        return SymbolicShape(sizes + Array(repeating: 1, count: rank - 2))
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard inputs.count > 1, let x = inputs[0], let slope = inputs[1] else {
            throw OperatorError("X and slope are required")
        }
        let aligned = alignedSlope(SymbolicShape(slope.shape), to: SymbolicShape(x.shape))
        try Broadcasting.check(aligned, fits: SymbolicShape(x.shape), subject: "slope")
        let slopeShape = aligned.concrete ?? slope.shape
        let positions = try Broadcasting([x.shape, slopeShape], resultType: x.dataType).positions(of: slopeShape)
        if x.dataType.isFloatingPoint {
            let slopes = try slope.doubles()
            let values = zip(try x.doubles(), positions).map { $0 < 0 ? slopes[$1] * $0 : $0 }
            return [try Tensor(rounding: values, to: x.dataType, shape: x.shape)]
        }
        let slopes = try slope.words()
        let words = zip(try x.words(), positions).map { x.dataType != .uint64 && $0 < 0 ? slopes[$1] &* $0 : $0 }
        return [try Tensor(truncating: words, to: x.dataType, shape: x.shape)]
    }

    package var dependence: ElementDependence { .one }

    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        guard outputs[0].dataType.isFloatingPoint else { return [.exact] }
        return [.elements(try outputs[0].doubles().map { unit.roundoff * $0.magnitude + unit.smallest })]
    }

    package var formula: String? { "Y = X where X ≥ 0, else slope · X" }
}
