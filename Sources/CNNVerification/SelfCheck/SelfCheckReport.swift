import CNNTensors
import CNNTextTables

/// What a model's check of itself came to.
public struct SelfCheckReport: Sendable, Hashable {
    /// One output.
    public struct Output: Sendable, Hashable {
        public let name: String
        public let dataType: DataType
        public let shape: Shape
        /// What makes the output another one than was exported without any comparing; nil for nothing.
        public let fault: String?
        /// Why the check cannot tell whether the output agrees; nil where it can.
        public let omission: String?
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

        public var verdict: VerificationReport.Verdict {
            if fault != nil { return .mismatch }
            return omission != nil ? .incomplete : largest <= threshold ? .passed : .mismatch
        }

        public var agrees: Bool { verdict == .passed }
    }

    public let seed: UInt64
    public let outputs: [Output]
    /// Outputs of the model that the check says nothing of.
    public let uncheckedOutputs: [String]

    /// A mismatch outweighs what is missing: it is certain.
    public var verdict: VerificationReport.Verdict {
        if outputs.contains(where: { $0.verdict == .mismatch }) { return .mismatch }
        return omissions.isEmpty ? .passed : .incomplete
    }

    /// Why the report is incomplete, a sentence each; empty if it is complete.
    public var omissions: [String] {
        outputs.compactMap { output in output.omission.map { SavedReport.omission(output.name, $0) } }
            + uncheckedOutputs.map { "the check says nothing of output '\($0)'" }
            + (isEmpty ? [VerificationReport.nothingCompared] : [])
    }

    private var isEmpty: Bool { VerificationReport.comparedNothing(outputs.map(\.shape.elementCount)) }

    /// The report as text for a monospaced display.
    public func text(width: Int? = nil) -> String {
        var table = TextTable([
            .text("Output"), .fixed("Type and shape"), .number("Largest difference"), .fixed("of"), .number("Allowed"),
            .fixed("Bits"), .fixed("Best classes"), .fixed("Verdict"),
        ])
        for output in outputs {
            let verdict = output.omission != nil ? "undecided" : output.agrees ? "agrees" : "DIFFERS"
            let classes = output.hasSameTopClasses.map { $0 ? "same" : "other order" } ?? ""
            table.append(
                [output.name, "\(output.dataType)\(output.shape)"]
                    + (output.fault != nil || output.omission != nil
                        ? ["", "", "", "", "", verdict]
                        : [
                            "\(NumberText.scientific(output.largest)) σ", output.largestStatistic,
                            "\(NumberText.fixed(output.threshold, digits: 1)) σ", output.isIdentical ? "identical" : "differ",
                            classes, verdict,
                        ]))
        }
        var lines = table.lines(width: width)
        for output in outputs {
            if let fault = output.fault {
                lines.append("\(DisplayText.printable(output.name)): \(DisplayText.printable(fault))")
            }
        }
        lines += omissions.map { "incomplete: \(DisplayText.printable($0))" }
        lines.append(verdictText)
        return lines.joined(separator: "\n")
    }

    /// The verdict in one line.
    public var verdictText: String {
        let count = outputs.count(where: \.agrees)
        let share = "\(count) of \(outputs.count + uncheckedOutputs.count) outputs agree"
        return switch verdict {
        case .passed: "verified: the model's outputs are those that it was exported with, within rounding"
        case .mismatch: "mismatch: the model is not the one that was exported (\(share))"
        case .incomplete: "incomplete: the check does not cover all of the model (\(share))"
        }
    }

    /// The report as members of a JSON object (schema 1).
    package var jsonMembers: [JSON.Member] {
        [
            JSON.Member("verdict", .string(verdict.rawValue)),
            JSON.Member("omissions", .array(omissions.map(JSON.string))),
            JSON.Member(
                "self_check",
                [
                    "seed": .integer(Int(truncatingIfNeeded: seed)),
                    "outputs": .array(
                        outputs.map { output in
                            [
                                "name": .string(output.name), "verdict": .string(output.verdictName),
                                "data_type": .string("\(output.dataType)"),
                                "shape": .array(output.shape.dimensions.map(JSON.integer)),
                                "reason": (output.fault ?? output.omission).map(JSON.string) ?? .null,
                                "largest": .number(output.largest),
                                "largest_statistic": .string(output.largestStatistic), "threshold": .number(output.threshold),
                                "identical_bits": .boolean(output.isIdentical),
                                "same_top_classes": output.hasSameTopClasses.map(JSON.boolean) ?? .null,
                            ]
                        }),
                ]),
        ]
    }
}

extension SelfCheckReport.Output {
    /// The verdict as reports on reference arrays call it.
    fileprivate var verdictName: String {
        switch verdict {
        case .passed: "match"
        case .mismatch: "mismatch"
        case .incomplete: "undecided"
        }
    }
}

extension SelfCheck {
    /// Runs the model on the inputs of the recipe and holds its outputs against what they should come to.
    /// - Parameter evaluate: gives all outputs of the model, by name, and nothing else.
    /// - Throws: `SelfCheckError`, and what `evaluate` throws.
    public func report(_ evaluate: ([String: Tensor]) throws -> [String: Tensor]) throws -> SelfCheckReport {
        let computed = try evaluate(inputTensors())
        let checked = Set(outputs.map(\.name))
        return SelfCheckReport(
            seed: seed, outputs: try outputs.map { try $0.report(computed[$0.name]) },
            uncheckedOutputs: computed.keys.filter { !checked.contains($0) }.sorted())
    }
}

extension SelfCheck.Output {
    fileprivate func report(_ tensor: Tensor?) throws -> SelfCheckReport.Output {
        guard let tensor else { return failure("the model has no such output") }
        guard tensor.dataType == dataType, tensor.shape == shape else {
            return failure("it is \(tensor), and should be \(dataType)\(shape)")
        }
        let unusable = statistics.count { !$0.isFinite }
        guard unusable == 0 else {
            return failure(omission: "the check has NaN or infinity for \(unusable) of its \(statistics.count) numbers")
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
            name: name, dataType: dataType, shape: shape, fault: nil, omission: nil, largest: largest.0,
            largestStatistic: largest.1,
            threshold: RoundingThreshold.deviations(elementCount: pairs.count), isIdentical: tensor.sha256 == digest,
            hasSameTopClasses: topClasses.isEmpty ? nil : ranking == topClasses)
    }

    private func failure(_ fault: String? = nil, omission: String? = nil) -> SelfCheckReport.Output {
        SelfCheckReport.Output(
            name: name, dataType: dataType, shape: shape, fault: fault, omission: omission, largest: .infinity,
            largestStatistic: "", threshold: 0, isIdentical: false, hasSameTopClasses: nil)
    }

    private static func ratio(_ value: Double, _ expected: SelfCheck.Statistic, summing: Double) -> Double {
        let difference = (value - expected.value).magnitude
        guard difference.isFinite else { return .infinity }
        if difference <= summing { return 0 }
        return expected.sigma > 0 ? difference / expected.sigma : .infinity
    }
}
