import CNNModels
import CNNTensors

/// What a reduction makes of the elements of one group.
package enum ReductionFunction: Sendable, Hashable {
    /// `Σ|x|`.
    case l1Norm
    /// `√Σx²`.
    case l2Norm
    /// `log Σx`.
    case logarithmOfSum
    /// `log Σexp(x)`.
    case logarithmOfSumOfExponentials
    case maximum
    case mean
    case minimum
    case product
    case sum
    /// `Σx²`.
    case sumOfSquares

    /// The result for real numbers. Of no numbers: 0 for sums and norms, 1 for the product, −∞ for logarithms and the
    /// maximum, ∞ for the minimum, NaN for the mean, which ONNX leaves undefined.
    package func callAsFunction(_ values: some Collection<Double>) -> Double {
        switch self {
        case .l1Norm: values.reduce(0) { $0 + $1.magnitude }
        case .l2Norm: Self.euclideanLength(values)
        case .logarithmOfSum: ElementaryFunctions.log(values.reduce(0, +))
        case .logarithmOfSumOfExponentials: Self.logSumExp(values)
        case .maximum: values.reduce(-.infinity, ElementaryFunctions.maximum)
        case .mean: values.reduce(0, +) / Double(values.count)
        case .minimum: values.reduce(.infinity, ElementaryFunctions.minimum)
        case .product: values.reduce(1, *)
        case .sum: values.reduce(0, +)
        case .sumOfSquares: values.reduce(0) { $0 + $1 * $1 }
        }
    }

    private static func euclideanLength(_ values: some Collection<Double>) -> Double {
        let largest = values.reduce(0) { ElementaryFunctions.maximum($0, $1.magnitude) }
        guard largest > 0, largest.isFinite else { return largest }
        // Scaled by a power of two, which rounds nothing, the squares neither overflow nor vanish. The scale itself must be a
        // normal number.
        let scale = Double(sign: .plus, exponent: min(max(-Int(largest.exponent), -1000), 1000), significand: 1)
        let sum = values.reduce(0) { $0 + ($1 * scale) * ($1 * scale) }
        return sum.squareRoot() / scale
    }

    private static func logSumExp(_ values: some Collection<Double>) -> Double {
        let largest = values.reduce(-.infinity, ElementaryFunctions.maximum)
        // The difference of infinities would be NaN; the result is the infinity (or the NaN) itself.
        guard largest.isFinite else { return largest }
        return largest + ElementaryFunctions.log(values.reduce(0) { $0 + ElementaryFunctions.exp($1 - largest) })
    }

    /// The result for integers of one type as words, to be cut to the type: sums and products wrap round, roots, logarithms
    /// and the mean lose their fraction.
    /// - Throws: `OperatorError` where the result is not a number: a mean or a logarithm of nothing, a logarithm of less than 1.
    package func callAsFunction(words: some Collection<Int64>, isUnsigned: Bool) throws -> Int64 {
        func real(_ word: Int64) -> Double { isUnsigned ? Double(UInt64(bitPattern: word)) : Double(word) }
        switch self {
        case .l1Norm: return words.reduce(0) { $0 &+ ($1 < 0 && !isUnsigned ? 0 &- $1 : $1) }
        case .product: return words.reduce(1, &*)
        case .sum: return words.reduce(0, &+)
        case .sumOfSquares: return words.reduce(0) { $0 &+ $1 &* $1 }
        case .mean:
            guard !words.isEmpty else { throw OperatorError("the mean of no integers is not defined") }
            let sum = words.reduce(Int128(0)) { $0 + (isUnsigned ? Int128(UInt64(bitPattern: $1)) : Int128($1)) }
            return Int64(truncatingIfNeeded: sum / Int128(words.count))
        case .l2Norm, .logarithmOfSum, .logarithmOfSumOfExponentials, .maximum, .minimum:
            let result = self(words.lazy.map(real))
            guard let whole = Int64(exactly: result.rounded(.towardZero)) else {
                throw OperatorError("the result \(result) is no integer")
            }
            return whole
        }
    }

    /// The result for whole numbers that may have names in them; nil where it cannot be followed.
    package func callAsFunction(sizes: [Dimension]) throws(DimensionError) -> Dimension? {
        switch self {
        case .sum, .product, .sumOfSquares:
            var result = Dimension(self == .product ? 1 : 0)
            for size in sizes {
                result = self == .product ? try result * size : try result + (self == .sum ? size : size * size)
            }
            return result
        case .l1Norm:
            var result = Dimension(0)
            for size in sizes { result = try result + .maximum(size, Dimension(0) - size) }
            return result
        case .maximum, .minimum:
            guard var result = sizes.first else { return nil }
            for size in sizes.dropFirst() {
                result = self == .maximum ? try .maximum(result, size) : try .minimum(result, size)
            }
            return result
        case .mean:
            guard !sizes.isEmpty, let sum = try ReductionFunction.sum(sizes: sizes) else { return nil }
            return try SizeArithmetic.truncatedQuotient(sum, Dimension(sizes.count))
        case .l2Norm, .logarithmOfSum, .logarithmOfSumOfExponentials:
            return nil
        }
    }
}
