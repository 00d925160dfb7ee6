import CNNModels
import CNNTensors

/// The same elements without the axes that are named, each of size 1; without names, without every axis of size 1.
/// ONNX operator Squeeze: axes are an attribute up to version 11 and an input from 13 on; 13 to 25 add element types. A
/// negative axis counts from the back (stated from 11 on).
package struct Squeeze: ExactOperator {
    private let axesAttribute: [Int]?

    package static let definition = OperatorDefinition("Squeeze", versions: [1, 11, 13, 21, 23, 24, 25]) { version in
        if version < 13 {
            return Signature(inputs: ["data": "T"], outputs: ["squeezed": "T"], types: ["T": .movable(version: version)])
        }
        return Signature(
            inputs: ["data": "T", "axes?": "I"], outputs: ["squeezed": "T"],
            types: ["T": .movable(version: version), "I": TypeSet(.int64)])
    } make: { attributes in
        Squeeze(axesAttribute: attributes.version < 13 ? try attributes.ints("axes") : nil)
    }

    private enum Axes {
        case everyOne
        case named([Int])
        /// So many, but which is not known.
        case unknown(count: Int?)
    }

    private func axes(_ input: ValueFact?) -> Axes {
        // ONNX's reference takes an empty attribute for a missing one, an empty input for no axes at all.
        if let axesAttribute { return axesAttribute.isEmpty ? .everyOne : .named(axesAttribute) }
        guard let input else { return .everyOne }
        if let axes = input.constantIntegers { return .named(axes) }
        return .unknown(count: input.shape.dimensions?.first??.value)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let data = inputs[0], let dimensions = data.shape.dimensions else { return [ValueFact(shape: .unknown)] }
        let removed: Set<Int>
        switch axes(inputs.count > 1 ? inputs[1] : nil) {
        case .everyOne:
            guard dimensions.allSatisfy({ $0?.value != nil }) else { return [ValueFact(shape: .unknown)] }
            removed = Set(dimensions.indices.filter { dimensions[$0]?.value == 1 })
        case .named(let axes):
            removed = Set(try AxisIndex.resolve(axes, rank: dimensions.count))
        case .unknown(let count):
            guard let count, 0...dimensions.count ~= count else { return [ValueFact(shape: .unknown)] }
            return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: dimensions.count - count)))]
        }
        for axis in removed.sorted() {
            if let size = dimensions[axis]?.value, size != 1 {
                throw OperatorError("axis \(axis) of \(data.shape) has size \(size), not 1", subject: "axes")
            }
        }
        let kept = dimensions.indices.filter { !removed.contains($0) }
        let shape = SymbolicShape(kept.map { dimensions[$0] })
        return [ValueFact(shape: shape, elements: dimensions.count <= 1 ? data.knownElements : nil)]
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
