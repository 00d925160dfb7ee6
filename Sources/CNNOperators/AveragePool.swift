import CNNModels
import CNNTensors

/// The mean of each window:
///
///     Y[n, c, o] = (Σ over k of X[n, c, o·stride − pad + k·dilation]) / count
///
/// where padding adds 0 and `count` is the number of taps that meet the input or, with `count_include_pad`, the input or
/// its padding; what a last window of ceil mode covers beyond the padding never counts. X is `[N, C, D1 … Dn]`, Y
/// `[N, C, O1 … On]`. The mean of a window without any tap that counts is NaN.
/// ONNX operator AveragePool: version 7 adds `count_include_pad`, 10 `ceil_mode`, 19 `dilations`, 22 bfloat16; 11 changes
/// the wording only.
package struct AveragePool: PoolingOperator {
    package let geometry: WindowGeometry
    package let countsPadding: Bool

    package static let definition = OperatorDefinition("AveragePool", versions: [1, 7, 10, 11, 19, 22]) { version in
        Signature(inputs: ["X": "T"], outputs: ["Y": "T"], types: ["T": version < 22 ? .ieeeFloats : .floats])
    } make: { attributes in
        try AveragePool(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        let version = attributes.version
        let window = try WindowAttributes(attributes, hasDilations: version >= 19, hasCeilMode: version >= 10)
        geometry = try window.geometry(kernelShape: attributes.required("kernel_shape", window.kernelShape))
        countsPadding = version >= 7 ? try attributes.flag("count_include_pad") : false
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        let pooling = try Pooling(geometry, input: input.shape)
        let x = try input.doubles()
        let counts = countsPadding && pooling.planeCount > 0 ? paddedTapCounts(pooling.taps) : nil
        let (windowCount, planeSize) = (pooling.taps.windowCount, pooling.planeSize)
        var y = [Double](repeating: 0, count: pooling.outputShape.elementCount)
        pooling.forEachWindow { output, plane, taps in
            var sum = 0.0
            for tap in taps { sum += x[plane * planeSize + tap.input] }
            y[output] = sum / Double(counts?[output % windowCount] ?? taps.count)
        }
        return [try Tensor(rounding: y, to: input.dataType, shape: pooling.outputShape)]
    }

    /// By window: how many taps meet the input or its padding.
    private func paddedTapCounts(_ taps: WindowTaps) -> [Int] {
        var counts = [1]
        for (axis, windows) in taps.outputSizes.enumerated() {
            let ofAxis = (0..<windows).map { taps.paddedTapCount($0, axis: axis) }
            counts = counts.flatMap { outer in ofAxis.map { outer * $0 } }
        }
        return counts
    }

    // MARK: - Rounding

    /// γₙ₊₁·(mean of |x|) for a window of n taps that meet the input, one rounding for the quotient.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let input = try inputs.required(0, "X")
        let magnitudes = try evaluate([Tensor(input.doubles().map(\.magnitude), shape: input.shape)])[0].doubles()
        return [.elements(SumRounding.bounds(magnitudes: magnitudes, count: addendCount(input.shape) + 2, unit: unit))]
    }

    /// The variances of the window's elements, each divided by the square of the count.
    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        let input = try inputs.required(0, "X")
        let rounding = SumRounding(count: addendCount(input.shape), unit: unit.withFactorsKept)
        let pooling = try Pooling(geometry, input: input.shape)
        let counts = countsPadding && pooling.planeCount > 0 ? paddedTapCounts(pooling.taps) : nil
        let x = rounding.factorVariances(try input.doubles(), variances: variances.optional(0))
        var result = [Double](repeating: 0, count: pooling.outputShape.elementCount)
        let windowCount = pooling.taps.windowCount
        pooling.forEachWindow { output, plane, taps in
            var sum = 0.0
            for tap in taps { sum += x[plane * pooling.planeSize + tap.input] }
            let count = Double(counts?[output % windowCount] ?? taps.count)
            result[output] = sum / (count * count)
        }
        try rounding.addDrift(to: &result, outputs: outputs)
        return [result]
    }
}
