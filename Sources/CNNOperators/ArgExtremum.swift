import CNNModels
import CNNTensors

/// The index of the largest (smallest) element along one axis; of equal ones the first, or the last if `select_last_index`
/// is set. NaN counts as the largest and the smallest, as in NumPy.
/// ONNX operators ArgMax and ArgMin: version 11 allows negative axes, 12 adds `select_last_index`, 13 bfloat16.
package struct ArgExtremum: ExactOperator {
    package let isMaximum: Bool
    package let axis: Int
    package let keepsAxis: Bool
    package let selectsLast: Bool

    package static let definitions: [OperatorDefinition] = [
        define("ArgMax", isMaximum: true), define("ArgMin", isMaximum: false),
    ]

    private static func define(_ type: String, isMaximum: Bool) -> OperatorDefinition {
        OperatorDefinition(type, versions: [1, 11, 12, 13]) { version in
            Signature(
                inputs: ["data": "T"], outputs: ["reduced": "I"],
                types: ["T": version < 13 ? .ieeeNumbers : .numbers, "I": TypeSet(.int64)])
        } make: { attributes in
            ArgExtremum(
                isMaximum: isMaximum, axis: try attributes.int("axis", default: 0),
                keepsAxis: try attributes.flag("keepdims", default: true),
                selectsLast: attributes.version >= 12 ? try attributes.flag("select_last_index") : false)
        }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let shape = inputs[0]?.shape, let rank = shape.rank else {
            return [ValueFact(dataType: .int64, shape: .unknown)]
        }
        let axis = try AxisIndex.resolve(axis, rank: rank)
        let output = ReductionGroups.outputShape(shape, reducing: [axis], keepingAxes: keepsAxis)
        return [ValueFact(dataType: .int64, shape: output)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0] else { throw OperatorError("data is required") }
        let axis = try AxisIndex.resolve(axis, rank: data.shape.rank)
        let sizes = try ReductionGroups.outputShape(data.shape, reducing: [axis], keepingAxes: keepsAxis).dimensions
        let shape = try EvaluationLimit.shape(sizes, of: .int64)
        let groups = ReductionGroups(data.shape, reducing: [axis])
        guard !groups.offsets.isEmpty || groups.starts.isEmpty else {
            throw OperatorError("axis \(axis) of \(data.shape) has no elements to choose from", subject: "axis")
        }
        let keys = try data.orderKeys(nanKey: isMaximum ? .max : .min)
        let indices = groups.starts.map { start in
            var best = 0
            for (index, offset) in groups.offsets.enumerated().dropFirst() {
                let (key, bestKey) = (keys[start + offset], keys[start + groups.offsets[best]])
                let isBetter = isMaximum ? key > bestKey : key < bestKey
                if isBetter || selectsLast && key == bestKey { best = index }
            }
            return Int64(best)
        }
        return [try Tensor(indices, shape: shape)]
    }
}
