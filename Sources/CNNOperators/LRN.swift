import CNNModels
import CNNTensors

/// Local response normalization across channels (Krizhevsky, Sutskever and Hinton 2012):
///
///     Y[n, c, …] = X[n, c, …] / (bias + alpha/size · Σ X[n, i, …]²)^beta
///
/// where i runs over the `size` channels from `c − ⌊(size−1)/2⌋` to `c + ⌈(size−1)/2⌉` that exist. X and Y are
/// `[N, C, D1 … Dn]`.
/// ONNX operator LRN, versions 1 and 13 (which adds bfloat16).
package struct LRN: Operator {
    package let alpha: Float
    package let beta: Float
    package let bias: Float
    /// The number of channels that are summed over.
    package let size: Int

    package static let definition = OperatorDefinition("LRN", versions: [1, 13]) { version in
        Signature(inputs: ["X": "T"], outputs: ["Y": "T"], types: ["T": version < 13 ? .ieeeFloats : .floats])
    } make: { attributes in
        try LRN(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        alpha = try attributes.float("alpha", default: 0.0001)
        beta = try attributes.float("beta", default: 0.75)
        bias = try attributes.float("bias", default: 1)
        size = try attributes.required("size", attributes.int("size"))
        guard size >= 1 else { throw OperatorError("must be 1 or more, but is \(size)", subject: "size") }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "X").shape
        if let rank = input.rank, rank < 2 { throw OperatorError("the input \(input) must have the axes batch and channels") }
        return [ValueFact(shape: input)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        _ = try infer([ValueFact(shape: SymbolicShape(input.shape))])
        if input.shape.elementCount == 0 { return [input] }
        let x = try input.doubles()
        let (batch, channels) = (input.shape[0], input.shape[1])
        let plane = input.shape.dimensions.dropFirst(2).reduce(1, *)
        // No channel is further away than there are channels.
        let (before, behind) = (min((size - 1) / 2, channels), min(size / 2, channels))
        let factor = Double(alpha) / Double(size)
        var y = [Double](repeating: 0, count: x.count)
        var sums = [Double](repeating: 0, count: plane)
        for n in 0..<batch {
            for c in 0..<channels {
                for position in 0..<plane { sums[position] = 0 }
                for neighbour in max(c - before, 0)...min(c + behind, channels - 1) {
                    let start = (n * channels + neighbour) * plane
                    for position in 0..<plane { sums[position] += x[start + position] * x[start + position] }
                }
                let start = (n * channels + c) * plane
                for position in 0..<plane {
                    let divisor = ElementaryFunctions.pow(Double(bias) + factor * sums[position], Double(beta))
                    y[start + position] = x[start + position] / divisor
                }
            }
        }
        return [try Tensor(rounding: y, to: input.dataType, shape: input.shape)]
    }
}
