import CNNModels
import CNNTensors

/// `Y = min(max, max(min, X))` element by element, so that `max` wins where it is less than `min`; NaN stays NaN.
/// ONNX operator Clip: versions 1 and 6 have the bounds as attributes (6 drops `consumed_inputs`), 11 as optional inputs of
/// one element; 12 and 13 add element types. A bound left out is the lowest or highest finite number of the type, and of
/// float32 where it is an attribute.
package struct Clip: ExactOperator {
    private let bounds: Bounds

    private enum Bounds {
        case attributes(min: Float, max: Float)
        case inputs
    }

    package static let definition = OperatorDefinition("Clip", versions: [1, 6, 11, 12, 13]) { version in
        let types: TypeSet = version < 12 ? .ieeeFloats : version < 13 ? .ieeeNumbers : .numbers
        if version < 11 { return Signature(inputs: ["input": "T"], outputs: ["output": "T"], types: ["T": types]) }
        return Signature(
            inputs: ["input": "T", "min?": "T", "max?": "T"], outputs: ["output": "T"], types: ["T": types])
    } make: { attributes in
        attributes.ignoreConsumedInputs(versions: [1, 6])
        guard attributes.version < 11 else { return Clip(bounds: .inputs) }
        return Clip(
            bounds: .attributes(
                min: try attributes.float("min", default: -.greatestFiniteMagnitude),
                max: try attributes.float("max", default: .greatestFiniteMagnitude)))
    }

    /// The bounds where they are float32 numbers that follow from the model: attributes, constants or the type's limits.
    package func constantBounds(_ inputs: [ValueFact?]) -> (min: Float, max: Float)? {
        if case .attributes(let min, let max) = bounds { return (min, max) }
        func bound(_ index: Int, default limit: Float) -> Float? {
            guard index < inputs.count, let input = inputs[index] else { return limit }
            guard let values = try? input.constant?.elements(as: Float.self), values.count == 1 else { return nil }
            return values[0]
        }
        guard inputs.first??.dataType == .float32, let min = bound(1, default: -.greatestFiniteMagnitude),
            let max = bound(2, default: .greatestFiniteMagnitude)
        else { return nil }
        return (min, max)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let input = inputs[0] else { return [ValueFact(shape: .unknown)] }
        for (name, bound) in zip(["min", "max"], inputs.dropFirst()) {
            if let shape = bound?.shape.concrete { try Self.checkIsOneElement(shape, name) }
        }
        var fact = ValueFact(shape: input.shape)
        fact.follow { () throws(DimensionError) in
            var elements = input.knownElements
            if inputs.count > 1, let min = inputs[1] {
                elements = try SizeArithmetic.combine(elements, min.knownElements, as: input.dataType) {
                    element, bound throws(DimensionError) in try Dimension.maximum(element, bound)
                }
            }
            if inputs.count > 2, let max = inputs[2] {
                elements = try SizeArithmetic.combine(elements, max.knownElements, as: input.dataType) {
                    element, bound throws(DimensionError) in try Dimension.minimum(element, bound)
                }
            }
            return elements
        }
        return [fact]
    }

    private static func checkIsOneElement(_ shape: Shape, _ name: String) throws {
        guard shape.elementCount == 1 else {
            throw OperatorError("must be one number, but has shape \(shape)", subject: name)
        }
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("input is required") }
        let dataType = input.dataType
        if dataType.isFloatingPoint {
            let limit = dataType.greatestFiniteMagnitude ?? .infinity
            let (low, high): (Double, Double) =
                switch bounds {
                case .attributes(let min, let max): (Double(min), Double(max))
                case .inputs:
                    (
                        try Self.bound(1, "min", of: inputs)?.doubles()[0] ?? -limit,
                        try Self.bound(2, "max", of: inputs)?.doubles()[0] ?? limit
                    )
                }
            let values = try input.doubles().map {
                ElementaryFunctions.minimum(high, ElementaryFunctions.maximum(low, $0))
            }
            return [try Tensor(rounding: values, to: dataType, shape: input.shape)]
        }
        let low = try Self.bound(1, "min", of: inputs)?.orderKeys(nanKey: 0)[0] ?? .min
        let high = try Self.bound(2, "max", of: inputs)?.orderKeys(nanKey: 0)[0] ?? .max
        let keys = try input.orderKeys(nanKey: 0).map { min(high, max(low, $0)) }
        return [try Tensor(integerOrderKeys: keys, dataType, shape: input.shape)]
    }

    private static func bound(_ index: Int, _ name: String, of inputs: [Tensor?]) throws -> Tensor? {
        guard index < inputs.count, let bound = inputs[index] else { return nil }
        try checkIsOneElement(bound.shape, name)
        return bound
    }
}
