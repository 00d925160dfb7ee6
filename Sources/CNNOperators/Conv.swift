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
        guard let input = inputs[0]?.shape, let weights = inputs[1]?.shape else { return [ValueFact(shape: .unknown)] }
        if let inputRank = input.rank, let weightRank = weights.rank, inputRank != weightRank {
            throw OperatorError("the input \(input) and the weights \(weights) have different numbers of axes")
        }
        guard let rank = weights.rank ?? input.rank else { return [ValueFact(shape: .unknown)] }
        guard rank >= 3 else {
            throw OperatorError("the input \(input) and the weights \(weights) need at least one spatial axis")
        }
        try checkChannels(input, weights, bias: inputs.count > 2 ? inputs[2]?.shape : nil)
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
        guard let input = inputs[0], let weights = inputs[1] else { throw OperatorError("X and W are required") }
        let geometry = try geometry(weights: weights.shape.dimensions)
        let outputShape = try Shape(outputSizes(geometry, input: input.shape, weights: weights.shape))
        let taps = try geometry.taps(inputSizes: Array(input.shape.dimensions.dropFirst(2)))
        let (x, w) = (try input.doubles(), try weights.doubles())
        let bias = try (inputs.count > 2 ? inputs[2] : nil)?.doubles()

        let inputPlane = input.shape.dimensions.dropFirst(2).reduce(1, *)
        let (channels, outputChannels) = (input.shape[1], weights.shape[0])
        let channelsPerGroup = weights.shape[1]
        let outputsPerGroup = max(outputChannels / group, 1)
        var y: [Double] = []
        y.reserveCapacity(outputShape.elementCount)
        for n in 0..<input.shape[0] {
            for m in 0..<outputChannels {
                let firstChannel = n * channels + (m / outputsPerGroup) * channelsPerGroup
                for window in 0..<taps.windowCount {
                    var sum = bias?[m] ?? 0
                    for c in 0..<channelsPerGroup {
                        let inputStart = (firstChannel + c) * inputPlane
                        let weightStart = (m * channelsPerGroup + c) * geometry.tapCount
                        for tap in taps.window(window) {
                            sum += w[weightStart + tap.kernel] * x[inputStart + tap.input]
                        }
                    }
                    y.append(sum)
                }
            }
        }
        return [try Tensor(rounding: y, to: input.dataType, shape: outputShape)]
    }

    private func outputSizes(_ geometry: WindowGeometry, input: Shape, weights: Shape) throws -> [Int] {
        try [input[0], weights[0]]
            + (0..<geometry.spatialRank).map { try geometry.outputSize(input[$0 + 2], axis: $0) }
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
