import CNNTensors

/// A run of neighbouring elements of two arrays as Doubles.
struct ElementBlock {
    /// How many elements stand before the block.
    let offset: Int
    /// The values; of complex numbers the moduli.
    let actual: UnsafeBufferPointer<Double>
    let reference: UnsafeBufferPointer<Double>
    /// The distances |actual − reference|; of complex numbers the moduli of their differences.
    let difference: UnsafeBufferPointer<Double>
    /// The differences that are allowed; empty while the arrays are only surveyed.
    let limit: UnsafeBufferPointer<Double>
    /// Whether every value of both arrays is a finite number.
    let isFinite: Bool

    var count: Int { actual.count }

    private typealias Lanes = SIMD8<Double>

    /// What a block adds to the sums over an array.
    struct Summary {
        var mismatchCount = 0
        var largestDifference = 0.0
        /// The largest difference relative to a reference that is not 0; −1 if all are.
        var largestRelative = -1.0
        var leastMagnitude = Double.infinity
        var squaredDifferences = 0.0
        var product = 0.0
        var squaredActual = 0.0
        var squaredReference = 0.0
    }

    /// Sums over a block of finite numbers, with the numbers scaled before they are multiplied.
    func summary(
        differenceScale: Double, actualScale: Double, referenceScale: Double
    ) -> Summary {
        var summary = Summary()
        var (mismatches, differences, relatives) = (SIMD8<Int64>.zero, Lanes.zero, Lanes(repeating: -1))
        var magnitudes = Lanes(repeating: .infinity)
        var (squares, products, actuals, references) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
        for start in stride(from: 0, to: count, by: Lanes.scalarCount) {
            let isWhole = start + Lanes.scalarCount <= count
            // Past the end stand zeros in both arrays: they agree under every tolerance and add nothing to a sum.
            let a = lanes(actual, start, isWhole)
            let r = lanes(reference, start, isWhole)
            let d = lanes(difference, start, isWhole)
            let magnitude = r.replacing(with: -r, where: r .< 0)
            // Not `d .> limit`: a difference that is no number must not pass.
            let isMismatch = .!(d .<= lanes(limit, start, isWhole))
            mismatches.replace(with: mismatches &+ 1, where: isMismatch)
            differences.replace(with: d, where: d .> differences)
            let quotient = d / magnitude
            relatives.replace(with: quotient, where: (magnitude .> 0) .& (quotient .> relatives))
            if isWhole { magnitudes.replace(with: magnitude, where: magnitude .< magnitudes) }
            let (scaledD, scaledA, scaledR) = (d * differenceScale, a * actualScale, r * referenceScale)
            squares += scaledD * scaledD
            products += scaledA * scaledR
            actuals += scaledA * scaledA
            references += scaledR * scaledR
        }
        for index in (count / Lanes.scalarCount * Lanes.scalarCount)..<count {
            summary.leastMagnitude = min(summary.leastMagnitude, reference[index].magnitude)
        }
        summary.mismatchCount = Int(mismatches.wrappedSum())
        summary.largestDifference = differences.max()
        summary.largestRelative = relatives.max()
        summary.leastMagnitude = min(summary.leastMagnitude, magnitudes.min())
        summary.squaredDifferences = squares.sum()
        summary.product = products.sum()
        summary.squaredActual = actuals.sum()
        summary.squaredReference = references.sum()
        return summary
    }

    /// The largest magnitude; 0 for no element.
    func largest(_ values: UnsafeBufferPointer<Double>) -> Double {
        let range = range(values)
        return values.isEmpty ? 0 : max(range.upperBound.magnitude, range.lowerBound.magnitude)
    }

    /// The least and the greatest of one or more finite numbers; both 0 for none.
    func range(_ values: UnsafeBufferPointer<Double>) -> ClosedRange<Double> {
        guard let first = values.first else { return 0...0 }
        var (least, greatest) = (Lanes(repeating: first), Lanes(repeating: first))
        let whole = values.count / Lanes.scalarCount * Lanes.scalarCount
        for start in stride(from: 0, to: whole, by: Lanes.scalarCount) {
            let lanes = lanes(values, start, true)
            least.replace(with: lanes, where: lanes .< least)
            greatest.replace(with: lanes, where: lanes .> greatest)
        }
        var range = (least.min(), greatest.max())
        for index in whole..<values.count { range = (min(range.0, values[index]), max(range.1, values[index])) }
        return range.0...range.1
    }

    @inline(__always)
    private func lanes(_ values: UnsafeBufferPointer<Double>, _ start: Int, _ isWhole: Bool) -> Lanes {
        if isWhole {
            return UnsafeRawBufferPointer(values).loadUnaligned(fromByteOffset: start * 8, as: Lanes.self)
        }
        var lanes = Lanes.zero
        for index in start..<values.count { lanes[index - start] = values[index] }
        return lanes
    }
}

/// Two floating-point or complex arrays of one type and shape, read in step a block at a time: whatever their size, only a
/// block of them exists as Doubles.
struct ElementBlocks {
    /// By how much a finite element may differ.
    enum Allowance {
        /// By `absolute + relative · |reference|`.
        case rule(absolute: Double, relative: Double)
        /// By a number of its own, in row-major order.
        case each([Double])
    }

    private let actual: Tensor
    private let reference: Tensor
    private let count: Int

    /// Four blocks of Doubles stay in a processor's first cache.
    private static let blockLength = 512

    /// - Throws: `TensorError` if the elements are no floating-point or complex numbers.
    init(actual: Tensor, reference: Tensor) throws {
        guard actual.dataType.isComparedByTolerance, reference.dataType == actual.dataType else {
            throw TensorError.wrongDataType(actual.dataType, expected: "a floating-point or complex type")
        }
        self.actual = actual
        self.reference = reference
        count = min(actual.shape.elementCount, reference.shape.elementCount)
    }

    /// Hands out all elements, first to last.
    /// - Parameters:
    ///   - allowance: nil to only survey them.
    ///   - body: the block's numbers are there for the time of the call only.
    func visit(_ allowance: Allowance? = nil, _ body: (ElementBlock) -> Void) {
        let length = Self.blockLength
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 4 * length) { scratch in
            let own = UnsafeMutableBufferPointer(rebasing: scratch[..<length])
            let other = UnsafeMutableBufferPointer(rebasing: scratch[length..<(2 * length)])
            let distance = UnsafeMutableBufferPointer(rebasing: scratch[(2 * length)..<(3 * length)])
            let limit = UnsafeMutableBufferPointer(rebasing: scratch[(3 * length)...])
            scratch.initialize(repeating: 0)
            actual.withUnsafeBytes { actualBytes in
                reference.withUnsafeBytes { referenceBytes in
                    for offset in stride(from: 0, to: count, by: length) {
                        let size = min(length, count - offset)
                        read(actualBytes, offset, size, into: own)
                        read(referenceBytes, offset, size, into: other)
                        if isComplex {
                            readDistances(actualBytes, referenceBytes, offset, size, into: distance)
                        } else {
                            for index in 0..<size { distance[index] = (own[index] - other[index]).magnitude }
                        }
                        switch allowance {
                        case nil: break
                        case .rule(let absolute, let relative):
                            for index in 0..<size { limit[index] = absolute + relative * other[index].magnitude }
                        case .each(let limits):
                            for index in 0..<size { limit[index] = limits[offset + index] }
                        }
                        // 0 · x is 0 for a finite x and NaN for all others.
                        var probe = 0.0
                        for index in 0..<size { probe += 0 * own[index] + 0 * other[index] }
                        body(
                            ElementBlock(
                                offset: offset, actual: UnsafeBufferPointer(rebasing: own[..<size]),
                                reference: UnsafeBufferPointer(rebasing: other[..<size]),
                                difference: UnsafeBufferPointer(rebasing: distance[..<size]),
                                limit: UnsafeBufferPointer(rebasing: limit[..<(allowance == nil ? 0 : size)]),
                                isFinite: probe == 0))
                    }
                }
            }
        }
    }

    private var isComplex: Bool { actual.dataType == .complex64 || actual.dataType == .complex128 }

    private func read(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int, _ size: Int, into values: UnsafeMutableBufferPointer<Double>
    ) {
        switch actual.dataType {
        case .float32:
            for index in 0..<size {
                values[index] = Double(bytes.loadUnaligned(fromByteOffset: (offset + index) * 4, as: Float.self))
            }
        case .float64:
            for index in 0..<size {
                values[index] = bytes.loadUnaligned(fromByteOffset: (offset + index) * 8, as: Double.self)
            }
        case .float16:
            for index in 0..<size {
                let bits = bytes.loadUnaligned(fromByteOffset: (offset + index) * 2, as: UInt16.self)
                values[index] = ReducedPrecision.double(float16: bits)
            }
        case .bfloat16:
            for index in 0..<size {
                let bits = bytes.loadUnaligned(fromByteOffset: (offset + index) * 2, as: UInt16.self)
                values[index] = ReducedPrecision.double(bfloat16: bits)
            }
        default:
            for index in 0..<size {
                let (x, y) = complex(bytes, offset + index)
                values[index] = Self.modulus(x, y)
            }
        }
    }

    private func readDistances(
        _ own: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer, _ offset: Int, _ size: Int,
        into distances: UnsafeMutableBufferPointer<Double>
    ) {
        for index in 0..<size {
            let (a, r) = (complex(own, offset + index), complex(other, offset + index))
            distances[index] = Self.modulus(a.0 - r.0, a.1 - r.1)
        }
    }

    private func complex(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> (Double, Double) {
        if actual.dataType == .complex128 {
            return (
                bytes.loadUnaligned(fromByteOffset: index * 16, as: Double.self),
                bytes.loadUnaligned(fromByteOffset: index * 16 + 8, as: Double.self)
            )
        }
        return (
            Double(bytes.loadUnaligned(fromByteOffset: index * 8, as: Float.self)),
            Double(bytes.loadUnaligned(fromByteOffset: index * 8 + 4, as: Float.self))
        )
    }

    /// √(x² + y²), scaled so that the squares stay finite; infinite if either is, NaN if one is and the other not infinite.
    private static func modulus(_ x: Double, _ y: Double) -> Double {
        if x.isInfinite || y.isInfinite { return .infinity }
        let larger = max(x.magnitude, y.magnitude)
        if larger == 0 || x.isNaN || y.isNaN { return x.isNaN || y.isNaN ? .nan : 0 }
        return larger * (x / larger * (x / larger) + y / larger * (y / larger)).squareRoot()
    }
}
