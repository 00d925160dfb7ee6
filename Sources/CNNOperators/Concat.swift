import CNNModels
import CNNTensors

/// The inputs one after the other along `axis`; they agree in every other size.
/// ONNX operator Concat: version 1 takes floats only and has 1 as the default axis, 4 requires the axis, 11 states that a
/// negative one counts from the back, 13 adds bfloat16.
package struct Concat: ExactOperator {
    package let axis: Int

    package static let definition = OperatorDefinition("Concat", versions: [1, 4, 11, 13]) { version in
        Signature(
            inputs: ["inputs+": "T"], outputs: ["concat_result": "T"],
            types: ["T": version < 4 ? .ieeeFloats : .movable(version: version)])
    } make: { attributes in
        let axis = try attributes.int("axis")
        return Concat(axis: attributes.version < 4 ? axis ?? 1 : try attributes.required("axis", axis))
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let facts = inputs.compactMap { $0 }
        guard let rank = facts.lazy.compactMap(\.shape.rank).first else { return [ValueFact(shape: .unknown)] }
        let axis = try AxisIndex.resolve(axis, rank: rank)
        var sizes = [Dimension?](repeating: nil, count: rank)
        var sum: Dimension? = 0
        for fact in facts {
            guard let dimensions = fact.shape.dimensions else {
                sum = nil
                continue
            }
            guard dimensions.count == rank else {
                throw OperatorError("the inputs have different numbers of axes: \(Self.list(facts))")
            }
            for other in 0..<rank where other != axis {
                sizes[other] = try Self.common(sizes[other], dimensions[other], axis: other, facts)
            }
            if let total = sum, let size = dimensions[axis] { sum = try total + size } else { sum = nil }
        }
        sizes[axis] = sum
        var elements: [Dimension]? = rank == 1 ? [] : nil
        for fact in facts { elements = fact.knownElements.flatMap { more in elements.map { $0 + more } } }
        if let count = elements?.count, count > ValueFact.elementLimit { elements = nil }
        return [ValueFact(shape: SymbolicShape(sizes), elements: elements)]
    }

    /// One of two sizes that must be the same: the one that says more.
    private static func common(
        _ left: Dimension?, _ right: Dimension?, axis: Int, _ facts: [ValueFact]
    ) throws -> Dimension? {
        guard let left, let right else { return left ?? right }
        if let leftSize = left.value, let rightSize = right.value, leftSize != rightSize {
            throw OperatorError("the inputs differ along axis \(axis): \(list(facts))")
        }
        return left.value == nil && right.value != nil ? right : left
    }

    private static func list(_ facts: [ValueFact]) -> String {
        facts.prefix(8).map { "\($0.shape)" }.joined(separator: ", ") + (facts.count > 8 ? ", …" : "")
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let tensors = inputs.compactMap { $0 }
        guard let first = tensors.first else { throw OperatorError("at least one is required", subject: "inputs") }
        let facts = tensors.map { ValueFact(shape: SymbolicShape($0.shape)) }
        guard let dimensions = try infer(facts)[0].shape.concrete?.dimensions else {
            throw OperatorError("the inputs' sizes do not add up: \(Self.list(facts))")
        }
        let shape = try EvaluationLimit.shape(dimensions, of: first.dataType)
        // Beside a size of 0 the others may be so large that no run of them could be counted.
        if shape.elementCount == 0 { return [try first.reshaped(shape)] }
        let axis = try AxisIndex.resolve(axis, rank: shape.rank)
        // Each input contributes a run of so many elements to every index of the axes before `axis`.
        let runs = tensors.map { $0.shape.dimensions[axis...].reduce(1, *) }
        let repeats = shape.dimensions[..<axis].reduce(1, *)
        if first.dataType == .string {
            let sources = try tensors.map { try $0.strings() }
            var strings: [[UInt8]] = []
            for index in 0..<repeats {
                for (source, run) in zip(sources, runs) { strings += source[index * run..<(index + 1) * run] }
            }
            return [try Tensor(strings: strings, shape: shape)]
        }
        guard let width = first.dataType.byteWidth else {
            throw TensorError.wrongDataType(first.dataType, expected: "a type of whole bytes")
        }
        let result = try Tensor(dataType: first.dataType, shape: shape) { destination in
            let rowBytes = runs.reduce(0, +) * width
            var start = 0
            for (tensor, run) in zip(tensors, runs) {
                let runBytes = run * width
                tensor.withUnsafeBytes { source in
                    for index in 0..<repeats where runBytes > 0 {
                        UnsafeMutableRawBufferPointer(rebasing: destination[(index * rowBytes + start)...]).copyMemory(
                            from: UnsafeRawBufferPointer(rebasing: source[index * runBytes..<(index + 1) * runBytes]))
                    }
                }
                start += runBytes
            }
        }
        return [result]
    }
}
