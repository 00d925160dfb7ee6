import CNNModels
import CNNTensors

/// Channels last in the reference and first here, or the other way round: by their sizes, or by their bytes alone.
struct OutputLayoutHypothesis: Hypothesis {
    let kind = Mistake.outputLayout

    func alternatives(in subject: DiagnosisCase) throws -> [Alternative] {
        subject.model.graph.outputs.map(\.name).flatMap { name -> [Alternative] in
            guard let own = subject.values[name], let reference = subject.references[name], own.shape.rank == 4 else {
                return []
            }
            let sizes = own.shape.dimensions
            let layouts: [(String, [Int])] = [("NHWC", [0, 2, 3, 1]), ("NCHW", [0, 3, 1, 2]), ("NCWH", [0, 1, 3, 2])]
            return layouts.flatMap { layout, order -> [Alternative] in
                let moved = order.map { sizes[$0] }
                let transpose = Node(
                    "Transpose", inputs: [], outputs: [], attributes: [Attribute("perm", .ints(order.map(Int64.init)))])
                var alternatives: [Alternative] = []
                if moved == reference.shape.dimensions {
                    alternatives.append(
                        Self.alternative("output '\(name)' in the order \(layout)", name) { variation in
                            variation.append([transpose], to: name)
                        })
                }
                if own.shape == reference.shape, moved != sizes {
                    alternatives.append(
                        Self.alternative("the bytes of output '\(name)' in the order \(layout)", name) { variation in
                            let shape = variation.constant(try Tensor(sizes.map(Int64.init)), like: name)
                            variation.append([transpose, Node("Reshape", inputs: [shape], outputs: [])], to: name)
                        })
                }
                return alternatives
            }
        }
    }

    fileprivate static func alternative(
        _ statement: String, _ output: String, _ edit: @escaping @Sendable (inout Variation) throws -> Void
    ) -> Alternative {
        Alternative(statement: statement, place: .output(output), setting: statement) { subject in
            var variation = Variation(subject)
            try edit(&variation)
            return variation
        }
    }
}

/// One Softmax more, or one less, than the model has.
struct SoftmaxHypothesis: Hypothesis {
    let kind = Mistake.softmax

    func alternatives(in subject: DiagnosisCase) throws -> [Alternative] {
        let graph = subject.model.graph
        return graph.outputs.map(\.name).flatMap { name -> [Alternative] in
            guard let own = subject.values[name], own.dataType.isFloatingPoint, own.shape.rank >= 2, own.shape[1] > 1
            else { return [] }
            var alternatives: [Alternative] = []
            let isVector = own.shape.dimensions.dropFirst(2).allSatisfy { $0 == 1 }
            // Before version 13 the sum ran over all axes from this one on; for vectors that is the same.
            if isVector || subject.opset >= 13 {
                for (type, what) in [("Softmax", "a Softmax"), ("LogSoftmax", "a LogSoftmax")] {
                    let node = Node(type, inputs: [], outputs: [], attributes: [Attribute("axis", .int(1))])
                    alternatives.append(
                        OutputLayoutHypothesis.alternative("\(what) applied to output '\(name)'", name) { variation in
                            variation.append([node], to: name)
                        })
                }
            }
            if let position = Self.softmax(behind: name, subject.flow) {
                alternatives.append(
                    OutputLayoutHypothesis.alternative("no Softmax before output '\(name)'", name) { variation in
                        variation.edit(position) { node in
                            node.operatorType = "Identity"
                            node.attributes = []
                        }
                    })
            }
            return alternatives
        }
    }

    /// The Softmax from which an output comes through nothing but changes of shape.
    private static func softmax(behind output: String, _ flow: Dataflow) -> Int? {
        var name = output
        while let index = flow.producers[name] {
            let node = flow.graph.nodes[index]
            switch node.operatorType {
            case "Softmax", "LogSoftmax": return index
            case "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze": name = node.inputs.first ?? ""
            default: return nil
            }
        }
        return nil
    }
}

/// The items of a batch, or the classes, in another order.
struct OutputOrderHypothesis: Hypothesis {
    let kind: Mistake
    private let axis: Int

    static let batch = OutputOrderHypothesis(kind: .batchOrder, axis: 0)
    static let classes = OutputOrderHypothesis(kind: .classOrder, axis: 1)

    func alternatives(in subject: DiagnosisCase) throws -> [Alternative] {
        try subject.model.graph.outputs.map(\.name).compactMap { name -> Alternative? in
            guard let own = subject.values[name], let reference = subject.references[name], own.shape == reference.shape,
                own.dataType.isFloatingPoint, reference.dataType == own.dataType, own.shape.rank > axis,
                let order = Self.order(
                    of: try Self.slices(own, axis: axis), in: try Self.slices(reference, axis: axis))
            else { return nil }
            let what = axis == 0 ? "the batch's items" : "the classes"
            let moved = order.enumerated().filter { $0 != $1 }.prefix(4).map { "\($1) at place \($0)" }
            let list = moved.joined(separator: ", ") + (order.enumerated().filter { $0 != $1 }.count > 4 ? ", …" : "")
            let statement = "\(what) of output '\(name)' in another order (\(list))"
            let axis = axis
            return OutputLayoutHypothesis.alternative(statement, name) { variation in
                let indices = variation.constant(try Tensor(order.map(Int64.init)), like: name)
                variation.append(
                    [Node("Gather", inputs: [indices], outputs: [], attributes: [Attribute("axis", .int(Int64(axis)))])],
                    to: name)
            }
        }
    }

    private static func slices(_ tensor: Tensor, axis: Int) throws -> [[Double]] {
        let values = try tensor.doubles()
        let count = tensor.shape[axis]
        let inner = tensor.shape.dimensions.dropFirst(axis + 1).reduce(1, *)
        var slices = [[Double]](repeating: [], count: count)
        for start in stride(from: 0, to: values.count, by: max(inner, 1)) {
            slices[start / max(inner, 1) % count] += values[start..<start + inner]
        }
        return slices
    }

    /// For each of the reference's slices the nearest of ours, if that makes an order other than the one it is.
    private static func order(of own: [[Double]], in reference: [[Double]]) -> [Int]? {
        // Slices are compared pair by pair.
        guard own.count > 1, own.count <= 4096, !(own.first?.isEmpty ?? true) else { return nil }
        let own = own.map { Array($0.prefix(64)) }
        var isTaken = [Bool](repeating: false, count: own.count)
        var order: [Int] = []
        for slice in reference {
            var best: (distance: Double, index: Int)?
            for (index, candidate) in own.enumerated() where !isTaken[index] {
                var distance = 0.0
                for (value, expected) in zip(candidate, slice) { distance += (value - expected).magnitude }
                if distance < best?.distance ?? .infinity { best = (distance, index) }
            }
            guard let best else { return nil }
            isTaken[best.index] = true
            order.append(best.index)
        }
        return order == Array(own.indices) ? nil : order
    }
}
