import CNNTensors

/// The arithmetic that an evaluation is supposed to use, as far as its rounding errors go.
package struct RoundingUnit: Sendable, Hashable {
    /// The unit roundoff u: a result x is stored as x·(1 + δ) with |δ| ≤ u. 2⁻²⁴ for float32.
    package var roundoff: Double
    /// The smallest normal number λ of the format: what underflow adds to the error of a product or quotient at most, whether
    /// subnormal numbers are kept or flushed to 0 (as OpenVINO lets the processor do).
    package var smallest: Double
    /// The unit roundoff to which the factors of products are cut before they are multiplied, where that is coarser than the
    /// format of the values: 2⁻¹¹ for TF32. 0 where they are used as they are.
    package var factorRoundoff = 0.0
    /// What the errors of convolutions with 3×3 windows and stride 1 are multiplied with, beside direct summation: above 1 for
    /// Winograd's algorithm.
    package var winogradGrowth = 1.0

    package init(roundoff: Double, smallest: Double) {
        self.roundoff = roundoff
        self.smallest = smallest
    }

    package static let float32 = RoundingUnit(roundoff: 0x1p-24, smallest: 0x1p-126)
    /// float32 by a program that may use Winograd's algorithm. Beside the deviations expected of plain sums, ncnn's errors (tiles
    /// of 6×6 outputs) were measured on five feature maps of networks of 3×3 convolutions at a root mean square of 1.6 to
    /// 3.8 and a largest of 7 to 20 deviations; those of ONNX Runtime and OpenVINO at 0.3 to 0.6 and at most 2.1. Twice the
    /// deviations cover the former and let no more than twice as large faults pass.
    package static let float32OfAnyProgram: RoundingUnit = {
        var unit = float32
        unit.winogradGrowth = 2
        return unit
    }()
    package static let float16 = RoundingUnit(roundoff: 0x1p-11, smallest: 0x1p-14)
    package static let bfloat16 = RoundingUnit(roundoff: 0x1p-8, smallest: 0x1p-126)
    package static let float64 = RoundingUnit(roundoff: 0x1p-53, smallest: 0x1p-1022)
    /// float32 values whose products are of TF32 numbers (10 stored bits), summed in float32.
    package static let tf32: RoundingUnit = {
        var unit = float32
        unit.factorRoundoff = 0x1p-11
        return unit
    }()

    /// The arithmetic of values of this type; nil if it is no floating-point type of 16 to 64 bits.
    package init?(_ dataType: DataType) {
        switch dataType {
        case .float32: self = .float32
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .float64: self = .float64
        default: return nil
        }
    }

    /// γₙ = n·u/(1 − n·u), the bound on the relative error of n roundings one on top of the other (Higham, Lemma 3.1); infinite
    /// where n·u ≥ 1.
    package func gamma(_ count: Double) -> Double {
        let product = count * roundoff
        return product < 1 ? product / (1 - product) : .infinity
    }

    /// The same arithmetic for sums without products: no factors are cut.
    package var withFactorsKept: RoundingUnit {
        var unit = self
        unit.factorRoundoff = 0
        return unit
    }

    /// The variance of the relative error of one rounding: u²/3, if the error is spread evenly over [−u, u].
    package var variance: Double { roundoff * roundoff / 3 }
}

/// How far the elements of an output may lie from the real result.
package enum RoundingBound: Sendable {
    /// Nothing is rounded: the result is one of the inputs, or exact.
    case exact
    /// One bound an element.
    case elements([Double])
}

/// How an element of an output depends on the elements of one input.
package enum ElementDependence: Sendable {
    /// On one of them at most.
    case one
    case several
}

/// One addend of a sum of products.
package struct Summand: Sendable, Hashable {
    /// What it is, for example `W[3, 5, 1, 1] · X[0, 5, 10, 11]`.
    package let text: String
    /// The factors; one number for an addend that is no product.
    package let factors: [Double]

    package var value: Double { factors.reduce(1, *) }

    package init(_ text: String, _ factors: [Double]) {
        self.text = text
        self.factors = factors
    }
}

/// An operator whose results are elements of its inputs, or are computed without rounding: it moves or selects data.
protocol ExactOperator: Operator {}

extension ExactOperator {
    package var dependence: ElementDependence { .one }

    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        outputs.map { _ in .exact }
    }
}

extension Tensor {
    /// The tensor as float64 if its elements are floating-point numbers of 16 or 32 bits, else the tensor itself.
    package func widened() throws -> Tensor {
        switch dataType {
        case .float16, .bfloat16, .float32: try Tensor(doubles(), shape: shape)
        default: self
        }
    }
}
