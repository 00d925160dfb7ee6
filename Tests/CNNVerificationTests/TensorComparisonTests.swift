import CNNTensors
import Testing

@testable import CNNVerification

@Suite("Comparing tensors")
struct TensorComparisonTests {
    func compare(_ actual: [Float], _ reference: [Float], rtol: Double = 0, atol: Double = 0) throws -> TensorComparison {
        try TensorComparison(actual: Tensor(actual), reference: Tensor(reference), rtol: rtol, atol: atol)
    }

    @Test("differences are measured where they are largest")
    func metrics() throws {
        // Differences 0, 0.5, -1, 0.25; relative 0, 0.5, 0.25, 0.0625.
        let comparison = try TensorComparison(
            actual: Tensor([1, 1.5, 3, 4.25] as [Float], shape: Shape([2, 2])),
            reference: Tensor([1, 1, 4, 4] as [Float], shape: Shape([2, 2])), rtol: 0.3, atol: 0)
        let metrics = try #require(comparison.metrics)
        #expect(comparison.verdict == .mismatch)
        #expect(metrics.mismatchCount == 1)
        #expect(metrics.firstMismatchIndex == [0, 1])
        #expect(metrics.maxAbsolute == .init(difference: 1, index: [1, 0], actual: 3, reference: 4))
        #expect(metrics.maxRelative == .init(difference: 0.5, index: [0, 1], actual: 1.5, reference: 1))
        #expect(metrics.largestReference == 4)
        // Squares: 0.25 + 1 + 0.0625 = 1.3125, over 4 elements.
        let rmse = try #require(metrics.rootMeanSquare)
        #expect(abs(rmse - (1.3125 / 4).squareRoot()) < 1e-15)
        // 1 + 1.5 + 12 + 17 over the lengths √(1 + 2.25 + 9 + 18.0625) and √34. All terms are exact; only roots round.
        let cosine = try #require(metrics.cosineSimilarity)
        #expect(abs(cosine - 31.5 / (30.3125.squareRoot() * 34.0.squareRoot())) < 1e-15)
    }

    @Test("the tolerance is NumPy's: absolute plus relative to the reference, borders included")
    func tolerance() throws {
        #expect(try compare([1.25], [1], rtol: 0.25).verdict == .match)
        #expect(try compare([1], [1.25], rtol: 0.1875).verdict == .mismatch)
        #expect(try compare([1], [0.75], rtol: 0.25, atol: 0.0625).verdict == .match)
        #expect(try compare([0.5], [0], rtol: 1).verdict == .mismatch)
        #expect(try compare([0.5], [0], atol: 0.5).verdict == .match)
    }

    @Test("left out, the absolute tolerance is 1e-5 of the reference's largest finite magnitude")
    func scaledTolerance() throws {
        let reference = try Tensor([-1e6, 0, .infinity] as [Double])
        let inside = try TensorComparison(actual: Tensor([-1e6, 9.9, .infinity] as [Double]), reference: reference)
        let outside = try TensorComparison(actual: Tensor([-1e6, 10.1, .infinity] as [Double]), reference: reference)
        #expect(inside.verdict == .match)
        #expect(abs(inside.absoluteTolerance - 10) < 1e-9)
        #expect(outside.verdict == .mismatch)
        // An array of zeros has no scale: any difference counts.
        #expect(try TensorComparison(actual: Tensor([1e-30 as Float]), reference: Tensor([0 as Float])).verdict == .mismatch)
        #expect(try TensorComparison(actual: Tensor([-0.0 as Float]), reference: Tensor([0 as Float])).verdict == .match)
    }

    @Test("NaN equals NaN and an infinity itself; on one side only each is a mismatch, however wide the tolerance")
    func nonFinite() throws {
        let wide = 1e300
        #expect(try compare([.nan, .infinity, -.infinity], [.nan, .infinity, -.infinity]).verdict == .match)
        for (actual, reference) in [
            (Float.nan, Float(1)), (1, .nan), (.infinity, 1), (1, .infinity), (.infinity, -.infinity), (.nan, .infinity),
            (.greatestFiniteMagnitude, .infinity),
        ] {
            let comparison = try compare([actual, 1], [reference, 1], rtol: wide, atol: wide)
            #expect(comparison.verdict == .mismatch, "\(actual) \(reference)")
            #expect(comparison.metrics?.nonFiniteMismatchCount == 1)
            #expect(comparison.metrics?.maxAbsolute?.difference == 0)
        }
        let census = try #require(try compare([.nan, .nan, .infinity, 0], [0, .nan, -.infinity, 0]).metrics)
        #expect((census.actualCensus.nanCount, census.actualCensus.positiveInfinityCount) == (2, 1))
        #expect((census.referenceCensus.nanCount, census.referenceCensus.negativeInfinityCount) == (1, 1))
        #expect(census.mismatchCount == 2)
    }

    @Test("arrays without a finite pair have no measures, and those without elements agree")
    func nothingToMeasure() throws {
        let empty = try TensorComparison(
            actual: Tensor([] as [Float], shape: Shape([0, 3])), reference: Tensor([] as [Float], shape: Shape([0, 3])))
        #expect(empty.verdict == .match)
        #expect(empty.metrics?.rootMeanSquare == nil)
        #expect(try compare([.nan], [.nan]).metrics?.cosineSimilarity == nil)
    }

    @Test("the largest numbers do not overflow the sums, the smallest do not vanish in them")
    func extremeScales() throws {
        let huge = try TensorComparison(
            actual: Tensor([1e308, -1e308] as [Double]), reference: Tensor([1e308, 1e308] as [Double]))
        #expect(huge.metrics?.cosineSimilarity == 0)
        #expect(huge.verdict == .mismatch)
        let tiny = try TensorComparison(
            actual: Tensor([3e-300, 4e-300] as [Double]), reference: Tensor([6e-300, 8e-300] as [Double]))
        let cosine = try #require(tiny.metrics?.cosineSimilarity)
        #expect(abs(cosine - 1) < 1e-15)
        let rmse = try #require(tiny.metrics?.rootMeanSquare)
        #expect(abs(rmse / (5e-300 / 2.0.squareRoot()) - 1) < 1e-14)
        #expect(try compare([0, 0], [0, 0]).metrics?.cosineSimilarity == 1)
        #expect(try compare([0, 0], [0, 1]).metrics?.cosineSimilarity == 0)
    }

    @Test("integers, truth values and strings have to be the same, whatever the tolerance")
    func exact() throws {
        func verdict(_ actual: Tensor, _ reference: Tensor) throws -> TensorComparison {
            try TensorComparison(actual: actual, reference: reference, rtol: 1, atol: 1e9)
        }
        let close = try verdict(Tensor([Int64.max, 1]), Tensor([Int64.max - 1, 1]))
        #expect(close.verdict == .mismatch)
        // Both round to 2^63 as Double; the difference is still 1.
        #expect(close.metrics?.maxAbsolute?.difference == 1)
        #expect(close.relativeTolerance == 0)
        #expect(try verdict(Tensor([Int64.min]), Tensor([Int64.max])).metrics?.maxAbsolute?.difference == 0x1p64)
        #expect(try verdict(Tensor([UInt64.max]), Tensor([UInt64.max - 1])).verdict == .mismatch)
        #expect(try verdict(Tensor([-1 as Int8]), Tensor([-1 as Int8])).verdict == .match)
        #expect(try verdict(Tensor(bools: [true], shape: .scalar), Tensor(bools: [false], shape: .scalar)).verdict == .mismatch)
        let words = try verdict(
            Tensor(strings: [[1], [2, 3], []], shape: .vector(3)), Tensor(strings: [[1], [2], [4]], shape: .vector(3)))
        #expect(words.metrics?.mismatchCount == 2)
        #expect(words.metrics?.firstMismatchIndex == [1])
        // Three 4-bit elements in two bytes; the unused last four bits do not count.
        func packed(_ bytes: [UInt8]) throws -> Tensor {
            try Tensor(dataType: .uint4, shape: .vector(3)) { $0.copyBytes(from: bytes) }
        }
        #expect(try verdict(packed([0x21, 0x03]), packed([0x21, 0xF3])).verdict == .match)
        #expect(try verdict(packed([0x21, 0x03]), packed([0x31, 0x03])).metrics?.firstMismatchIndex == [1])
    }

    @Test("half-precision and complex numbers are compared by their values")
    func otherFloats() throws {
        let half = try TensorComparison(
            actual: Tensor(rounding: [1, 2], to: .float16, shape: .vector(2)),
            reference: Tensor(rounding: [1, 2.5], to: .float16, shape: .vector(2)), rtol: 0.1, atol: 0)
        #expect(half.metrics?.maxAbsolute?.difference == 0.5)
        func complex(_ parts: [Float]) throws -> Tensor {
            try Tensor(dataType: .complex64, shape: .vector(parts.count / 2)) { destination in
                parts.withUnsafeBytes { destination.copyMemory(from: $0) }
            }
        }
        // 3 + 4i has modulus 5; it lies √2 from 4 + 3i, whose modulus is 5 too.
        let turned = try TensorComparison(actual: complex([3, 4]), reference: complex([4, 3]), rtol: 0.28, atol: 0)
        #expect(turned.verdict == .mismatch)
        #expect(abs((turned.metrics?.maxAbsolute?.difference ?? 0) - 2.0.squareRoot()) < 1e-15)
        #expect(
            try TensorComparison(actual: complex([3, 4]), reference: complex([4, 3]), rtol: 0.29, atol: 0).verdict == .match)
    }

    @Test("shapes and types that differ cannot be compared")
    func incomparable() throws {
        let vector = try Tensor([1, 2] as [Float])
        let column = try vector.reshaped(Shape([2, 1]))
        let comparison = try TensorComparison(actual: vector, reference: column)
        #expect(comparison.verdict == .incomparable(.shapes(actual: vector.shape, reference: column.shape)))
        #expect(comparison.metrics == nil)
        let doubles = try TensorComparison(actual: vector, reference: Tensor([1, 2] as [Double]))
        #expect(doubles.verdict == .incomparable(.dataTypes(actual: .float32, reference: .float64)))
    }
}

@Suite("Agreement on classes")
struct ClassAgreementTests {
    func agreement(_ actual: [Float], _ reference: [Float], _ shape: [Int]) throws -> ClassAgreement? {
        try TensorComparison(actual: Tensor(actual, shape: Shape(shape)), reference: Tensor(reference, shape: Shape(shape)))
            .classAgreement
    }

    @Test("top-1 is the same best class, top-5 the same set of five")
    func topFive() throws {
        let reference: [Float] = [9, 8, 7, 6, 5, 4] + [1, 2, 3, 4, 5, 6]
        // First item: the best two change places. Second: the last of five drops out.
        let actual: [Float] = [8, 9, 7, 6, 5, 4] + [2.5, 2, 3, 4, 5, 6]
        let result = try #require(try agreement(actual, reference, [2, 6]))
        #expect((result.itemCount, result.classCount, result.top1Count, result.top5Count) == (2, 6, 1, 1))
        #expect(try agreement(actual, reference, [2, 6, 1, 1]) == result)
    }

    @Test("of equal scores the lower class counts as better on both sides, and NaN as worst")
    func ties() throws {
        #expect(try agreement([1, 1, 0], [2, 2, 1], [1, 3])?.top1Count == 1)
        #expect(try agreement([.nan, 1, 0], [0, 2, 1], [1, 3])?.top1Count == 1)
    }

    @Test("there is no top-5 of fewer than five classes, and no ranking of what is no class vector")
    func notClasses() throws {
        #expect(try agreement([1, 0, 0, 0], [1, 0, 0, 0], [1, 4])?.top5Count == nil)
        #expect(try agreement([1, 0, 0, 0], [1, 0, 0, 0], [4]) == nil)
        #expect(try agreement([1, 0, 0, 0], [1, 0, 0, 0], [4, 1]) == nil)
        #expect(try agreement([1, 0, 0, 0], [1, 0, 0, 0], [1, 2, 2, 1]) == nil)
        let integers = try Tensor([1, 2] as [Int64], shape: Shape([1, 2]))
        #expect(try TensorComparison(actual: integers, reference: integers).classAgreement == nil)
    }
}
