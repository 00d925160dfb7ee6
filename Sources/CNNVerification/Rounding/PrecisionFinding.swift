import CNNModels
import CNNOperators
import CNNTensors

/// A lower precision that explains why an array is outside of float32's rounding.
public struct PrecisionFinding: Sendable, Hashable {
    /// What was computed or stored in a lower precision.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The network is evaluated in float32 with weights that went through float16 or bfloat16.
        case float16Weights, bfloat16Weights
        /// The network is evaluated in float32, its result stored in 16 bits.
        case float16Output, bfloat16Output
        /// Factors of 8 significant bits.
        case bfloat16Arithmetic
        /// Factors of 11 significant bits in float16's range.
        case float16Arithmetic
        /// Factors of 11 significant bits, values of 24: TF32, or float16 products whose results are stored as float32.
        case tf32Arithmetic
        /// Errors of float32 that grow as in Winograd's algorithm on large tiles.
        case winogradGrowth
    }

    public let kind: Kind
    /// The root mean square error in the deviations that this precision leads one to expect; about 1 or below.
    public let rootMeanSquare: Double
    /// The same in float32's expected deviations.
    public let float32RootMeanSquare: Double

    /// Whether nothing but the size of the errors speaks for it.
    public var isOfSize: Bool {
        switch kind {
        case .bfloat16Arithmetic, .float16Arithmetic, .tf32Arithmetic, .winogradGrowth: true
        case .float16Weights, .bfloat16Weights, .float16Output, .bfloat16Output: false
        }
    }

    /// A sentence.
    public var text: String {
        let name =
            switch kind {
            case .float16Weights: "weights stored as float16"
            case .bfloat16Weights: "weights stored as bfloat16"
            case .float16Output: "a float32 evaluation whose result was stored as float16"
            case .bfloat16Output: "a float32 evaluation whose result was stored as bfloat16"
            case .bfloat16Arithmetic: "bfloat16 arithmetic"
            case .float16Arithmetic: "float16 arithmetic"
            case .tf32Arithmetic: "TF32 arithmetic (products of 11 significant bits)"
            case .winogradGrowth: "float32 with Winograd's convolution, whose errors are larger"
            }
        return isOfSize ? "the size of the errors fits \(name)" : "the data fits \(name)"
    }
}

extension PrecisionFinding.Kind {
    /// The known mistake that this is; nil for arithmetic, which is a choice.
    public var mistake: Mistake? {
        switch self {
        case .float16Weights, .bfloat16Weights: .halfPrecisionWeights
        default: nil
        }
    }
}

extension RoundingAnalysis {
    /// Which lower precision an array fits that is outside of float32's rounding; nil if none. Weights are tried as they would
    /// have been stored, and must then explain the array to within float32's rounding. Arithmetic is told by the size of the errors
    /// only: they must be of the size expected, root mean square between 1/16 and 3 deviations; where several fit,
    /// the one that expects the smallest errors is meant.
    /// - Parameters:
    ///   - name: the value's name in the model.
    ///   - expectation: what `expectations` gives for it.
    public func precisionFinding(
        for tensor: Tensor, of name: String, expectation: RoundingExpectation, inputs: [String: Tensor]
    ) throws -> PrecisionFinding? {
        guard expectation.dataType == .float32, expectation.deviations != nil, tensor.dataType.isFloatingPoint else {
            return nil
        }
        let plain = try expectation.judge(tensor).rootMeanSquare
        let values = try tensor.doubles()
        // Errors of a tenth of the values and more are no matter of precision, and every further evaluation takes time.
        guard values.allSatisfy(\.isFinite), let distance = try LayerError(tensor, expectation.exact), distance.relative < 0.1
        else { return nil }
        func finding(_ kind: PrecisionFinding.Kind, _ judgement: RoundingJudgement) -> PrecisionFinding {
            PrecisionFinding(kind: kind, rootMeanSquare: judgement.rootMeanSquare, float32RootMeanSquare: plain)
        }
        let storage = StoredPrecision(values)
        if let storage {
            let judgement = try expectation.storing(unit: storage.unit).judge(tensor)
            if judgement.agrees { return finding(storage.isHalf ? .float16Output : .bfloat16Output, judgement) }
        }
        for (type, kind) in [
            (DataType.float16, PrecisionFinding.Kind.float16Weights), (.bfloat16, .bfloat16Weights),
        ] {
            let rounded = try RoundingAnalysis(evaluator.bound.model.roundingWeights(to: type), threads: threads)
            if let judgement = try rounded.expectations(for: inputs, of: [name])[name]?.judge(tensor), judgement.agrees {
                return finding(kind, judgement)
            }
        }
        for (kind, unit) in try arithmetics(storage) {
            let expected = try EvaluationThreads.$count.withValue(threads) {
                try expectations(for: inputs, of: [name], arithmetic: unit)[name]
            }
            if let judgement = try expected?.judge(tensor), 1.0 / 16...3 ~= judgement.rootMeanSquare, judgement.agrees {
                return finding(kind, judgement)
            }
        }
        return nil
    }

    /// Arithmetics by the size of their errors, smallest first.
    private func arithmetics(_ storage: StoredPrecision?) throws -> [(PrecisionFinding.Kind, RoundingUnit)] {
        var winograd = RoundingUnit.float32
        // Stands for tiles of 6×6 outputs, whose errors are tens of times those of direct sums (why: Barabasz, Anderson, Soodhalter
        // and Gregg 2020, "Error analysis and improving the accuracy of Winograd convolution for deep neural networks").
        winograd.winogradGrowth = 32
        var bfloat16 = RoundingUnit.float32
        bfloat16.factorRoundoff = RoundingUnit.bfloat16.roundoff
        let hasWinograd = evaluator.bound.nodes.contains { $0.operation is Conv }
        return (hasWinograd ? [(.winogradGrowth, winograd)] : [])
            + [(storage?.isHalf == true ? .float16Arithmetic : .tf32Arithmetic, .tf32), (.bfloat16Arithmetic, bfloat16)]
    }
}

/// Whether numbers have been stored in 16 bits: the lower bits of their significands are all 0.
private struct StoredPrecision {
    let isHalf: Bool
    var unit: RoundingUnit { isHalf ? .float16 : .bfloat16 }

    /// Nil if some number needs more bits, or if there are too few to tell.
    init?(_ values: [Double]) {
        let telling = values.filter { $0 != 0 && $0.isFinite }
        guard telling.count >= 8 else { return nil }
        // Eight numbers of random significands end in 13 zeros by chance once in 2¹⁰⁴ cases.
        if telling.allSatisfy({ ReducedPrecision.double(bfloat16: ReducedPrecision.bfloat16($0)) == $0 }) {
            isHalf = false
        } else if telling.allSatisfy({ ReducedPrecision.double(float16: ReducedPrecision.float16($0)) == $0 }) {
            isHalf = true
        } else {
            return nil
        }
    }
}

extension RoundingExpectation {
    /// The same value, rounded once more to a coarser format.
    fileprivate func storing(unit: RoundingUnit) throws -> RoundingExpectation {
        let exact = try self.exact.doubles()
        let widened = zip(deviations ?? [], exact).map { deviation, value in
            let rounding = unit.variance * value * value + unit.smallest * unit.smallest
            return (deviation * deviation + rounding).squareRoot()
        }
        return RoundingExpectation(shape: shape, dataType: dataType, exact: self.exact, deviations: widened)
    }
}

extension Model {
    /// The model with its float32 initializers rounded to another type and back.
    fileprivate func roundingWeights(to dataType: DataType) throws -> Model {
        var model = self
        for index in model.graph.initializers.indices where model.graph.initializers[index].tensor.dataType == .float32 {
            let tensor = model.graph.initializers[index].tensor
            let narrow = try Tensor(rounding: tensor.doubles(), to: dataType, shape: tensor.shape)
            model.graph.initializers[index].tensor = try Tensor(rounding: narrow.doubles(), to: .float32, shape: tensor.shape)
        }
        return model
    }
}
