import CNNModels
import CNNTensors

/// A matrix of the same elements: the axes before `axis` make the rows, those from it on the columns.
///
///     Y = reshape(X, [D0 · … · D(axis−1), D(axis) · …])
///
/// X is of any shape; an empty product is 1. ONNX operator Flatten: from version 11 on, a negative axis counts from the
/// back; 1 takes floats only, 13 to 25 add element types.
package struct Flatten: ExactOperator {
    private let axis: Int

    package static let definition = OperatorDefinition("Flatten", versions: [1, 9, 11, 13, 21, 23, 24, 25]) { version in
        Signature(
            inputs: ["input": "T"], outputs: ["output": "T"],
            types: ["T": version < 9 ? .ieeeFloats : .movable(version: version)])
    } make: { attributes in
        let axis = try attributes.int("axis", default: 1)
        guard axis >= 0 || attributes.version >= 11 else {
            throw OperatorError("must not be negative before opset 11, but is \(axis)", subject: "axis")
        }
        return Flatten(axis: axis)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let dimensions = inputs[0]?.shape.dimensions else {
            return [ValueFact(shape: SymbolicShape([axis == 0 ? 1 : nil, nil]))]
        }
        // Unlike an axis to work on, this is a border between axes: the rank itself is one of them.
        guard axis >= -dimensions.count, axis <= dimensions.count else {
            throw OperatorError(
                "must lie between \(-dimensions.count) and \(dimensions.count), but is \(axis)", subject: "axis")
        }
        let border = axis < 0 ? axis + dimensions.count : axis
        let rows = try SymbolicShape(Array(dimensions[..<border])).elementCount()
        let columns = try SymbolicShape(Array(dimensions[border...])).elementCount()
        return [ValueFact(shape: SymbolicShape([rows, columns]))]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("is required", subject: "input") }
        guard let shape = try infer([ValueFact(shape: SymbolicShape(input.shape))])[0].shape.concrete else {
            throw OperatorError("the input \(input.shape) makes no matrix")
        }
        return [try input.reshaped(shape)]
    }
}
