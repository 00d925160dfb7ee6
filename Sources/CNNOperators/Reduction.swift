import CNNModels
import CNNTensors

/// One number made of all elements along some axes: their sum, mean, norm, largest …; the axes stay with size 1 if
/// `keepdims` is set (the default), else they go.
/// ONNX operators ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp, ReduceMax, ReduceMean, ReduceMin, ReduceProd, ReduceSum
/// and ReduceSumSquare: versions 1, 11 and 13 have the axes as an attribute (11 allows negative ones), 18 (ReduceSum: 13) as
/// an optional input beside `noop_with_empty_axes`; 12, 13 and 20 add element types, 28 takes integers from the logarithms.
/// No axes at all means every axis, or none if `noop_with_empty_axes` is set.
package struct Reduction: Operator {
    package let function: ReductionFunction
    package let keepsAxes: Bool
    private let axesAttribute: [Int]?
    private let isIdentityWithoutAxes: Bool

    private init(_ function: ReductionFunction, _ attributes: AttributeReader, axesAreInput: Bool) throws {
        self.function = function
        keepsAxes = try attributes.flag("keepdims", default: true)
        axesAttribute = axesAreInput ? nil : try attributes.ints("axes")
        isIdentityWithoutAxes = axesAreInput ? try attributes.flag("noop_with_empty_axes") : false
    }

    /// The axes counted from the front; nil where they are not known before the run.
    package func axes(_ inputs: [ValueFact?]) throws -> [Int]? {
        guard let rank = inputs.first??.shape.rank else { return nil }
        guard inputs.count > 1, let input = inputs[1] else { return try resolve(axesAttribute ?? [], rank: rank) }
        if input.shape.dimensions == [0] { return try resolve([], rank: rank) }
        return try input.constantIntegers.map { try resolve($0, rank: rank) }
    }

    private func resolve(_ axes: [Int], rank: Int) throws -> [Int] {
        if axes.isEmpty { return isIdentityWithoutAxes ? [] : Array(0..<rank) }
        return try AxisIndex.resolve(axes, rank: rank)
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let data = inputs[0] else { return [ValueFact(shape: .unknown)] }
        if let axes = try axes(inputs) {
            var fact = ValueFact(
                shape: ReductionGroups.outputShape(data.shape, reducing: axes, keepingAxes: keepsAxes))
            // A vector of sizes, reduced: its one axis, since a scalar has none.
            if let elements = data.knownElements, data.shape.rank == 1, axes == [0] {
                fact.follow { () throws(DimensionError) in
                    try SizeArithmetic.map([0], as: data.dataType) { _ throws(DimensionError) in
                        try function(sizes: elements)
                    }
                }
            }
            return [fact]
        }
        guard let rank = data.shape.rank else { return [ValueFact(shape: .unknown)] }
        if keepsAxes { return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: rank)))] }
        // As many axes go as are named.
        guard inputs.count > 1, let count = inputs[1]?.shape.dimensions?.first??.value, count > 0, count <= rank else {
            return [ValueFact(shape: .unknown)]
        }
        return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: rank - count)))]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0] else { throw OperatorError("data is required") }
        let named = try inputs.count > 1 ? inputs[1]?.integers().map { Int($0) } : axesAttribute
        let axes = try resolve(named ?? [], rank: data.shape.rank)
        // Whatever the type, each group has a position and a result of 8 bytes.
        let shape = try EvaluationLimit.shape(
            ReductionGroups.outputShape(data.shape, reducing: axes, keepingAxes: keepsAxes).dimensions, of: .int64)
        let groups = ReductionGroups(data.shape, reducing: axes)
        if function == .maximum || function == .minimum { return [try extremes(data, groups, shape)] }
        if data.dataType.isFloatingPoint {
            let values = try data.doubles()
            let results = groups.starts.map { start in function(groups.offsets.lazy.map { values[start + $0] }) }
            return [try Tensor(rounding: results, to: data.dataType, shape: shape)]
        }
        let words = try data.words()
        let isUnsigned = data.dataType == .uint64
        let results = try groups.starts.map { start in
            try function(words: groups.offsets.lazy.map { words[start + $0] }, isUnsigned: isUnsigned)
        }
        return [try Tensor(truncating: results, to: data.dataType, shape: shape)]
    }

    /// The largest or smallest member of each group (NaN if there is one), or the end of the type's range if it has none.
    private func extremes(_ data: Tensor, _ groups: ReductionGroups, _ shape: Shape) throws -> Tensor {
        guard !groups.offsets.isEmpty else {
            let count = shape.elementCount
            if data.dataType.isFloatingPoint {
                let limit = function == .maximum ? -Double.infinity : .infinity
                return try Tensor(rounding: Array(repeating: limit, count: count), to: data.dataType, shape: shape)
            }
            guard let range = data.dataType.wordRange else {
                throw TensorError.wrongDataType(data.dataType, expected: "a number or bool")
            }
            let limit = function == .maximum ? range.lowest : range.highest
            return try Tensor(truncating: Array(repeating: limit, count: count), to: data.dataType, shape: shape)
        }
        let keys = try data.orderKeys(nanKey: function == .maximum ? .max : .min)
        let positions = groups.starts.map { start in
            var best = start
            for offset in groups.offsets {
                let key = keys[start + offset]
                if function == .maximum ? key > keys[best] : key < keys[best] { best = start + offset }
            }
            return best
        }
        return try data.gathering(positions, shape: shape)
    }
}

// MARK: - Rounding

extension Reduction {
    package var dependence: ElementDependence { function == .maximum || function == .minimum ? .one : .several }

    /// Sums of n addends: γₙ·Σ|addend|. Products: γₙ of the result. Norms have positive addends. The logarithm of a sum magnifies
    /// the sum's relative error; a subtracted maximum is rounded in every exponent.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        guard let data = inputs[0], data.dataType.isFloatingPoint else { return [.exact] }
        if function == .maximum || function == .minimum { return [.exact] }
        let results = try outputs[0].doubles()
        let count = Double(data.shape.elementCount / max(results.count, 1))
        let gamma = unit.gamma(count + 2)
        let relative = ElementaryRounding.relative * unit.roundoff
        let underflow = unit.smallest * (count + 1)
        func magnitudes() throws -> [Double] {
            let reduction = Reduction(self, function: function == .mean ? .mean : .sum)
            var operands = inputs
            operands[0] = try Tensor(data.doubles().map(\.magnitude), shape: data.shape)
            return try reduction.evaluate(operands)[0].doubles()
        }
        switch function {
        case .l1Norm, .product, .sumOfSquares: return [.elements(results.map { gamma * $0.magnitude + underflow })]
        case .l2Norm: return [.elements(results.map { (gamma + relative) * $0 + underflow.squareRoot() })]
        case .sum, .mean: return [.elements(try magnitudes().map { gamma * $0 + underflow })]
        case .logarithmOfSum:
            return [
                .elements(
                    zip(results, try magnitudes()).map { logarithm, magnitude in
                        let error = gamma * magnitude / ElementaryFunctions.exp(logarithm)
                        // |log(1 + t)| ≤ 1.39·|t| for |t| ≤ ½.
                        return error <= 0.5
                            ? 1.39 * error + relative * logarithm.magnitude + 2 * unit.roundoff : .infinity
                    })
            ]
        case .logarithmOfSumOfExponentials:
            let largest = try data.doubles().reduce(0) { $1.isFinite ? max($0, $1.magnitude) : $0 }
            return [
                .elements(
                    results.map { gamma + relative * (1 + $0.magnitude) + 2 * unit.roundoff * (largest + $0.magnitude) })
            ]
        case .maximum, .minimum: return [.exact]
        }
    }

    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        guard let data = inputs[0], data.dataType.isFloatingPoint, function == .sum || function == .mean else {
            return try differencedVariance(inputs, variances: variances, outputs: outputs, unit: unit)
        }
        let count = Double(data.shape.elementCount / max(outputs[0].shape.elementCount, 1))
        let rounding = SumRounding(count: count, unit: unit.withFactorsKept)
        var operands = inputs
        operands[0] = try Tensor(
            rounding.factorVariances(data.doubles(), variances: variances.optional(0)), shape: data.shape)
        var result = try evaluate(operands)[0].doubles()
        if function == .mean { for index in result.indices { result[index] /= max(count, 1) } }
        try rounding.addDrift(to: &result, outputs: outputs)
        return [result]
    }

    /// The same axes under another function.
    private init(_ other: Reduction, function: ReductionFunction) {
        self.function = function
        keepsAxes = other.keepsAxes
        axesAttribute = other.axesAttribute
        isIdentityWithoutAxes = other.isIdentityWithoutAxes
    }
}

// MARK: - Definitions

extension Reduction {
    package static let definitions: [OperatorDefinition] = [
        define("ReduceL1", .l1Norm, versions: [1, 11, 13, 18]),
        define("ReduceL2", .l2Norm, versions: [1, 11, 13, 18]),
        define("ReduceLogSum", .logarithmOfSum, versions: [1, 11, 13, 18, 28]),
        define("ReduceLogSumExp", .logarithmOfSumOfExponentials, versions: [1, 11, 13, 18, 28]),
        define("ReduceMax", .maximum, versions: [1, 11, 12, 13, 18, 20]),
        define("ReduceMean", .mean, versions: [1, 11, 13, 18]),
        define("ReduceMin", .minimum, versions: [1, 11, 12, 13, 18, 20]),
        define("ReduceProd", .product, versions: [1, 11, 13, 18]),
        define("ReduceSum", .sum, versions: [1, 11, 13], axesAreInputFrom: 13),
        define("ReduceSumSquare", .sumOfSquares, versions: [1, 11, 13, 18]),
    ]

    private static func define(
        _ type: String, _ function: ReductionFunction, versions: [Int], axesAreInputFrom firstWithInput: Int = 18
    ) -> OperatorDefinition {
        OperatorDefinition(type, versions: versions) { version in
            var types: TypeSet = [version < 13 ? .ieeeFloats : .floats]
            // Version 28 exists only where it takes the integers away.
            if version < 28 { types.formUnion(TypeSet(.int32, .int64, .uint32, .uint64)) }
            if versions.contains(12), version >= 12 { types.formUnion(TypeSet(.int8, .uint8)) }
            if versions.contains(20), version >= 20 { types.formUnion(.bool) }
            if version < firstWithInput {
                return Signature(inputs: ["data": "T"], outputs: ["reduced": "T"], types: ["T": types])
            }
            return Signature(
                inputs: ["data": "T", "axes?": "I"], outputs: ["reduced": "T"], types: ["T": types, "I": TypeSet(.int64)])
        } make: { attributes in
            try Reduction(function, attributes, axesAreInput: attributes.version >= firstWithInput)
        }
    }
}
