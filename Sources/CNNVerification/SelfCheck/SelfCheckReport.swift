import CNNTensors
import CNNTextTables

/// What a model's check of itself came to.
public struct SelfCheckReport: Sendable, Hashable {
    /// One output.
    public struct Output: Sendable, Hashable {
        public let name: String
        public let dataType: DataType
        public let shape: Shape
        /// What makes comparing impossible; nil where it was possible.
        public let fault: String?
        /// The largest difference of a statistic in standard deviations of the expected rounding error, and its name.
        public let largest: Double
        public let largestStatistic: String
        /// The most deviations that are allowed: those for as many elements as there are statistics (`RoundingThreshold`).
        public let threshold: Double
        /// Whether the elements have the very bits of the expected ones.
        public let isIdentical: Bool
        /// Whether the best classes are the same, in the same order; nil where there are none. Near ties change places by rounding:
        /// it does not count against the verdict.
        public let hasSameTopClasses: Bool?

        public var agrees: Bool { fault == nil && largest <= threshold }
    }

    public let seed: UInt64
    public let outputs: [Output]

    public var verdict: VerificationReport.Verdict { outputs.allSatisfy(\.agrees) ? .passed : .mismatch }

    /// The report as text for a monospaced display.
    public func text(width: Int? = nil) -> String {
        var table = TextTable([
            .text("Output"), .fixed("Type and shape"), .number("Largest difference"), .fixed("of"), .number("Allowed"),
            .fixed("Bits"), .fixed("Best classes"), .fixed("Verdict"),
        ])
        for output in outputs {
            let classes = output.hasSameTopClasses.map { $0 ? "same" : "other order" } ?? ""
            table.append(
                [output.name, "\(output.dataType)\(output.shape)"]
                    + (output.fault != nil
                        ? ["", "", "", "", "", "DIFFERS"]
                        : [
                            "\(NumberText.scientific(output.largest)) σ", output.largestStatistic,
                            "\(NumberText.fixed(output.threshold, digits: 1)) σ", output.isIdentical ? "identical" : "differ",
                            classes, output.agrees ? "agrees" : "DIFFERS",
                        ]))
        }
        var lines = table.lines(width: width)
        for output in outputs {
            if let fault = output.fault {
                lines.append("\(DisplayText.printable(output.name)): \(DisplayText.printable(fault))")
            }
        }
        lines.append(verdictText)
        return lines.joined(separator: "\n")
    }

    /// The verdict in one line.
    public var verdictText: String {
        let count = outputs.count(where: \.agrees)
        return verdict == .passed
            ? "verified: the model's outputs are those that it was exported with, within rounding"
            : "mismatch: the model is not the one that was exported (\(count) of \(outputs.count) outputs agree)"
    }

    /// The report as members of a JSON object (schema 1).
    package var jsonMembers: [JSON.Member] {
        [
            JSON.Member("verdict", .string(verdict.rawValue)),
            JSON.Member(
                "self_check",
                [
                    "seed": .integer(Int(truncatingIfNeeded: seed)),
                    "outputs": .array(
                        outputs.map { output in
                            [
                                "name": .string(output.name), "verdict": .string(output.agrees ? "match" : "mismatch"),
                                "data_type": .string("\(output.dataType)"),
                                "shape": .array(output.shape.dimensions.map(JSON.integer)),
                                "reason": output.fault.map(JSON.string) ?? .null, "largest": .number(output.largest),
                                "largest_statistic": .string(output.largestStatistic), "threshold": .number(output.threshold),
                                "identical_bits": .boolean(output.isIdentical),
                                "same_top_classes": output.hasSameTopClasses.map(JSON.boolean) ?? .null,
                            ]
                        }),
                ]),
        ]
    }
}

extension SelfCheck {
    /// Runs the model on the inputs of the recipe and holds its outputs against what they should come to.
    /// - Throws: `SelfCheckError`, and what `evaluate` throws.
    public func report(_ evaluate: ([String: Tensor]) throws -> [String: Tensor]) throws -> SelfCheckReport {
        let computed = try evaluate(inputTensors())
        return SelfCheckReport(seed: seed, outputs: try outputs.map { try $0.report(computed[$0.name]) })
    }
}

extension SelfCheck.Output {
    fileprivate func report(_ tensor: Tensor?) throws -> SelfCheckReport.Output {
        guard let tensor else { return failure("the model has no such output") }
        guard tensor.dataType == dataType, tensor.shape == shape else {
            return failure("it is \(tensor), and should be \(dataType)\(shape)")
        }
        let values = try tensor.doubles()
        let statistics = OutputStatistics(values)
        var pairs = zip(statistics.projections, projections).enumerated().map { ("projection \($0 + 1)", $1.0, $1.1) }
        pairs += [
            ("minimum", statistics.minimum, minimum), ("maximum", statistics.maximum, maximum), ("mean", statistics.mean, mean),
        ]
        // The sums here are taken in Double, whose own rounding of n terms stays below n·2⁻⁵³ of their magnitudes.
        let magnitude = values.reduce(0) { $0 + $1.magnitude } / Double(max(values.count, 1)).squareRoot()
        let summing = Double(values.count) * 0x1p-53 * magnitude
        var largest = (0.0, "")
        for (name, value, expected) in pairs {
            let ratio = Self.ratio(value, expected, summing: summing)
            if ratio > largest.0 || largest.1.isEmpty { largest = (ratio, name) }
        }
        let ranking = ClassRanking.best(of: values, shape: shape, dataType: dataType)
        return SelfCheckReport.Output(
            name: name, dataType: dataType, shape: shape, fault: nil, largest: largest.0, largestStatistic: largest.1,
            threshold: RoundingThreshold.deviations(elementCount: pairs.count), isIdentical: tensor.sha256 == digest,
            hasSameTopClasses: topClasses.isEmpty ? nil : ranking == topClasses)
    }

    private func failure(_ fault: String) -> SelfCheckReport.Output {
        SelfCheckReport.Output(
            name: name, dataType: dataType, shape: shape, fault: fault, largest: .infinity, largestStatistic: "", threshold: 0,
            isIdentical: false, hasSameTopClasses: nil)
    }

    private static func ratio(_ value: Double, _ expected: SelfCheck.Statistic, summing: Double) -> Double {
        if value == expected.value || value.isNaN && expected.value.isNaN { return 0 }
        let difference = (value - expected.value).magnitude
        guard difference.isFinite, expected.sigma.isFinite else { return .infinity }
        if difference <= summing { return 0 }
        return expected.sigma > 0 ? difference / expected.sigma : .infinity
    }
}
