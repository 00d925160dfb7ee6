/// How much of the graph's input one element of a value depends on, along each spatial axis (Araujo, Norris and Sim,
/// "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019).
package enum ReceptiveField: Sendable, Hashable {
    /// By spatial axis: the span in input positions, and how far apart the spans of neighbours lie (`jump`).
    case window(sizes: [Int], jumps: [Int])
    /// The whole input.
    case whole

    /// A graph input's own: each element depends on itself.
    package static func input(spatialRank: Int) -> ReceptiveField {
        let ones = [Int](repeating: 1, count: spatialRank)
        return .window(sizes: ones, jumps: ones)
    }

    /// The receptive field behind a sliding window: `size + (extent − 1)·jump`, and jumps times the stride. Nil where the
    /// ranks do not agree or the numbers pass `Int`.
    package func sliding(_ geometry: WindowGeometry) -> ReceptiveField? {
        guard case .window(let sizes, let jumps) = self else { return .whole }
        guard sizes.count == geometry.spatialRank else { return nil }
        var (newSizes, newJumps) = (sizes, jumps)
        for axis in sizes.indices {
            guard let extent = try? geometry.extent(axis) else { return nil }
            let (growth, growthOverflow) = (extent - 1).multipliedReportingOverflow(by: jumps[axis])
            let (size, sizeOverflow) = sizes[axis].addingReportingOverflow(growth)
            let (jump, jumpOverflow) = jumps[axis].multipliedReportingOverflow(by: geometry.strides[axis])
            if growthOverflow || sizeOverflow || jumpOverflow { return nil }
            (newSizes[axis], newJumps[axis]) = (size, jump)
        }
        return .window(sizes: newSizes, jumps: newJumps)
    }

    /// The receptive field where two paths join: the larger span, as the spans have one centre.
    package func joined(with other: ReceptiveField) -> ReceptiveField {
        guard case .window(let sizes, let jumps) = self, case .window(let otherSizes, let otherJumps) = other,
            sizes.count == otherSizes.count
        else { return .whole }
        return .window(
            sizes: zip(sizes, otherSizes).map(max), jumps: zip(jumps, otherJumps).map(max))
    }
}

extension ReceptiveField: CustomStringConvertible {
    /// For example `7×7`, or `all`.
    package var description: String {
        switch self {
        case .window(let sizes, _): sizes.map(String.init).joined(separator: "×")
        case .whole: "all"
        }
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
            guard let first = inputs.first, let output = node.node.outputs.first else { continue }
            let joined = inputs.dropFirst().reduce(first) { $0.joined(with: $1) }
            fields[output] = try receptiveField(of: node, input: joined)
        }
        return fields
    }

    private func receptiveField(of node: BoundNode, input: ReceptiveField) throws -> ReceptiveField? {
        if input == .whole { return .whole }
        let (inputFacts, outputFacts) = (inputs(of: node), outputs(of: node))
        if let geometry = try node.operation.window(inputFacts) { return input.sliding(geometry) }
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
