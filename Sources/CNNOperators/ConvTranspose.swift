import CNNModels
import CNNTensors

/// Transposed convolution: every input element adds the kernel, scaled by it, to the output (the gradient of a convolution
/// by its input):
///
///     Y[n, m, i·stride + k·dilation − begin] += X[n, c, i] · W[c, m mod (M/group), k],  then + B[m]
///
/// over the channels c of the group of m. X is `[N, C, D1 … Dn]`, W `[C, M/group, k1 … kn]`, B `[M]`, Y `[N, M, O1 … On]`.
/// Along an axis of size D the whole result has `stride·(D − 1) + dilation·(k − 1) + 1 + output_padding` elements, of which
/// `pads` cuts some away. If `output_shape` is given that is the size, and what it lacks is 0, at the end; if `auto_pad` asks
/// for SAME, the size is `stride·D` or the whole. The surplus is cut at both ends, an odd element at the end for SAME_UPPER
/// and at the beginning otherwise.
/// ONNX operator ConvTranspose, versions 1, 11 and 22 (which adds bfloat16). Version 1's text has the odd element the other
/// way round; ONNX Runtime evaluates all versions alike, and so does this.
package struct ConvTranspose: Operator {
    private let windowAttributes: WindowAttributes
    package let group: Int
    private let outputPadding: [Int]?
    private let outputShape: [Int]?

    package static let definition = OperatorDefinition("ConvTranspose", versions: [1, 11, 22]) { version in
        Signature(
            inputs: ["X": "T", "W": "T", "B?": "T"], outputs: ["Y": "T"],
            types: ["T": version < 22 ? .ieeeFloats : .floats])
    } make: { attributes in
        try ConvTranspose(attributes)
    }

    private init(_ attributes: AttributeReader) throws {
        windowAttributes = try WindowAttributes(attributes)
        group = try attributes.int("group", default: 1)
        guard group >= 1 else { throw OperatorError("must be 1 or more, but is \(group)", subject: "group") }
        outputPadding = try attributes.ints("output_padding")
        outputShape = try attributes.ints("output_shape")
        for (name, values) in [("output_padding", outputPadding), ("output_shape", outputShape)] {
            if let value = values?.first(where: { $0 < 0 }) {
                throw OperatorError("must be 0 or more everywhere, but has \(value)", subject: name)
            }
        }
    }

    // MARK: - Shape rule

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let (input, weights) = (try inputs.required(0, "X").shape, try inputs.required(1, "W").shape)
        if let inputRank = input.rank, let weightRank = weights.rank, inputRank != weightRank {
            throw OperatorError("the input \(input) and the weights \(weights) have different numbers of axes")
        }
        guard let rank = weights.rank ?? input.rank else { return [ValueFact(shape: .unknown)] }
        guard rank >= 3 else {
            throw OperatorError("the input \(input) and the weights \(weights) need at least one spatial axis")
        }
        let channels = try outputChannels(weights)
        try checkChannels(input, weights, channels, bias: inputs.optional(2)?.shape)
        let spatialRank = rank - 2
        var fact = ValueFact(shape: .unknown)
        var sizes: [Dimension?] = [input.dimensions?[0], channels]
        let geometry = try knownKernelShape(weights).map { try self.geometry(kernelShape: $0) }
        for axis in 0..<spatialRank {
            let size = input.dimensions?[axis + 2]
            sizes.append(try outputSize(size, axis: axis, spatialRank: spatialRank, geometry))
            if let size, let geometry, outputShape == nil { fact.formulas[axis + 2] = formula(size, axis: axis, geometry) }
        }
        fact.shape = SymbolicShape(sizes)
        return [fact]
    }

    private func geometry(kernelShape: [Int]) throws -> WindowGeometry {
        let geometry = try windowAttributes.geometry(kernelShape: kernelShape)
        for (name, values) in [("output_padding", outputPadding), ("output_shape", outputShape)] {
            if let values, values.count != kernelShape.count {
                throw OperatorError("has \(values.count) numbers, but \(kernelShape.count) are needed", subject: name)
            }
        }
        return geometry
    }

    private func knownKernelShape(_ weights: SymbolicShape) -> [Int]? {
        guard let sizes = weights.dimensions?.dropFirst(2) else { return windowAttributes.kernelShape }
        let known = sizes.compactMap { $0?.value }
        return known.count == sizes.count ? known : windowAttributes.kernelShape
    }

    private func outputChannels(_ weights: SymbolicShape) throws -> Dimension? {
        try weights.dimensions?[1].map { try $0 * Dimension(group) }
    }

    /// The size of the whole result along an axis, before anything is cut away.
    private func wholeSize(_ input: Dimension, axis: Int, _ geometry: WindowGeometry) throws -> Dimension {
        try (input - 1) * Dimension(geometry.strides[axis]) + Dimension(geometry.extent(axis))
            + Dimension(outputPadding?[axis] ?? 0)
    }

    private func outputSize(
        _ input: Dimension?, axis: Int, spatialRank: Int, _ geometry: WindowGeometry?
    ) throws -> Dimension? {
        if let outputShape, outputShape.count == spatialRank { return Dimension(outputShape[axis]) }
        guard let input, let geometry else { return nil }
        if isSame {
            // Where the kernel is shorter than the stride, the whole result is less than asked for and nothing is added.
            let size = try input * Dimension(geometry.strides[axis])
            // Of nothing the whole would be less than nothing.
            return try Dimension.maximum(Dimension.minimum(size, wholeSize(input, axis: axis, geometry)), 0)
        }
        var size = try wholeSize(input, axis: axis, geometry)
        if case .explicit(let begins, let ends) = geometry.padding {
            size = try size - Dimension(begins[axis]) - Dimension(ends[axis])
        }
        if let number = size.value, number < 0 {
            throw OperatorError("the padding takes more than there is: \(formula(input, axis: axis, geometry)) = \(number)")
        }
        return size
    }

    private var isSame: Bool { windowAttributes.autoPad == .sameUpper || windowAttributes.autoPad == .sameLower }

    private func formula(_ input: Dimension, axis: Int, _ geometry: WindowGeometry) -> String {
        let (stride, kernel, dilation) = (geometry.strides[axis], geometry.kernelShape[axis], geometry.dilations[axis])
        if isSame { return "\(stride)·\(input)" }
        var text = "\(stride)·(\(input) − 1) + \(dilation)·(\(kernel)−1) + 1 + \(outputPadding?[axis] ?? 0)"
        if case .explicit(let begins, let ends) = geometry.padding { text += " − \(begins[axis]) − \(ends[axis])" }
        return text
    }

    private func checkChannels(
        _ input: SymbolicShape, _ weights: SymbolicShape, _ outputChannels: Dimension?, bias: SymbolicShape?
    ) throws {
        if let channels = input.dimensions?[1]?.value, let weightChannels = weights.dimensions?[0]?.value,
            channels != weightChannels
        {
            throw OperatorError("the input \(input) has \(channels) channels, but the weights \(weights) \(weightChannels)")
        }
        if let channels = (weights.dimensions?[0] ?? input.dimensions?[1])?.value, channels % group != 0 {
            throw OperatorError("\(channels) channels do not divide into \(group) groups", subject: "group")
        }
        if let bias, let sizes = bias.dimensions {
            let fits =
                sizes.count == 1 && (sizes[0]?.value == nil || outputChannels?.value == nil || sizes[0] == outputChannels)
            guard fits else {
                throw OperatorError(
                    "has shape \(bias), but [\(outputChannels.map(\.description) ?? "?")] is needed", subject: "B")
            }
        }
    }

    // MARK: - Evaluation

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let (input, weights) = (try inputs.required(0, "X"), try inputs.required(1, "W"))
        let facts = inputs.map { $0.map { ValueFact(shape: SymbolicShape($0.shape)) } }
        guard let symbolic = try infer(facts)[0].shape.concrete else {
            throw OperatorError("no output shape follows from the input \(input.shape) and the weights \(weights.shape)")
        }
        let shape = try EvaluationLimit.shape(symbolic.dimensions, of: .float64)
        let geometry = try geometry(kernelShape: Array(weights.shape.dimensions.dropFirst(2)))
        let (inputSizes, outputSizes) = (Array(input.shape.dimensions.dropFirst(2)), Array(shape.dimensions.dropFirst(2)))
        // Seen from the output, each input element is a window.
        let taps = try WindowTaps(
            geometry, inputSizes: outputSizes, outputSizes: inputSizes,
            pads: inputSizes.indices.map { (try cutAtBeginning($0, inputSizes[$0], outputSizes[$0], geometry), 0) })
        let scattered = try scattered(
            input.doubles(), weights.doubles(), taps, batch: shape[0], channels: weights.shape[0], outputChannels: shape[1],
            bias: inputs.optional(2)?.doubles())
        return [try Tensor(rounding: scattered, to: input.dataType, shape: shape)]
    }

    package func evaluateInDouble(_ inputs: [Tensor?]) throws -> [Tensor] {
        var operands = inputs
        operands[0] = try inputs.required(0, "X").widened()
        return try evaluate(operands)
    }

    // MARK: - Rounding

    /// γₙ(|W||X| + |B|); an output element gets at most one product of each channel and tap of its group.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let magnitudes = try evaluateInDouble(
            inputs.map { try $0.map { try Tensor($0.doubles().map(\.magnitude), shape: $0.shape) } })
        return [
            .elements(
                SumRounding.bounds(
                    magnitudes: try magnitudes[0].doubles(), count: try addendCount(inputs), unit: unit))
        ]
    }

    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        let (input, weights) = (try inputs.required(0, "X"), try inputs.required(1, "W"))
        let rounding = SumRounding(count: try addendCount(inputs), unit: unit)
        func squares(_ tensor: Tensor) throws -> Tensor {
            try Tensor(tensor.doubles().map { $0 * $0 }, shape: tensor.shape)
        }
        let bias = try inputs.optional(2).map { bias in
            try Tensor(variances.optional(2) ?? [Double](repeating: 0, count: bias.shape.elementCount), shape: bias.shape)
        }
        let factors = try Tensor(
            rounding.factorVariances(input.doubles(), variances: variances.optional(0)), shape: input.shape)
        var result = try evaluateInDouble([factors, squares(weights), bias])[0].doubles()
        if let ofWeights = variances.optional(1) {
            let more = try evaluateInDouble([squares(input), Tensor(ofWeights, shape: weights.shape)])[0].doubles()
            for index in result.indices { result[index] += more[index] }
        }
        try rounding.addDrift(to: &result, outputs: outputs)
        return [result]
    }

    private func addendCount(_ inputs: [Tensor?]) throws -> Double {
        let weights = try inputs.required(1, "W").shape
        return Double(weights[0] / group * weights.dimensions.dropFirst(2).reduce(1, *)) + 1
    }

    package var formula: String? {
        "Y[n, m, i·stride + k·dilation − begin] += X[n, c, i] · W[c, m, k] over c and k, + B[m]"
    }

    /// How many elements of the whole result are cut away before the output begins.
    private func cutAtBeginning(_ axis: Int, _ input: Int, _ output: Int, _ geometry: WindowGeometry) throws -> Int {
        if outputShape == nil, !isSame {
            if case .explicit(let begins, _) = geometry.padding { return begins[axis] }
            return 0
        }
        let surplus = max(try (wholeSize(Dimension(input), axis: axis, geometry) - Dimension(output)).value ?? 0, 0)
        return windowAttributes.autoPad == .sameUpper ? surplus / 2 : surplus - surplus / 2
    }

    private func scattered(
        _ x: [Double], _ w: [Double], _ taps: WindowTaps, batch: Int, channels: Int, outputChannels: Int, bias: [Double]?
    ) throws -> [Double] {
        let (inputPlane, outputPlane) = (taps.windowCount, taps.inputSizes.reduce(1, *))
        let (channelsPerGroup, outputsPerGroup) = (channels / group, outputChannels / group)
        let tapCount = taps.geometry.tapCount
        var y: [Double] = []
        y.reserveCapacity(batch * outputChannels * outputPlane)
        for index in 0..<batch * outputChannels {
            y.append(contentsOf: repeatElement(bias?[index % outputChannels] ?? 0, count: outputPlane))
        }
        // Without numbers to read or to write there may be any number of windows and taps, and nothing to be done in any.
        if x.isEmpty || y.isEmpty { return y }
        taps.forEachWindow { window, _, tapsOfWindow in
            for n in 0..<batch {
                for c in 0..<channels {
                    let value = x[(n * channels + c) * inputPlane + window]
                    let firstOutput = n * outputChannels + c / channelsPerGroup * outputsPerGroup
                    for m in 0..<outputsPerGroup {
                        let (outputStart, weightStart) = ((firstOutput + m) * outputPlane, (c * outputsPerGroup + m) * tapCount)
                        for tap in tapsOfWindow { y[outputStart + tap.input] += value * w[weightStart + tap.kernel] }
                    }
                }
            }
        }
        return y
    }

    package func multiplyAdds(_ inputs: [ValueFact?], _ outputs: [ValueFact]) throws -> Dimension? {
        guard
            let perInput = try inputs.optional(1).flatMap({ weights in
                try SymbolicShape(weights.shape.dimensions.map { Array($0.dropFirst()) }).elementCount()
            }), let inputCount = try inputs.optional(0)?.shape.elementCount()
        else { return nil }
        return try perInput * inputCount
    }
}
