import CNNModels
import CNNTensors

/// The p-norm of each window, padding being 0:
///
///     Y[n, c, o] = (Σ over k of |X[n, c, o·stride − pad + k·dilation]|^p)^(1/p)
///
/// X is `[N, C, D1 … Dn]`, Y `[N, C, O1 … On]`.
/// ONNX operator LpPool: version 2 makes `p` a whole number and `kernel_shape` required, 18 adds `ceil_mode` and
/// `dilations`, 22 bfloat16; 11 changes the wording only.
package struct LpPool: PoolingOperator {
    package let geometry: WindowGeometry
    private let norm: PNorm

    package static let definition = OperatorDefinition("LpPool", versions: [1, 2, 11, 18, 22]) { version in
        Signature(inputs: ["X": "T"], outputs: ["Y": "T"], types: ["T": version < 22 ? .ieeeFloats : .floats])
    } make: { attributes in
        try LpPool(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        let version = attributes.version
        let window = try WindowAttributes(attributes, hasDilations: version >= 18, hasCeilMode: version >= 18)
        // Version 1 calls the kernel's shape optional, but says nothing of what a node without it means.
        geometry = try window.geometry(kernelShape: attributes.required("kernel_shape", window.kernelShape))
        norm = try PNorm(attributes)
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        let pooling = try Pooling(geometry, input: input.shape)
        let x = try input.doubles()
        var y = [Double](repeating: 0, count: pooling.outputShape.elementCount)
        pooling.forEachWindow { output, plane, taps in
            var sum = 0.0
            for tap in taps { sum += norm.summand(x[plane * pooling.planeSize + tap.input]) }
            y[output] = norm.root(sum)
        }
        return [try Tensor(rounding: y, to: input.dataType, shape: pooling.outputShape)]
    }

    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let count = addendCount(try inputs.required(0, "X").shape)
        return [.elements(try outputs[0].doubles().map { norm.roundingBound($0, count: count, unit: unit) })]
    }
}
