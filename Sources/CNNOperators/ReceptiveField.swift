import CNNModels

/// Which of the graph's input positions one element of a value depends on, along each spatial axis (Araujo, Norris and Sim,
/// "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019).
package enum ReceptiveField: Sendable, Hashable {
    /// By spatial axis.
    case window([Span])
    /// The whole input.
    case whole

    /// Along one axis, element i depends on the `size` positions from `start + i·jump` on, some of which may lie in padding.
    package struct Span: Sendable, Hashable {
        package var size: Int
        package var jump: Int
        /// Negative in padding; nil where it depends on an input size that is not known.
        package var start: Int?

        package init(size: Int = 1, jump: Int = 1, start: Int? = 0) {
            self.size = size
            self.jump = jump
            self.start = start
        }
    }

    /// A graph input's own: each element depends on itself.
    package static func input(spatialRank: Int) -> ReceptiveField {
        .window(Array(repeating: Span(), count: spatialRank))
    }

    /// The receptive field behind a sliding window over axes of these sizes: `size + (extent − 1)·jump`, jumps times the
    /// stride, and starts earlier by the padding. Nil where the ranks do not agree or the numbers pass `Int`.
    package func sliding(_ geometry: WindowGeometry, over inputSizes: [Int?]) -> ReceptiveField? {
        guard case .window(let spans) = self else { return .whole }
        guard spans.count == geometry.spatialRank, inputSizes.count == spans.count else { return nil }
        var result: [Span] = []
        for (axis, span) in spans.enumerated() {
            guard let extent = try? Dimension(geometry.extent(axis)),
                let size = try? (Dimension(span.size) + (extent - 1) * Dimension(span.jump)).value,
                let jump = try? (Dimension(span.jump) * Dimension(geometry.strides[axis])).value
            else { return nil }
            let begin = geometry.padBefore(axis, inputSize: inputSizes[axis])
            let start = begin.flatMap { begin in
                span.start.flatMap { try? (Dimension($0) - Dimension(begin) * Dimension(span.jump)).value }
            }
            result.append(Span(size: size, jump: jump, start: start))
        }
        return .window(result)
    }

    /// The receptive field where two paths join: what either of them sees. Nil where their elements do not lie the same
    /// number of positions apart, so that no one span holds for all.
    package func joined(with other: ReceptiveField) -> ReceptiveField? {
        guard case .window(let spans) = self, case .window(let others) = other else { return .whole }
        guard spans.count == others.count else { return nil }
        var result: [Span] = []
        for (left, right) in zip(spans, others) {
            guard left.jump == right.jump else { return nil }
            guard let leftStart = left.start, let rightStart = right.start else {
                result.append(Span(size: max(left.size, right.size), jump: left.jump, start: nil))
                continue
            }
            let start = min(leftStart, rightStart)
            let (leftEnd, leftOverflow) = leftStart.addingReportingOverflow(left.size)
            let (rightEnd, rightOverflow) = rightStart.addingReportingOverflow(right.size)
            let (size, overflow) = max(leftEnd, rightEnd).subtractingReportingOverflow(start)
            if leftOverflow || rightOverflow || overflow { return nil }
            result.append(Span(size: size, jump: left.jump, start: start))
        }
        return .window(result)
    }
}

extension ReceptiveField: CustomStringConvertible {
    /// For example `7×7`, or `all`.
    package var description: String {
        switch self {
        case .window(let spans): spans.map { String($0.size) }.joined(separator: "×")
        case .whole: "all"
        }
    }
}

extension WindowGeometry {
    /// The padding before an axis; nil if it depends on a size that is not known.
    fileprivate func padBefore(_ axis: Int, inputSize: Int?) -> Int? {
        if case .explicit(let begins, _) = padding { return begins[axis] }
        return padding == .valid ? 0 : inputSize.flatMap { try? pads($0, axis: axis).begin }
    }
}

extension InferredModel {
    /// The receptive field of every value that has spatial axes, by name; values for which none can be told are left out.
    package func receptiveFields() throws -> [String: ReceptiveField] {
        var fields: [String: ReceptiveField] = [:]
        for input in bound.model.graph.requiredInputs {
            if let rank = facts[input.name]?.shape.rank, rank > 2 { fields[input.name] = .input(spatialRank: rank - 2) }
        }
        for node in bound.nodes {
            let inputs = node.node.inputs.compactMap { fields[$0] }
            guard let first = inputs.first.map(Optional.some), let output = node.node.outputs.first else { continue }
            let joined = inputs.dropFirst().reduce(first) { $0?.joined(with: $1) }
            fields[output] = try joined.flatMap { try receptiveField(of: node, input: $0) }
        }
        return fields
    }

    private func receptiveField(of node: BoundNode, input: ReceptiveField) throws -> ReceptiveField? {
        if input == .whole { return .whole }
        let (inputFacts, outputFacts) = (inputs(of: node), outputs(of: node))
        if let geometry = try node.operation.window(inputFacts) {
            let sizes = inputFacts.first??.shape.dimensions?.dropFirst(2).map { $0?.value }
            return input.sliding(geometry, over: sizes ?? Array(repeating: nil, count: geometry.spatialRank))
        }
        guard let inputSizes = inputFacts.first??.shape.dimensions, let outputSizes = outputFacts.first?.shape.dimensions else {
            return nil
        }
        let (inputSpatial, outputSpatial) = (inputSizes.dropFirst(2), outputSizes.dropFirst(2))
        if inputSizes.count == outputSizes.count, inputSpatial == outputSpatial { return input }
        // Global pooling and flattening see everything; resizing and moving axes are not followed.
        let isGlobal = outputSpatial.allSatisfy { $0?.value == 1 } || outputSizes.count <= 2
        return isGlobal ? .whole : nil
    }
}
