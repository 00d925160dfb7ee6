import CNNModels
import CNNTensors

/// The largest element of each window, padding left out; and, on request, where it stands:
///
///     Y[n, c, o] = max over k of X[n, c, o·stride − pad + k·dilation]
///
/// X is `[N, C, D1 … Dn]`, Y and Indices are `[N, C, O1 … On]`. An index counts the elements of the whole X; within a
/// channel row-major or, with `storage_order` 1, column-major (the first spatial axis innermost). Of equal elements the
/// first in row-major order counts. A NaN is the largest element, as in PyTorch. A window that lies in the padding
/// altogether gives the smallest value of its type and the index −1.
/// ONNX operator MaxPool: version 8 adds Indices and `storage_order`, 10 `ceil_mode` and `dilations`, 12 int8 and uint8,
/// 22 bfloat16; 11 changes the wording only.
package struct MaxPool: PoolingOperator, ExactOperator {
    package let geometry: WindowGeometry
    private let isColumnMajor: Bool
    private let wantsIndices: Bool

    package static let definition = OperatorDefinition("MaxPool", versions: [1, 8, 10, 11, 12, 22]) { version in
        if version == 1 { return Signature(inputs: ["X": "T"], outputs: ["Y": "T"], types: ["T": .ieeeFloats]) }
        let bytes: TypeSet = version < 12 ? [] : TypeSet(.int8, .uint8)
        let floats: TypeSet = version < 22 ? .ieeeFloats : .floats
        return Signature(
            inputs: ["X": "T"], outputs: ["Y": "T", "Indices?": "I"], types: ["T": [floats, bytes], "I": TypeSet(.int64)])
    } make: { attributes in
        try MaxPool(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        let version = attributes.version
        let window = try WindowAttributes(attributes, hasDilations: version >= 10, hasCeilMode: version >= 10)
        geometry = try window.geometry(kernelShape: attributes.required("kernel_shape", window.kernelShape))
        wantsIndices = attributes.wantsOutput(1)
        isColumnMajor = version >= 8 ? try attributes.flag("storage_order") : false
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let fact = try pooledFact(inputs)
        return wantsIndices ? [fact, ValueFact(dataType: .int64, shape: fact.shape)] : [fact]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        let pooling = try Pooling(geometry, input: input.shape)
        // Whatever the type, elements compare as their order keys do.
        let keys = try input.orderKeys(nanKey: .max)
        var winners = [Int](repeating: -1, count: pooling.outputShape.elementCount)
        pooling.forEachWindow { output, plane, taps in
            var winner = -1
            for tap in taps {
                let position = plane * pooling.planeSize + tap.input
                if winner < 0 || keys[position] > keys[winner] { winner = position }
            }
            winners[output] = winner
        }
        let maxima = try maxima(input, at: winners, shape: pooling.outputShape)
        guard wantsIndices else { return [maxima] }
        return [maxima, try Tensor(winners.map { Int64(index(of: $0, in: pooling)) }, shape: pooling.outputShape)]
    }

    private func maxima(_ input: Tensor, at winners: [Int], shape: Shape) throws -> Tensor {
        let maxima = try input.gathering(winners, shape: shape)
        guard winners.contains(-1) else { return maxima }
        if let range = input.dataType.wordRange {
            let words = zip(winners, try maxima.words()).map { $0 < 0 ? range.lowest : $1 }
            return try Tensor(truncating: words, to: input.dataType, shape: shape)
        }
        let values = zip(winners, try maxima.doubles()).map { $0 < 0 ? -Double.infinity : $1 }
        return try Tensor(rounding: values, to: input.dataType, shape: shape)
    }

    /// The index to report for a position in X.
    private func index(of position: Int, in pooling: Pooling) -> Int {
        guard isColumnMajor, position >= 0 else { return position }
        let plane = position / pooling.planeSize
        var rest = position % pooling.planeSize
        var index = 0
        for size in pooling.taps.inputSizes.reversed() {
            index = index * size + rest % size
            rest /= size
        }
        return plane * pooling.planeSize + index
    }
}
