import CNNModels
import CNNTensors

/// Any number of tensors, at least one, combined element by element: their sum, mean, maximum or minimum, of which NaN in
/// any input makes NaN. ONNX operators Sum, Mean, Max and Min: versions 1 and 6 take inputs of one shape (6 only drops
/// `consumed_inputs`), 8 broadcasts as NumPy does; 12 (Max and Min) and 13 add element types.
package struct ElementwiseVariadic: Operator {
    package let function: Function
    /// Whether the inputs must have one shape.
    private let takesEqualShapes: Bool

    package enum Function: Sendable, Hashable {
        case sum
        case mean
        case maximum
        case minimum
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let facts = inputs.compactMap { $0 }
        guard facts.count == inputs.count, let first = facts.first else { return [ValueFact(shape: .unknown)] }
        let shapes = facts.map(\.shape)
        if takesEqualShapes {
            let shape = try shapes.dropFirst().reduce(shapes[0]) { try BroadcastRule.equalShapes.shape($0, $1) }
            return [ValueFact(shape: shape)]
        }
        var fact = ValueFact(shape: try Broadcasting.shape(of: shapes))
        fact.follow { () throws(DimensionError) in
            var elements = first.knownElements
            for input in facts.dropFirst() {
                elements = try SizeArithmetic.combine(elements, input.knownElements, as: first.dataType) {
                    left, right throws(DimensionError) in try combine(left, right)
                }
            }
            return elements
        }
        return [fact]
    }

    private func combine(_ left: Dimension, _ right: Dimension) throws(DimensionError) -> Dimension? {
        switch function {
        case .maximum: try .maximum(left, right)
        case .minimum: try .minimum(left, right)
        // Only floats have sums and means.
        case .sum, .mean: nil
        }
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let tensors = inputs.compactMap { $0 }
        guard tensors.count == inputs.count, let first = tensors.first else {
            throw OperatorError("every input is required")
        }
        if takesEqualShapes, let other = tensors.first(where: { $0.shape != first.shape }) {
            throw OperatorError("shapes \(first.shape) and \(other.shape) differ, which is allowed from operator set 8")
        }
        let broadcasting = try Broadcasting(tensors.map(\.shape), resultType: .float64)
        if first.dataType.isFloatingPoint {
            return [try combineFloats(tensors, broadcasting, first.dataType)]
        }
        return [try combineIntegers(tensors, broadcasting, first.dataType)]
    }

    private func combineFloats(_ tensors: [Tensor], _ broadcasting: Broadcasting, _ dataType: DataType) throws -> Tensor {
        var values: [Double] = []
        for tensor in tensors {
            let x = try tensor.doubles()
            let positions = broadcasting.positions(of: tensor.shape)
            if values.isEmpty {
                values = positions.map { x[$0] }
                continue
            }
            for (index, position) in zip(values.indices, positions) {
                switch function {
                case .sum, .mean: values[index] += x[position]
                case .maximum: values[index] = ElementaryFunctions.maximum(values[index], x[position])
                case .minimum: values[index] = ElementaryFunctions.minimum(values[index], x[position])
                }
            }
        }
        if function == .mean { values = values.map { $0 / Double(tensors.count) } }
        return try Tensor(rounding: values, to: dataType, shape: broadcasting.shape)
    }

    private func combineIntegers(_ tensors: [Tensor], _ broadcasting: Broadcasting, _ dataType: DataType) throws -> Tensor {
        guard function == .maximum || function == .minimum else {
            throw TensorError.wrongDataType(dataType, expected: "a float type")
        }
        var keys: [Int64] = []
        for tensor in tensors {
            let x = try tensor.orderKeys(nanKey: 0)
            let positions = broadcasting.positions(of: tensor.shape)
            if keys.isEmpty {
                keys = positions.map { x[$0] }
                continue
            }
            for (index, position) in zip(keys.indices, positions) {
                keys[index] = function == .maximum ? max(keys[index], x[position]) : min(keys[index], x[position])
            }
        }
        return try Tensor(integerOrderKeys: keys, dataType, shape: broadcasting.shape)
    }
}

// MARK: - Rounding

extension ElementwiseVariadic {
    package var dependence: ElementDependence { .one }

    /// γₙ₋₁·Σ|x| for n addends; the mean divides once more.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        guard function == .sum || function == .mean, outputs[0].dataType.isFloatingPoint else { return [.exact] }
        let magnitudes = try evaluate(inputs.map { try $0.map { try Tensor($0.doubles().map(\.magnitude), shape: $0.shape) } })
        let gamma = unit.gamma(Double(inputs.count) + 1)
        return [.elements(try magnitudes[0].doubles().map { gamma * $0 + unit.smallest })]
    }
}

// MARK: - Definitions

extension ElementwiseVariadic {
    package static let definitions: [OperatorDefinition] = [
        define("Max", output: "max", .maximum, versions: [1, 6, 8, 12, 13]),
        define("Mean", output: "mean", .mean, versions: [1, 6, 8, 13]),
        define("Min", output: "min", .minimum, versions: [1, 6, 8, 12, 13]),
        define("Sum", output: "sum", .sum, versions: [1, 6, 8, 13]),
    ]

    private static func define(
        _ type: String, output: String, _ function: Function, versions: [Int]
    ) -> OperatorDefinition {
        OperatorDefinition(type, versions: versions) { version in
            let hasIntegers = versions.contains(12) && version >= 12
            let types: TypeSet = [version < 13 ? .ieeeFloats : .floats, hasIntegers ? .integers : []]
            return Signature(inputs: ["data_0+": "T"], outputs: [output: "T"], types: ["T": types])
        } make: { attributes in
            attributes.ignoreConsumedInputs(versions: versions)
            return ElementwiseVariadic(function: function, takesEqualShapes: attributes.version < 8)
        }
    }
}
