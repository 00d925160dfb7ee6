import CNNTensors

extension TensorComparison {
    /// The metrics of arrays whose elements have to be the same: integers, truth values, strings, and the small formats that
    /// are compared by their codes.
    static func exactMetrics(_ actual: Tensor, _ reference: Tensor) throws -> DifferenceMetrics {
        switch actual.dataType {
        case .string: try metrics(ofStrings: actual, reference)
        case .uint64:
            try metrics(actual.elements(as: UInt64.self), reference.elements(as: UInt64.self), actual.shape) { Double($0) }
        case .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32:
            try metrics(actual.integers(), reference.integers(), actual.shape) { Double($0) }
        default: try metrics(ElementCodes(actual).codes, ElementCodes(reference).codes, actual.shape) { Double($0) }
        }
    }

    private static func metrics<Element: FixedWidthInteger>(
        _ actual: [Element], _ reference: [Element], _ shape: Shape, _ value: (Element) -> Double
    ) -> DifferenceMetrics {
        var accumulator = DifferenceAccumulator()
        for (element, expected) in zip(actual, reference) {
            accumulator.survey(actual: value(element), reference: value(expected))
        }
        for (element, expected) in zip(actual, reference) {
            // The true difference, which may not fit in the type and is lost when both round to the same Double.
            let (smaller, larger) = element < expected ? (element, expected) : (expected, element)
            let difference = UInt64(truncatingIfNeeded: larger) &- UInt64(truncatingIfNeeded: smaller)
            accumulator.add(
                actual: value(element), reference: value(expected), difference: Double(difference),
                isMatch: element == expected)
        }
        var map: DifferenceMap?
        if accumulator.hasMismatches {
            var differences = DifferenceMap(shape: shape)
            differences.add(min(actual.count, reference.count), from: 0) { index in
                let (element, expected) = (actual[index], reference[index])
                return ((value(element) - value(expected)).magnitude, element != expected)
            }
            map = differences
        }
        return accumulator.metrics(map: map, index: shape.index(of:))
    }

    /// Strings have no distance: the metrics say only how many differ, and where.
    private static func metrics(ofStrings actual: Tensor, _ reference: Tensor) throws -> DifferenceMetrics {
        let pairs = zip(try actual.strings(), try reference.strings())
        let mismatches = pairs.enumerated().filter { $1.0 != $1.1 }.map(\.offset)
        return DifferenceMetrics(
            elementCount: actual.shape.elementCount, mismatchCount: mismatches.count, nonFiniteMismatchCount: 0,
            firstMismatchIndex: mismatches.first.map(actual.shape.index(of:)), maxAbsolute: nil, maxRelative: nil,
            rootMeanSquare: nil, normalizedRootMeanSquare: nil, cosineSimilarity: nil, peakSignalToNoiseRatio: nil,
            largestReference: 0, actualCensus: DifferenceMetrics.Census(), referenceCensus: DifferenceMetrics.Census(),
            frontier: ToleranceFrontier(), unitsInLastPlace: nil, map: nil)
    }
}

/// The bit patterns of elements of 8 bits or fewer, which lie one after another from the lowest bit of the first byte on.
private struct ElementCodes {
    let codes: [UInt8]

    init(_ tensor: Tensor) throws {
        guard let width = tensor.dataType.bitWidth, width <= 8 else {
            throw TensorError.wrongDataType(tensor.dataType, expected: "a type of at most 8 bits")
        }
        let count = tensor.shape.elementCount
        codes = tensor.withUnsafeBytes { bytes in
            (0..<count).map { element in
                let (byte, shift) = (element * width / 8, element * width % 8)
                let next = byte + 1 < bytes.count ? UInt16(bytes[byte + 1]) : 0
                let window = UInt16(bytes[byte]) | next << 8
                return UInt8(truncatingIfNeeded: window >> UInt16(shift)) & UInt8((1 << width) - 1)
            }
        }
    }
}
