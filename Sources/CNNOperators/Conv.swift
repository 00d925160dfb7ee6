import CNNModels
import CNNTensors

/// Convolution (cross-correlation, in fact) over any number of spatial axes:
///
///     Y[n, m, o] = B[m] + Σ over c, k of W[m, c, k] · X[n, g·C/group + c, o·stride − pad + k·dilation]
///
/// where `g = m / (M/group)` is the group of output channel `m`, and X is 0 outside its bounds.
/// X is `[N, C, D1 … Dn]`, W `[M, C/group, k1 … kn]`, B `[M]`, Y `[N, M, O1 … On]`.
/// ONNX operator Conv, versions 1, 11 and 22 (which differ in the element types and in the wording only).
package struct Conv: Operator {
    private let windowAttributes: WindowAttributes
    package let group: Int

    package static let definition = OperatorDefinition("Conv", versions: [1, 11, 22]) { version in
        Signature(
            inputs: ["X": "T", "W": "T", "B?": "T"], outputs: ["Y": "T"],
            types: ["T": version < 22 ? .ieeeFloats : .floats])
    } make: { attributes in
        try Conv(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        windowAttributes = try WindowAttributes(attributes)
        group = try attributes.int("group", default: 1)
        guard group >= 1 else { throw OperatorError("must be 1 or more, but is \(group)", subject: "group") }
    }

    /// The sliding window for weights `[M, C/group, k1 … kn]`.
    package func geometry(weights: [Int]) throws -> WindowGeometry {
        try windowAttributes.geometry(kernelShape: Array(weights.dropFirst(2)))
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let (input, weights) = (try inputs.required(0, "X").shape, try inputs.required(1, "W").shape)
        if let inputRank = input.rank, let weightRank = weights.rank, inputRank != weightRank {
            throw OperatorError("the input \(input) and the weights \(weights) have different numbers of axes")
        }
        guard let rank = weights.rank ?? input.rank else { return [ValueFact(shape: .unknown)] }
        guard rank >= 3 else {
            throw OperatorError("the input \(input) and the weights \(weights) need at least one spatial axis")
        }
        try checkChannels(input, weights, bias: inputs.optional(2)?.shape)
        let outputChannels = weights.dimensions?[0]
        guard let kernel = try knownKernelShape(weights) else {
            let batch = input.dimensions?[0]
            return [ValueFact(shape: SymbolicShape([batch, outputChannels] + Array(repeating: nil, count: rank - 2)))]
        }
        let geometry = try windowAttributes.geometry(kernelShape: kernel)
        return [try geometry.outputFact(input: input, channels: outputChannels)]
    }

    private func knownKernelShape(_ weights: SymbolicShape) throws -> [Int]? {
        guard let sizes = weights.dimensions?.dropFirst(2) else { return windowAttributes.kernelShape }
        let known = sizes.compactMap { $0?.value }
        return known.count == sizes.count ? known : windowAttributes.kernelShape
    }

    private func checkChannels(_ input: SymbolicShape, _ weights: SymbolicShape, bias: SymbolicShape?) throws {
        if let outputChannels = weights.dimensions?[0]?.value {
            guard outputChannels % group == 0 else {
                throw OperatorError("\(outputChannels) output channels do not divide into \(group) groups", subject: "group")
            }
            if let bias, let dimensions = bias.dimensions {
                guard dimensions.count == 1, dimensions[0]?.value ?? outputChannels == outputChannels else {
                    throw OperatorError("has shape \(bias), but [\(outputChannels)] is needed", subject: "B")
                }
            }
        }
        if let channels = input.dimensions?[1]?.value, let channelsPerGroup = weights.dimensions?[1]?.value {
            guard try Dimension(channelsPerGroup) * Dimension(group) == Dimension(channels) else {
                throw OperatorError(
                    "the input \(input) has \(channels) channels, but the weights \(weights) in \(group) "
                        + (group == 1 ? "group" : "groups") + " take \(channelsPerGroup)·\(group)")
            }
        }
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let (input, weights) = (try inputs.required(0, "X"), try inputs.required(1, "W"))
        let facts = inputs.map { $0.map { ValueFact(shape: SymbolicShape($0.shape)) } }
        guard let symbolic = try infer(facts)[0].shape.concrete else {
            throw OperatorError("no output shape follows from the input \(input.shape) and the weights \(weights.shape)")
        }
        let shape = try EvaluationLimit.shape(symbolic.dimensions, of: input.dataType)
        let geometry = try geometry(weights: weights.shape.dimensions)
        let taps = try WindowTaps(geometry, inputSizes: Array(input.shape.dimensions.dropFirst(2)))
        let product = PatchProduct(
            taps: taps, group: group, channels: input.shape[1], outputChannels: weights.shape[0], input: try input.doubles(),
            weights: try weights.doubles(), bias: try inputs.optional(2)?.doubles())
        return [try Tensor(rounding: product.evaluate(batch: input.shape[0]), to: input.dataType, shape: shape)]
    }

    package func multiplyAdds(_ inputs: [ValueFact?], _ outputs: [ValueFact]) throws -> Dimension? {
        guard let weights = inputs[1]?.shape,
            let perOutput = try SymbolicShape(weights.dimensions.map { Array($0.dropFirst()) })
                .elementCount(), let outputCount = try outputs[0].shape.elementCount()
        else { return nil }
        return try perOutput * outputCount
    }

    package func window(_ inputs: [ValueFact?]) throws -> WindowGeometry? {
        guard let weights = inputs[1]?.shape, let kernel = try knownKernelShape(weights) else { return nil }
        return try windowAttributes.geometry(kernelShape: kernel)
    }
}

/// The convolution as matrix products: the inputs that a window covers, laid out like one row of weights, make a patch, and
/// the product of patches and weight rows is the output. Padding is 0 in a patch.
private struct PatchProduct {
    let taps: WindowTaps
    let group: Int
    let channels: Int
    let outputChannels: Int
    let input: [Double]
    let weights: [Double]
    let bias: [Double]?

    /// Patches that are multiplied at once: enough that a row of weights is used often while it is in the cache.
    private static let patchesAtOnce = 16

    func evaluate(batch: Int) -> [Double] {
        let windowCount = taps.windowCount
        var y = [Double](repeating: 0, count: batch * outputChannels * windowCount)
        guard !y.isEmpty else { return y }
        let patchSize = channels / group * taps.geometry.tapCount
        let outputsPerGroup = outputChannels / group
        var patches = [Double](repeating: 0, count: patchSize * Self.patchesAtOnce)
        var products = [Double](repeating: 0, count: Self.patchesAtOnce * outputsPerGroup)
        for n in 0..<batch {
            for g in 0..<group {
                var first = 0
                var count = 0
                func flush() {
                    multiply(patches, by: g * outputsPerGroup, count: count, size: patchSize, into: &products)
                    for m in 0..<outputsPerGroup {
                        let channel = g * outputsPerGroup + m
                        let start = (n * outputChannels + channel) * windowCount + first
                        for patch in 0..<count {
                            y[start + patch] = products[patch * outputsPerGroup + m] + (bias?[channel] ?? 0)
                        }
                    }
                    first += count
                    count = 0
                }
                taps.forEachWindow { _, _, tapsOfWindow in
                    gather(tapsOfWindow, n: n, group: g, into: &patches, at: count * patchSize)
                    count += 1
                    if count == Self.patchesAtOnce { flush() }
                }
                flush()
            }
        }
        return y
    }

    private func gather(
        _ tapsOfWindow: UnsafeBufferPointer<WindowTap>, n: Int, group g: Int, into patches: inout [Double], at start: Int
    ) {
        let (tapCount, channelsPerGroup) = (taps.geometry.tapCount, channels / group)
        let plane = taps.inputSizes.reduce(1, *)
        for c in 0..<channelsPerGroup {
            let inputStart = (n * channels + g * channelsPerGroup + c) * plane
            let patchStart = start + c * tapCount
            if tapsOfWindow.count < tapCount {
                for index in patchStart..<patchStart + tapCount { patches[index] = 0 }
            }
            for tap in tapsOfWindow { patches[patchStart + tap.kernel] = input[inputStart + tap.input] }
        }
    }

    /// `products[patch, m]` for the weight rows from `firstRow` on.
    private func multiply(
        _ patches: [Double], by firstRow: Int, count: Int, size: Int, into products: inout [Double]
    ) {
        let outputsPerGroup = outputChannels / group
        patches.withUnsafeBufferPointer { patches in
            weights.withUnsafeBufferPointer { weights in
                products.withUnsafeMutableBufferPointer { products in
                    guard let patches = patches.baseAddress, let weights = weights.baseAddress,
                        let products = products.baseAddress
                    else { return }
                    MatrixProduct.rowsTimesRows(
                        patches, weights + firstRow * size, m: count, n: outputsPerGroup, k: size, into: products)
                }
            }
        }
    }
}
