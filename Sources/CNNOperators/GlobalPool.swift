import CNNModels
import CNNTensors

/// One number for each channel of each image: the mean, the maximum or the p-norm of all its elements. X is
/// `[N, C, D1 … Dn]`, Y `[N, C, 1 … 1]`. A maximum is NaN if any element is, as in NumPy; the mean of no elements is NaN.
/// ONNX operators GlobalAveragePool, GlobalMaxPool (versions 1 and 22) and GlobalLpPool (1, 2 and 22; version 2 makes `p` a
/// whole number); 22 adds bfloat16.
package struct GlobalPool: Operator {
    package enum Kind: Sendable {
        case average
        case maximum
        case norm(PNorm)
    }

    package let kind: Kind

    package static let definitions = [
        definition("GlobalAveragePool", versions: [1, 22]) { _ in .average },
        definition("GlobalMaxPool", versions: [1, 22]) { _ in .maximum },
        definition("GlobalLpPool", versions: [1, 2, 22]) { .norm(try PNorm($0)) },
    ]

    private static func definition(
        _ type: String, versions: [Int], kind: @escaping @Sendable (AttributeReader) throws -> Kind
    ) -> OperatorDefinition {
        OperatorDefinition(type, versions: versions) { version in
            Signature(inputs: ["X": "T"], outputs: ["Y": "T"], types: ["T": version < 22 ? .ieeeFloats : .floats])
        } make: { attributes in
            GlobalPool(kind: try kind(attributes))
        }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "X").shape
        guard let sizes = input.dimensions else { return [ValueFact(shape: .unknown)] }
        guard sizes.count >= 2 else { throw OperatorError("the input \(input) must have the axes batch and channels") }
        return [ValueFact(shape: SymbolicShape(sizes[..<2] + Array(repeating: 1, count: sizes.count - 2)))]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        guard let shape = try infer([ValueFact(shape: SymbolicShape(input.shape))])[0].shape.concrete else {
            throw OperatorError("no output shape follows from the input \(input.shape)")
        }
        _ = try EvaluationLimit.shape(shape.dimensions, of: .float64)
        let x = try input.doubles()
        let planeSize = input.shape.dimensions.dropFirst(2).reduce(1, *)
        let y = try (0..<shape.elementCount).map { try pooled(x[$0 * planeSize..<($0 + 1) * planeSize]) }
        return [try Tensor(rounding: y, to: input.dataType, shape: shape)]
    }

    private func pooled(_ plane: ArraySlice<Double>) throws -> Double {
        switch kind {
        case .average: return plane.reduce(0, +) / Double(plane.count)
        case .norm(let norm): return norm.root(plane.reduce(0) { $0 + norm.summand($1) })
        case .maximum:
            guard let first = plane.first else { throw OperatorError("a channel without elements has no maximum") }
            return plane.dropFirst().reduce(first, ElementaryFunctions.maximum)
        }
    }

    // MARK: - Rounding

    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let input = try inputs.required(0, "X")
        let planeSize = Double(input.shape.dimensions.dropFirst(2).reduce(1, *))
        switch kind {
        case .maximum: return [.exact]
        case .norm(let norm):
            return [.elements(try outputs[0].doubles().map { norm.roundingBound($0, count: planeSize, unit: unit) })]
        case .average:
            let magnitudes = try evaluate([Tensor(input.doubles().map(\.magnitude), shape: input.shape)])[0].doubles()
            return [.elements(SumRounding.bounds(magnitudes: magnitudes, count: planeSize + 2, unit: unit))]
        }
    }

    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        guard case .average = kind else {
            return try differencedVariance(inputs, variances: variances, outputs: outputs, unit: unit)
        }
        let input = try inputs.required(0, "X")
        let planeSize = Double(input.shape.dimensions.dropFirst(2).reduce(1, *))
        let rounding = SumRounding(count: planeSize, unit: unit.withFactorsKept)
        let squares = rounding.factorVariances(try input.doubles(), variances: variances.optional(0))
        var result = try evaluate([Tensor(squares, shape: input.shape)])[0].doubles()
        for index in result.indices { result[index] /= planeSize }
        try rounding.addDrift(to: &result, outputs: outputs)
        return [result]
    }

    package var dependence: ElementDependence {
        if case .maximum = kind { return .one }
        return .several
    }
}
