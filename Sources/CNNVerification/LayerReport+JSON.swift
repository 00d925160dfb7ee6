import CNNTensors

extension LayerReport {
    /// The check as one JSON value (schema 1).
    package var json: JSON {
        [
            "checked": .integer(layers.count { $0.reference != nil }),
            "missing": .array(missing.map(JSON.string)),
            "omissions": .array(omissions.map(JSON.string)),
            "median_bound_over_error": medianBoundOverError.map(JSON.number) ?? .null,
            "first_failure": firstFailure?.json ?? .null,
            "explanation": explanation?.json ?? .null,
            "nodes": .array(layers.map(\.json)),
        ]
    }
}

extension LayerJudgement {
    fileprivate var json: JSON {
        [
            "index": .integer(nodeIndex), "node": .string(nodeName), "operator": .string(operatorType), "value": .string(value),
            "shape": .array(shape.dimensions.map(JSON.integer)),
            "verdict": reference.map { .string($0.agrees ? "match" : $0.differs ? "mismatch" : "undecided") } ?? .null,
            "wrong": culprit.map { .string($0.rawValue) } ?? .null,
            "isolated": isolated?.json ?? .null, "cumulative": cumulative?.json ?? .null,
            "reference_off": referenceDistance?.json ?? .null, "ours_off": ourDistance?.json ?? .null,
            "reference": reference?.json ?? .null, "ours": ours?.json ?? .null,
            "reconstructed_inputs": .array(reconstructedInputs.map(JSON.string)),
        ]
    }
}

extension LayerError {
    fileprivate var json: JSON {
        ["max_abs": .number(maxAbsolute), "relative": .number(relative), "non_finite": .integer(nonFiniteCount)]
    }
}

extension RoundingJudgement {
    /// The judgement as one JSON value (schema 1).
    package var json: JSON {
        let basis =
            switch basis {
            case .bound: "bound"
            case .deviation: "deviation"
            case .exact: "exact"
            case .convention: "convention"
            }
        return [
            "verdict": .string(verdict.rawValue), "basis": .string(basis), "largest": .number(largest),
            "threshold": .number(threshold), "outside": .integer(outsideCount),
            "undecided": .integer(undecidedCount), "rms": .number(rootMeanSquare),
            "median_unit_over_error": medianSlack.map(JSON.number) ?? .null,
        ]
    }
}

extension LayerExplanation {
    fileprivate var json: JSON {
        [
            "formula": .string(formula), "element": .array(element.map(JSON.integer)),
            "reference": .number(referenceValue), "exact": .number(exactValue), "ours": ourValue.map(JSON.number) ?? .null,
            "allowed": .number(allowed),
            "inputs": .array(
                inputs.map { input in
                    [
                        "name": .string(input.name), "data_type": .string("\(input.dataType)"),
                        "shape": .array(input.shape.dimensions.map(JSON.integer)),
                        "min": input.range.map { .number($0.lowerBound) } ?? .null,
                        "max": input.range.map { .number($0.upperBound) } ?? .null,
                        "non_finite": .integer(input.nonFiniteCount),
                    ]
                }),
            "terms": .array(
                largestTerms.map { term in
                    [
                        "text": .string(term.text), "factors": .array(term.factors.map(JSON.number)),
                        "value": .number(term.value),
                    ]
                }),
            "term_count": .integer(termCount), "rest_of_terms": .number(restOfTerms),
            "sum_of_magnitudes": .number(sumOfMagnitudes),
        ]
    }
}
