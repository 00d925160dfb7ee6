import CNNTensors
import Testing

@testable import CNNVerification

@Suite("Measures of difference")
struct DifferenceMetricsTests {
    private func metrics(_ actual: Tensor, _ reference: Tensor, rtol: Double = 0, atol: Double = 0) throws -> DifferenceMetrics
    {
        try #require(try TensorComparison(actual: actual, reference: reference, rtol: rtol, atol: atol).metrics)
    }

    @Test("the normalised error is that of the Euclidean norm, the noise ratio that of the reference's range")
    func normalised() throws {
        // Differences 1, 0, 0, 1; RMSE √(2/4); the reference's root mean square √(30/4), its range 3.
        let metrics = try metrics(Tensor([2, 2, 3, 5] as [Float]), Tensor([1, 2, 3, 4] as [Float]))
        #expect(abs((metrics.normalizedRootMeanSquare ?? 0) - (2.0 / 30).squareRoot()) < 1e-15)
        // 20 log₁₀(3 / √½) = 10 log₁₀ 18.
        #expect(abs((metrics.peakSignalToNoiseRatio ?? 0) - 12.552_725_051_033_06) < 1e-12)
        let same = try self.metrics(Tensor([1, 2] as [Float]), Tensor([1, 2] as [Float]))
        #expect(same.peakSignalToNoiseRatio == .infinity)
        #expect(same.normalizedRootMeanSquare == 0)
        let constant = try self.metrics(Tensor([1, 2] as [Float]), Tensor([0, 0] as [Float]))
        #expect(constant.peakSignalToNoiseRatio == nil)
        #expect(constant.normalizedRootMeanSquare == .infinity)
    }

    @Test("units in the last place count the representable numbers between two, across zero too")
    func unitsInLastPlace() throws {
        let one: Float = 1
        let least = Float.leastNonzeroMagnitude
        let actual = try Tensor([one.nextUp.nextUp, -least, 0, 8, .nan] as [Float])
        let reference = try Tensor([one, least, -0.0, 4, .nan] as [Float])
        let ulp = try #require(try metrics(actual, reference).unitsInLastPlace)
        // 2, 2, 0, and a whole binade of 2^23.
        #expect(ulp.maximum == 1 << 23)
        #expect((ulp.median, ulp.percentile90) == (2, 1 << 23))
        let halves = try #require(
            try metrics(
                Tensor(rounding: [1, 2048], to: .float16, shape: .vector(2)),
                Tensor(rounding: [1, 2050], to: .float16, shape: .vector(2))
            ).unitsInLastPlace)
        #expect(halves.maximum == 1)
        let ends = try #require(
            try metrics(
                Tensor([-Double.greatestFiniteMagnitude]), Tensor([Double.greatestFiniteMagnitude])
            ).unitsInLastPlace)
        #expect(ends.maximum == 2 * (Double.infinity.bitPattern - 1))
        #expect(try metrics(Tensor([1 as Int32]), Tensor([2 as Int32])).unitsInLastPlace == nil)
    }

    @Test("percentiles follow the nearest rank")
    func percentiles() throws {
        // Distances 1 to 200 over as many elements.
        let reference = [Float](repeating: 1, count: 200)
        let actual = (1...200).map { Float(bitPattern: Float(1).bitPattern + UInt32($0)) }
        let ulp = try #require(try metrics(Tensor(actual), Tensor(reference)).unitsInLastPlace)
        #expect((ulp.median, ulp.percentile90, ulp.percentile99, ulp.maximum) == (100, 180, 198, 200))
    }

    @Test("the order of classes first differs where a class first stands elsewhere")
    func rank() throws {
        func rank(_ actual: [Float], _ reference: [Float], _ shape: [Int]) throws -> Int? {
            try TensorComparison(actual: Tensor(actual, shape: Shape(shape)), reference: Tensor(reference, shape: Shape(shape)))
                .classAgreement?.firstDisagreementRank
        }
        #expect(try rank([9, 8, 6, 7], [9, 8, 7, 6], [1, 4]) == 3)
        #expect(try rank([9, 8.5, 7, 6], [9, 8, 7, 6], [1, 4]) == nil)
        #expect(try rank([9, 8, 6, 7] + [1, 3, 2, 0], [9, 8, 7, 6] + [1, 2, 3, 0], [2, 4]) == 1)
    }

    @Test("blocks of any length give what adding element by element gives", arguments: [1, 7, 8, 511, 512, 513, 2050])
    func blocks(count: Int) throws {
        var random = Seeded(state: UInt64(count))
        var (actual, reference) = ([Double](), [Double]())
        for index in 0..<count {
            let value = random.next() * (index % 97 == 0 ? 0 : 10)
            reference.append(index % 131 == 5 ? .infinity : value)
            actual.append(index % 151 == 9 ? .nan : reference[index] + random.next() * 0.01)
        }
        let (rtol, atol) = (1e-3, 2e-3)
        let metrics = try metrics(Tensor(actual), Tensor(reference), rtol: rtol, atol: atol)
        let finite = (0..<count).filter { actual[$0].isFinite && reference[$0].isFinite }
        let differences = finite.map { abs(actual[$0] - reference[$0]) }
        let wrong = (0..<count).filter {
            !(actual[$0] == reference[$0] || abs(actual[$0] - reference[$0]) <= atol + rtol * abs(reference[$0]))
        }
        #expect(metrics.mismatchCount == wrong.count)
        #expect(metrics.firstMismatchIndex == wrong.first.map { [$0] })
        #expect(metrics.maxAbsolute?.difference == differences.max())
        #expect(
            metrics.maxRelative?.difference
                == finite.filter { reference[$0] != 0 }.map { abs(actual[$0] - reference[$0]) / abs(reference[$0]) }.max())
        let squares = differences.reduce(0) { $0 + $1 * $1 }
        // Sums of positive terms in another order: a relative error of count · 2^−53 at most.
        let rounding = Double(count) * 0x1p-52
        if let rmse = metrics.rootMeanSquare {
            #expect(abs(rmse - (squares / Double(finite.count)).squareRoot()) <= rmse * rounding)
        } else {
            #expect(finite.isEmpty)
        }
        for relative in [0, 1e-4, 1e-3, 0.1, 10] {
            let needed = finite.map { abs(actual[$0] - reference[$0]) - relative * abs(reference[$0]) }.max() ?? 0
            #expect(abs(metrics.frontier.leastAbsoluteTolerance(relative: relative) - max(needed, 0)) < 1e-15)
        }
    }

    @Test("the map shows the item, channel and place of every mismatch")
    func map() throws {
        let shape = try Shape([2, 3, 4, 5])
        var values = [Float](repeating: 1, count: shape.elementCount)
        let reference = try Tensor(values, shape: shape)
        // Item 1, channel 2, row 3, column 4, and the same one row above.
        values[((1 * 3 + 2) * 4 + 3) * 5 + 4] = 3
        values[((1 * 3 + 2) * 4 + 2) * 5 + 4] = .nan
        let map = try #require(try metrics(Tensor(values, shape: shape), reference).map)
        #expect(map.items.map(\.mismatchCount) == [0, 2])
        #expect(map.channels.map(\.mismatchCount) == [0, 0, 2])
        #expect(map.channels[2].largestDifference == 2)
        #expect(map.positions.count == 20)
        #expect(map.positions.indices.filter { map.positions[$0].mismatchCount > 0 } == [14, 19])
        #expect(map.summary == "batch item 1 of 2, channel 2 of 3, rows 2–3, columns 4")
        #expect(try metrics(reference, reference).map == nil)
        // Axes past the limits share cells: 200 channels in 50 cells of 4.
        let wide = try Shape([1, 200])
        var scores = [Float](repeating: 0, count: 200)
        let zeros = try Tensor(scores, shape: wide)
        scores[199] = 1
        let shared = try #require(try metrics(Tensor(scores, shape: wide), zeros).map)
        #expect((shared.channelAxis.cellSize, shared.channels.count) == (4, 50))
        #expect(shared.summary == "channels 196–199 of 200")
    }
}

@Suite("Judging a saved report")
struct SavedReportTests {
    private func report(_ actual: Tensor, _ reference: Tensor) throws -> VerificationReport {
        try VerificationReport(outputs: [("y", actual)], references: [("y", reference)])
    }

    @Test("the verdict under any tolerance is the one that comparing again gives")
    func agreesWithComparing() throws {
        var random = Seeded(state: 7)
        let reference = (0..<500).map { _ in random.next() * 4 - 2 }
        let actual = reference.map { $0 * (1 + 0.01 * (random.next() - 0.5)) + 1e-3 * (random.next() - 0.5) }
        let (own, other) = (try Tensor(actual), try Tensor(reference))
        let saved = try SavedReport(JSON(parsing: report(own, other).json()))
        for rtol in [0, 1e-3, 4e-3, 5e-3, 1e-2] {
            let needed = try #require(saved.judged(relative: rtol, absolute: .fixed(0)).outputs.first?.leastAbsoluteTolerance)
            for atol in [0, 1e-5, 1e-4, 4e-4, needed * 0.999, needed * 1.001, 1] {
                let again = try TensorComparison(actual: own, reference: other, rtol: rtol, atol: atol)
                let judged = saved.judged(relative: rtol, absolute: .fixed(atol))
                #expect((judged.verdict == .passed) == (again.verdict == .match), "rtol \(rtol) atol \(atol)")
            }
        }
    }

    @Test("what no tolerance cures stays a mismatch, and what was left out stays left out")
    func incurable() throws {
        let infinite = try SavedReport(JSON(parsing: report(Tensor([.nan as Float]), Tensor([1 as Float])).json()))
        #expect(infinite.judged(relative: 1e9, absolute: .fixed(1e9)).verdict == .mismatch)
        let whole = try SavedReport(JSON(parsing: report(Tensor([1 as Int32]), Tensor([2 as Int32])).json()))
        #expect(whole.judged(relative: 1e9, absolute: .fixed(1e9)).verdict == .mismatch)
        let shapes = try SavedReport(JSON(parsing: report(Tensor([1] as [Float]), Tensor([1, 2] as [Float])).json()))
        let judged = shapes.judged(relative: nil, absolute: nil)
        #expect(judged.verdict == .incomplete)
        #expect(judged.omissions == ["output 'y' was not compared: its shape is [1], the reference's [2]: axis 0 differs"])
    }

    @Test("a report that compared nothing does not pass")
    func nothingCompared() throws {
        let bare = try SavedReport(JSON(parsing: #"{"schema": 1, "outputs": [], "omissions": []}"#))
        let empty = try Tensor([] as [Float], shape: Shape([0, 2]))
        for saved in [bare, try SavedReport(JSON(parsing: report(empty, empty).json()))] {
            for relative in [nil, 1.0] {
                let judged = saved.judged(relative: relative, absolute: nil)
                #expect(judged.verdict == .incomplete)
                #expect(judged.omissions == ["nothing was compared"])
            }
        }
    }

    @Test("what is no report is refused with the member that is wrong")
    func refused() throws {
        for (text, fragment) in [
            ("{}", "'schema'"), ("[1]", "'schema'"), (#"{"schema": 1}"#, "'outputs'"),
            (#"{"schema": 1, "outputs": [], "omissions": 3}"#, "'omissions'"),
            (#"{"schema": 1, "outputs": [{"name": "y", "rtol": -1, "atol": 0}], "omissions": []}"#, "'rtol'"),
            (
                #"{"schema": 1, "outputs": [{"name": "y", "rtol": 0, "atol": 0, "data_type": "float33"}], "omissions": []}"#,
                "'data_type'"
            ),
        ] {
            let error = #expect(throws: SavedReportError.self) { try SavedReport(JSON(parsing: text)) }
            #expect(error?.description.contains(fragment) == true, "\(text)")
        }
    }
}

/// Numbers from 0 to 1 that are the same on every run (Marsaglia's xorshift64).
private struct Seeded {
    private var state: UInt64

    init(state: UInt64) { self.state = state &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> Double {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Double(state >> 11) * 0x1p-53
    }
}
