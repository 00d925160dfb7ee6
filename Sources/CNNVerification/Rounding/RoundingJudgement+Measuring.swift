import CNNTensors

extension RoundingJudgement {
    /// Measures |actual − expected| in units, element by element.
    /// - Parameter units: by element: the bound, or the standard deviation.
    package init(
        basis: Basis, actual: [Double], expected: [Double], units: [Double], threshold: Double, shape: Shape
    ) {
        var largest = 0.0
        var worst: Int?
        var outsideCount = 0
        var undecidedCount = 0
        var squares = 0.0
        var slacks = SlackCounts()
        let fallback = units.allSatisfy(\.isFinite) ? nil : Fallback(expected: expected)
        for index in actual.indices {
            let (value, target, unit) = (actual[index], expected[index], units[index])
            guard let ratio = Self.ratio(value, target, unit: unit) else {
                if fallback?.allows(value, target) != true { undecidedCount += 1 }
                continue
            }
            if ratio > threshold { outsideCount += 1 }
            if worst == nil || ratio > largest { (worst, largest) = (index, ratio) }
            if ratio.isFinite { squares += ratio * ratio }
            if ratio > 0, ratio.isFinite { slacks.count(1 / ratio) }
        }
        self.init(
            basis: basis, elementCount: actual.count, largest: largest, threshold: threshold, outsideCount: outsideCount,
            undecidedCount: undecidedCount, rootMeanSquare: actual.isEmpty ? 0 : (squares / Double(actual.count)).squareRoot(),
            medianSlack: slacks.median,
            worst: worst.map {
                Worst(index: shape.index(of: $0), value: actual[$0], expected: expected[$0], unit: units[$0])
            })
    }

    /// The difference in units: 0 where the two are the same (NaN as NaN too), infinite where one is no finite number, nil where
    /// the unit is infinite or not a number, so that nothing is known.
    private static func ratio(_ value: Double, _ expected: Double, unit: Double) -> Double? {
        if value == expected || value.isNaN && expected.isNaN { return 0 }
        guard value.isFinite, expected.isFinite else { return .infinity }
        let difference = (value - expected).magnitude
        guard unit.isFinite else { return nil }
        return unit > 0 ? difference / unit : .infinity
    }

    /// What elements are held to of whose rounding nothing is known: they may pass by the standard tolerance, but not fail.
    private struct Fallback {
        private let absolute: Double

        init(expected: [Double]) {
            var largest = 0.0
            for value in expected where value.isFinite { largest = max(largest, value.magnitude) }
            absolute = ComparisonTolerance.standard.absolute(largestMagnitude: largest)
        }

        func allows(_ value: Double, _ expected: Double) -> Bool {
            (value - expected).magnitude <= absolute + ComparisonTolerance.standard.relative * expected.magnitude
        }
    }

    /// Compares arrays that must be the same.
    package static func exact(_ actual: Tensor, _ expected: Tensor) throws -> RoundingJudgement {
        let metrics: DifferenceMetrics
        if actual.dataType.isFloatingPoint, expected.dataType.isFloatingPoint {
            return try RoundingJudgement(
                basis: .exact, actual: actual.doubles(), expected: expected.doubles(),
                units: Array(repeating: 0, count: actual.shape.elementCount), threshold: 0, shape: actual.shape)
        }
        metrics = try TensorComparison.exactMetrics(actual, expected)
        return RoundingJudgement(
            basis: .exact, elementCount: metrics.elementCount, largest: metrics.mismatchCount == 0 ? 0 : .infinity,
            threshold: 0, outsideCount: metrics.mismatchCount, rootMeanSquare: 0, medianSlack: nil,
            worst: metrics.maxAbsolute.map { Worst(index: $0.index, value: $0.actual, expected: $0.reference, unit: 0) })
    }
}

/// How often each slack was met, by the upper half of its bit pattern as float32: bit patterns of positive numbers are in the
/// numbers' order, and sorting the slacks of a layer would take longer than computing the layer.
private struct SlackCounts {
    private var counters = [UInt32](repeating: 0, count: 1 << 15)
    private var total = 0

    mutating func count(_ slack: Double) {
        // A positive number's sign bit is 0, so 15 bits are left of its upper 16.
        counters[Int(Float(slack).bitPattern >> 16)] += 1
        total += 1
    }

    /// The median to within one part in 128; nil without any.
    var median: Double? {
        var passed = 0
        for (bits, count) in counters.enumerated() where count > 0 {
            passed += Int(count)
            if passed > total / 2 { return Double(Float(bitPattern: UInt32(bits) << 16)) }
        }
        return nil
    }
}
