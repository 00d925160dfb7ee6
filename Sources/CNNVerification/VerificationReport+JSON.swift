import CNNTensors

extension VerificationReport {
    /// The report's facts as members of a JSON object (schema 1). Numbers that JSON cannot hold are the strings `"NaN"`,
    /// `"Infinity"` and `"-Infinity"`.
    package var jsonMembers: [JSON.Member] {
        [
            JSON.Member("verdict", .string(verdict.rawValue)),
            JSON.Member("partial", .boolean(allowsPartial)),
            JSON.Member("outputs", .array(outputs.map(\.json))),
            JSON.Member("outputs_without_reference", .array(outputsWithoutReference.map(JSON.string))),
            JSON.Member("unused_references", .array(unusedReferences.map(JSON.string))),
            JSON.Member("omissions", .array(omissions.map(JSON.string))),
            JSON.Member("layers", layers?.json ?? .null),
        ]
    }

    /// The report as one JSON object.
    public func json() -> String {
        JSON.object([JSON.Member("schema", 1)] + jsonMembers).text(indented: true)
    }
}

extension VerificationReport.Output {
    fileprivate var json: JSON {
        var members = [
            JSON.Member("name", .string(name)),
            JSON.Member("verdict", .string(verdictText)),
            JSON.Member("data_type", .string(comparison.dataType.description)),
            JSON.Member("shape", .array(comparison.shape.dimensions.map(JSON.integer))),
        ]
        if case .incomparable(let reason) = comparison.verdict {
            members.append(JSON.Member("reason", .string(reason.description)))
            switch reason {
            case .shapes(_, let reference):
                members.append(JSON.Member("reference_shape", .array(reference.dimensions.map(JSON.integer))))
            case .dataTypes(_, let reference):
                members.append(JSON.Member("reference_data_type", .string(reference.description)))
            }
        }
        if let undecidedReason { members.append(JSON.Member("reason", .string(undecidedReason))) }
        // Limits that differ from element to element are no two numbers.
        let isAutomatic = comparison.tolerance == nil
        members.append(JSON.Member("tolerance", .string(isAutomatic ? "auto" : "fixed")))
        members.append(JSON.Member("rtol", isAutomatic ? .null : .number(comparison.relativeTolerance)))
        members.append(JSON.Member("atol", isAutomatic ? .null : .number(comparison.absoluteTolerance)))
        members.append(JSON.Member("rounding", rounding?.json ?? .null))
        if let metrics = comparison.metrics { members += metrics.jsonMembers }
        members.append(JSON.Member("class_agreement", comparison.classAgreement?.json ?? .null))
        return .object(members)
    }

    private var verdictText: String {
        switch comparison.verdict {
        case .match: agrees ? "match" : "undecided"
        case .mismatch: "mismatch"
        case .incomparable: "incomparable"
        }
    }
}

extension OutputRounding {
    fileprivate var json: JSON {
        [
            "difference": difference.json, "reference": reference.json, "ours": ours.json,
            "wrong": .string(culprit.rawValue),
            "precision": precision.map { .string($0.kind.rawValue) } ?? .null,
            "class_flips": classFlips.map { flips in
                ["top1": flips.top1.json, "top5": flips.top5?.json ?? .null]
            } ?? .null,
            "histogram": histogram.map {
                ["lowest_exponent": .integer($0.lowestExponent), "counts": .array($0.counts.map(JSON.integer))]
            } ?? .null,
        ]
    }
}

extension ClassFlips.Count {
    fileprivate var json: JSON { ["flipped": .integer(flipped), "near_ties": .integer(nearTies)] }
}

extension DifferenceMetrics {
    fileprivate var jsonMembers: [JSON.Member] {
        [
            JSON.Member("elements", .integer(elementCount)),
            JSON.Member("mismatches", .integer(mismatchCount)),
            JSON.Member("non_finite_mismatches", .integer(nonFiniteMismatchCount)),
            JSON.Member("first_mismatch", firstMismatchIndex.map { .array($0.map(JSON.integer)) } ?? .null),
            JSON.Member("max_abs", maxAbsolute?.json ?? .null),
            JSON.Member("max_rel", maxRelative?.json ?? .null),
            JSON.Member("rmse", rootMeanSquare.map(JSON.number) ?? .null),
            JSON.Member("nrmse", normalizedRootMeanSquare.map(JSON.number) ?? .null),
            JSON.Member("cosine", cosineSimilarity.map(JSON.number) ?? .null),
            JSON.Member("psnr", peakSignalToNoiseRatio.map(JSON.number) ?? .null),
            JSON.Member("ulp", unitsInLastPlace?.json ?? .null),
            JSON.Member("largest_reference", .number(largestReference)),
            JSON.Member("non_finite", ["actual": actualCensus.json, "reference": referenceCensus.json]),
            JSON.Member("frontier", .array(frontier.points.map { [.number($0.magnitude), .number($0.difference)] })),
            JSON.Member("map", map?.json ?? .null),
        ]
    }
}

extension DifferenceMetrics.Extreme {
    fileprivate var json: JSON {
        [
            "value": .number(difference), "index": .array(index.map(JSON.integer)), "actual": .number(actual),
            "reference": .number(reference),
        ]
    }
}

extension UnitsInLastPlace {
    fileprivate var json: JSON {
        func number(_ value: UInt64) -> JSON { Int(exactly: value).map(JSON.integer) ?? .number(Double(value)) }
        return [
            "max": number(maximum), "p50": number(median), "p90": number(percentile90), "p99": number(percentile99),
        ]
    }
}

extension DifferenceMap {
    fileprivate var json: JSON {
        [
            "items": Self.json(items, itemAxis), "channels": Self.json(channels, channelAxis),
            "positions": [
                "rows": .integer(rowAxis.size), "columns": .integer(columnAxis.size),
                "rows_per_cell": .integer(rowAxis.cellSize), "columns_per_cell": .integer(columnAxis.cellSize),
                "mismatches": .array(positions.map { .integer($0.mismatchCount) }),
                "max_abs": .array(positions.map { .number($0.largestDifference) }),
            ],
        ]
    }

    private static func json(_ cells: [Cell], _ axis: Axis) -> JSON {
        [
            "size": .integer(axis.size), "per_cell": .integer(axis.cellSize),
            "mismatches": .array(cells.map { .integer($0.mismatchCount) }),
            "max_abs": .array(cells.map { .number($0.largestDifference) }),
        ]
    }
}

extension DifferenceMetrics.Census {
    fileprivate var json: JSON {
        [
            "nan": .integer(nanCount), "positive_infinity": .integer(positiveInfinityCount),
            "negative_infinity": .integer(negativeInfinityCount),
        ]
    }
}

extension ClassAgreement {
    fileprivate var json: JSON {
        [
            "items": .integer(itemCount), "classes": .integer(classCount), "top1": .integer(top1Count),
            "top5": top5Count.map(JSON.integer) ?? .null,
            "first_disagreement_rank": firstDisagreementRank.map(JSON.integer) ?? .null,
        ]
    }
}
