import CNNModels
import CNNTensors

/// The same elements with new axes of size 1, which are named as they count in the output.
/// ONNX operator Unsqueeze: axes are an attribute up to version 11 and an input from 13 on; 13 to 25 add element types. A
/// negative axis counts from the back (stated from 11 on).
package struct Unsqueeze: ExactOperator {
    private let axesAttribute: [Int]?

    package static let definition = OperatorDefinition("Unsqueeze", versions: [1, 11, 13, 21, 23, 24, 25]) { version in
        if version < 13 {
            return Signature(inputs: ["data": "T"], outputs: ["expanded": "T"], types: ["T": .movable(version: version)])
        }
        return Signature(
            inputs: ["data": "T", "axes": "I"], outputs: ["expanded": "T"],
            types: ["T": .movable(version: version), "I": TypeSet(.int64)])
    } make: { attributes in
        Unsqueeze(
            axesAttribute: attributes.version < 13 ? try attributes.required("axes", attributes.ints("axes")) : nil)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let data = inputs[0], let dimensions = data.shape.dimensions else { return [ValueFact(shape: .unknown)] }
        let axesInput = inputs.count > 1 ? inputs[1] : nil
        guard let axes = axesAttribute ?? axesInput?.constantIntegers else {
            guard let count = axesInput?.shape.dimensions?.first??.value, 0...ValueFact.elementLimit ~= count else {
                return [ValueFact(shape: .unknown)]
            }
            return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: dimensions.count + count)))]
        }
        let rank = dimensions.count + axes.count
        let inserted = Set(try AxisIndex.resolve(axes, rank: rank))
        var rest = dimensions[...]
        let shape = SymbolicShape((0..<rank).map { inserted.contains($0) ? 1 : rest.removeFirst() })
        return [ValueFact(shape: shape, elements: rank <= 1 ? data.knownElements : nil)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0] else { throw OperatorError("is required", subject: "data") }
        let axes = (inputs.count > 1 ? inputs[1] : nil).map { ValueFact(constant: $0) }
        guard let shape = try infer([ValueFact(shape: SymbolicShape(data.shape)), axes])[0].shape.concrete else {
            throw OperatorError("are not whole numbers", subject: "axes")
        }
        return [try data.reshaped(shape)]
    }
}
