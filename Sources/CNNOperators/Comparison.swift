import CNNModels
import CNNTensors

/// Two tensors compared element by element, broadcast to one shape: `C = (A ? B)` of type bool. A comparison with NaN is false;
/// −0 equals 0; strings are equal byte for byte.
/// ONNX operators Equal, Greater and Less: version 1 broadcasts by attributes (`BroadcastRule`), 7 as NumPy does; 9 (Greater,
/// Less), 11, 13 and 19 (Equal) add element types. GreaterOrEqual and LessOrEqual: version 12, and 16 with bfloat16.
package struct Comparison: ExactOperator {
    package let relation: Relation
    package let broadcastRule: BroadcastRule

    package enum Relation: Sendable, Hashable {
        case equal
        case greater
        case greaterOrEqual
        case less
        case lessOrEqual

        fileprivate func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
            switch self {
            case .equal: left == right
            case .greater: left > right
            case .greaterOrEqual: left >= right
            case .less: left < right
            case .lessOrEqual: left <= right
            }
        }

        /// Whether the relation holds for sizes that may have names in them; nil if that depends on what they stand for.
        fileprivate func holds(_ left: Dimension, _ right: Dimension) throws(DimensionError) -> Bool? {
            switch self {
            case .equal: try SizeArithmetic.isEqual(left, right)
            case .greater: try SizeArithmetic.isGreater(left, right)
            case .greaterOrEqual: try SizeArithmetic.isGreater(right, left).map { !$0 }
            case .less: try SizeArithmetic.isGreater(right, left)
            case .lessOrEqual: try SizeArithmetic.isGreater(left, right).map { !$0 }
            }
        }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard inputs.count == 2, let a = inputs[0], let b = inputs[1] else {
            return [ValueFact(dataType: .bool, shape: .unknown)]
        }
        var fact = ValueFact(dataType: .bool, shape: try broadcastRule.shape(a.shape, b.shape))
        fact.follow { () throws(DimensionError) in
            try SizeArithmetic.combine(a.knownElements, b.knownElements, as: .bool) {
                left, right throws(DimensionError) in try relation.holds(left, right).map { $0 ? 1 : 0 }
            }
        }
        return [fact]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard inputs.count == 2, let a = inputs[0], let b = inputs[1] else { throw OperatorError("A and B are required") }
        let (broadcasting, second) = try broadcastRule.broadcasting(a.shape, b.shape, resultType: .bool)
        let positions = zip(broadcasting.positions(of: a.shape), broadcasting.positions(of: second))
        let truths: [Bool]
        if a.dataType == .string {
            let (x, y) = (try a.strings(), try b.strings())
            truths = positions.map { x[$0] == y[$1] }
        } else if a.dataType.isFloatingPoint {
            let (x, y) = (try a.doubles(), try b.doubles())
            truths = positions.map { relation.holds(x[$0], y[$1]) }
        } else {
            let (x, y) = (try a.orderKeys(nanKey: 0), try b.orderKeys(nanKey: 0))
            truths = positions.map { relation.holds(x[$0], y[$1]) }
        }
        return [try Tensor(bools: truths, shape: broadcasting.shape)]
    }
}

// MARK: - Definitions

extension Comparison {
    package static let definitions: [OperatorDefinition] = [
        define(
            "Equal", .equal,
            [
                1: TypeSet(.bool, .int32, .int64), 7: TypeSet(.bool, .int32, .int64), 11: [.ieeeNumbers, .bool],
                13: [.numbers, .bool], 19: [.numbers, .bool, .string],
            ]),
        define("Greater", .greater, [1: .ieeeFloats, 7: .ieeeFloats, 9: .ieeeNumbers, 13: .numbers]),
        define("GreaterOrEqual", .greaterOrEqual, [12: .ieeeNumbers, 16: .numbers]),
        define("Less", .less, [1: .ieeeFloats, 7: .ieeeFloats, 9: .ieeeNumbers, 13: .numbers]),
        define("LessOrEqual", .lessOrEqual, [12: .ieeeNumbers, 16: .numbers]),
    ]

    /// - Parameter types: the inputs' element types by version.
    private static func define(
        _ type: String, _ relation: Relation, _ types: KeyValuePairs<Int, TypeSet>
    ) -> OperatorDefinition {
        OperatorDefinition(type, versions: types.map(\.key)) { version in
            let allowed = types.last { $0.key <= version }?.value ?? []
            return Signature(
                inputs: ["A": "T", "B": "T"], outputs: ["C": "T1"], types: ["T": allowed, "T1": .bool])
        } make: { attributes in
            Comparison(relation: relation, broadcastRule: try BroadcastRule(attributes))
        }
    }
}
