import CNNModels
import CNNTensors

/// The input as it is or, in training mode, with elements left out at random and the rest scaled up:
///
///     mask = u ≥ ratio,  output = data · mask / (1 − ratio)
///
/// with u drawn uniformly from 0 ..< 1 by `MersenneTwister`; without the attribute `seed`, where ONNX leaves the seed open,
/// it is 0. In inference the mask is true (or 1) everywhere.
/// ONNX operator Dropout: versions 1 to 10 have the ratio as an attribute and are evaluated in inference mode; from 12 on
/// `ratio` (0.5 by default) and `training_mode` (false) are inputs. The mask is of the data's type before version 10 and
/// bool from then on; 13 and 22 add element types.
package struct Dropout: Operator {
    private let version: Int
    private let seed: Int?
    /// Versions 1 and 6: whether the node says that it trains.
    private let isExportedInTraining: Bool

    package static let definition = OperatorDefinition("Dropout", versions: [1, 6, 7, 10, 12, 13, 22]) { version in
        switch version {
        case ..<10:
            return Signature(inputs: ["data": "T"], outputs: ["output": "T", "mask?": "T"], types: ["T": .ieeeFloats])
        case 10:
            return Signature(
                inputs: ["data": "T"], outputs: ["output": "T", "mask?": "T1"], types: ["T": .ieeeFloats, "T1": .bool])
        default:
            let types: TypeSet = version < 13 ? .ieeeFloats : version < 22 ? .floats : [.floats, .float8]
            return Signature(
                inputs: ["data": "T", "ratio?": "T1", "training_mode?": "T2"], outputs: ["output": "T", "mask?": "T2"],
                types: ["T": types, "T1": version < 22 ? .ieeeFloats : types, "T2": .bool])
        }
    } make: { attributes in
        try Dropout(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        version = attributes.version
        seed = version >= 12 ? try attributes.int("seed") : nil
        isExportedInTraining = version < 7 ? try attributes.int("is_test", default: 0) == 0 : false
        if version < 12 { attributes.ignore("ratio") }
        if version == 1 { attributes.ignore("consumed_inputs") }
    }

    package var isDeterministic: Bool { version < 12 || seed != nil }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let data = try inputs.required(0, "data")
        var fact = ValueFact(shape: data.shape)
        let isTraining = version >= 12 && inputs.optional(2)?.constantIntegers?.first ?? 0 != 0
        if isExportedInTraining || isTraining {
            fact.remarks.append(
                isTraining ? "runs in training mode" : "is marked as in training ('is_test' is 0), but runs as in inference")
        }
        return [fact, ValueFact(dataType: version < 10 ? data.dataType : .bool, shape: data.shape)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let data = try inputs.required(0, "data")
        let count = data.shape.elementCount
        let isTraining =
            try version >= 12 && inputs.optional(2).map { try Self.single($0.integers(), "training_mode") != 0 } == true
        let ratio = try isTraining ? inputs.optional(1).map { try Self.single($0.doubles(), "ratio") } ?? 0.5 : 0
        guard ratio >= 0, ratio < 1 else { throw OperatorError("must lie in 0 ..< 1, but is \(ratio)", subject: "ratio") }
        guard ratio > 0 else {
            return [data, try mask([Bool](repeating: true, count: count), data)]
        }
        var generator = MersenneTwister(seed: try Self.seed(seed ?? 0))
        let kept = (0..<count).map { _ in generator.nextUniform() >= ratio }
        let values = zip(try data.doubles(), kept).map { $1 ? $0 / (1 - ratio) : $0 * 0 }
        return [try Tensor(rounding: values, to: data.dataType, shape: data.shape), try mask(kept, data)]
    }

    private func mask(_ kept: [Bool], _ data: Tensor) throws -> Tensor {
        if version >= 10 { return try Tensor(bools: kept, shape: data.shape) }
        return try Tensor(rounding: kept.map { $0 ? 1 : 0 }, to: data.dataType, shape: data.shape)
    }

    private static func single<Element>(_ values: [Element], _ name: String) throws -> Element {
        guard values.count == 1 else { throw OperatorError("must be one value, but has \(values.count)", subject: name) }
        return values[0]
    }

    private static func seed(_ seed: Int) throws -> UInt32 {
        guard let seed = UInt32(exactly: seed) else {
            throw OperatorError("must lie between 0 and \(UInt32.max), but is \(seed)", subject: "seed")
        }
        return seed
    }

    package var dependence: ElementDependence { .one }

    /// In inference nothing is computed; in training every element that is kept is scaled.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let (x, y) = (try inputs.required(0, "data").doubles(), try outputs[0].doubles())
        if x == y { return outputs.map { _ in .exact } }
        return [.elements(y.map { unit.gamma(3) * $0.magnitude + unit.smallest })] + outputs.dropFirst().map { _ in .exact }
    }
}
