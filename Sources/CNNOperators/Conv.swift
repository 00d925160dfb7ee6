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
        let sums = try Sums(self, inputs)
        return [try Tensor(rounding: sums.values(), to: inputs.required(0, "X").dataType, shape: sums.shape)]
    }

    package func evaluateInDouble(_ inputs: [Tensor?]) throws -> [Tensor] {
        let sums = try Sums(self, inputs)
        return [try Tensor(sums.values(), shape: sums.shape)]
    }

    // MARK: - Rounding

    /// γₙ(|W||X| + |B|) with n addends, one more for the bias (Higham, equation (3.5)); each product may underflow.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let sums = try Sums(self, inputs)
        return [.elements(SumRounding.bounds(magnitudes: try sums.magnitudes(), count: sums.addendCount, unit: unit))]
    }

    package func roundingVariance(
        _ inputs: [Tensor?], variances: [[Double]?], outputs: [Tensor], unit: RoundingUnit
    ) throws -> [[Double]?] {
        let sums = try Sums(self, inputs)
        let isWinograd = unit.winogradGrowth > 1 && sums.product.taps.geometry.isThreeByThreeOfStride1 && group == 1
        let rounding = SumRounding(
            count: sums.addendCount, unit: unit, growth: isWinograd ? unit.winogradGrowth : 1)
        return [try sums.variances(variances, outputs: outputs, rounding: rounding)]
    }

    package var formula: String? {
        "Y[n, m, o] = B[m] + Σ over c, k of W[m, c, k] · X[n, c, o·stride − pad + k·dilation]"
    }

    package func summands(of element: Int, _ inputs: [Tensor?]) throws -> [Summand]? {
        try Sums(self, inputs).summands(of: element)
    }

    /// The sums of one evaluation.
    private struct Sums {
        let product: ConvolutionProduct
        let shape: Shape
        let input: Tensor
        let weights: Tensor
        let bias: Tensor?

        init(_ convolution: Conv, _ inputs: [Tensor?]) throws {
            input = try inputs.required(0, "X")
            weights = try inputs.required(1, "W")
            bias = inputs.optional(2)
            let facts = inputs.map { $0.map { ValueFact(shape: SymbolicShape($0.shape)) } }
            guard let symbolic = try convolution.infer(facts)[0].shape.concrete else {
                throw OperatorError("no output shape follows from the input \(input.shape) and the weights \(weights.shape)")
            }
            shape = try EvaluationLimit.shape(symbolic.dimensions, of: .float64)
            let geometry = try convolution.geometry(weights: weights.shape.dimensions)
            product = ConvolutionProduct(
                taps: try WindowTaps(geometry, inputSizes: Array(input.shape.dimensions.dropFirst(2))),
                group: convolution.group, batch: input.shape[0], channels: input.shape[1], outputChannels: weights.shape[0])
        }

        /// The products that make one output element, and the bias.
        var addendCount: Double { Double(product.depth) + (bias == nil ? 0 : 1) }

        func values() throws -> [Double] {
            product.sums(
                input: try FactorNumbers(input), weights: try FactorNumbers(weights), bias: try bias?.doubles())
        }

        func magnitudes() throws -> [Double] {
            product.sums(
                input: try FactorNumbers(input, form: .magnitude), weights: try FactorNumbers(weights, form: .magnitude),
                bias: try bias?.doubles().map(\.magnitude))
        }

        /// Σ W²·(var X + κ·X²), with what W and B carry: the squares of the weights meet the variances and, for the rounding of
        /// the sum itself, the squares of the inputs in one convolution.
        func variances(_ variances: [[Double]?], outputs: [Tensor], rounding: SumRounding) throws -> [Double] {
            let squares = try rounding.factorVariances(input.doubles(), variances: variances.optional(0))
            var result = product.sums(
                input: try FactorNumbers(Tensor(squares, shape: input.shape)),
                weights: try FactorNumbers(weights, form: .square), bias: variances.optional(2))
            if let ofWeights = variances.optional(1) {
                let more = product.sums(
                    input: try FactorNumbers(input, form: .square),
                    weights: try FactorNumbers(Tensor(ofWeights, shape: weights.shape)))
                for index in result.indices { result[index] += more[index] }
            }
            try rounding.addDrift(to: &result, outputs: outputs)
            return result
        }

        func summands(of element: Int) throws -> [Summand] {
            let index = Self.index(element, shape)
            let (taps, channelsPerGroup) = (product.taps, product.channels / product.group)
            let (n, m) = (index[0], index[1])
            let firstChannel = m / (product.outputChannels / product.group) * channelsPerGroup
            let (x, w) = (try input.doubles(), try weights.doubles())
            var summands: [Summand] = []
            if let bias { summands.append(Summand("B[\(m)]", [try bias.doubles()[m]])) }
            let windows = taps.outputSizes.indices.map { taps.axisWindow(index[$0 + 2], axis: $0) }
            for c in 0..<channelsPerGroup {
                for kernel in 0..<taps.geometry.tapCount {
                    let kernelIndex = Self.index(kernel, try Shape(taps.geometry.kernelShape))
                    guard zip(windows, kernelIndex).allSatisfy({ $0.taps.contains($1) }) else { continue }
                    let place = kernelIndex.indices.map { windows[$0].start + kernelIndex[$0] * taps.geometry.dilations[$0] }
                    let weightIndex = [m, c] + kernelIndex
                    let inputIndex = [n, firstChannel + c] + place
                    summands.append(
                        Summand(
                            "W\(weightIndex) · X\(inputIndex)",
                            [w[Self.offset(weightIndex, weights.shape)], x[Self.offset(inputIndex, input.shape)]]))
                }
            }
            return summands
        }

        private static func index(_ element: Int, _ shape: Shape) -> [Int] {
            var rest = element
            return shape.strides.map { stride in
                defer { rest %= max(stride, 1) }
                return rest / max(stride, 1)
            }
        }

        private static func offset(_ index: [Int], _ shape: Shape) -> Int {
            zip(index, shape.strides).reduce(0) { $0 + $1.0 * $1.1 }
        }
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

extension WindowGeometry {
    /// Whether programs compute such convolutions by Winograd's algorithm. For 5×5 windows and stride 2 some do too, but their
    /// errors were within what plain sums lead one to expect.
    fileprivate var isThreeByThreeOfStride1: Bool {
        kernelShape == [3, 3] && strides == [1, 1] && dilations == [1, 1]
    }
}
