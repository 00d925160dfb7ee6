import CNNModels
import CNNTensors

/// The sizes of the input's axes from `start` up to, not including, `end`, as a vector of int64.
/// ONNX operator Shape: version 15 adds `start` and `end` (negative ones count from the back, all are clamped to the rank);
/// 13, 19, 21, 23, 24 and 25 add element types.
package struct ShapeOfTensor: ExactOperator {
    private let start: Int
    private let end: Int?

    package static let definition = OperatorDefinition("Shape", versions: [1, 13, 15, 19, 21, 23, 24, 25]) { version in
        Signature(
            inputs: ["data": "T"], outputs: ["shape": "T1"],
            types: ["T": .movable(version: version), "T1": TypeSet(.int64)])
    } make: { attributes in
        guard attributes.version >= 15 else { return ShapeOfTensor(start: 0, end: nil) }
        return ShapeOfTensor(start: try attributes.int("start", default: 0), end: try attributes.int("end"))
    }

    private func axes(rank: Int) -> Range<Int> {
        func clamped(_ axis: Int) -> Int { axis < 0 ? max(axis, -rank) + rank : min(axis, rank) }
        let first = clamped(start)
        return first..<max(first, clamped(end ?? rank))
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let dimensions = inputs[0]?.shape.dimensions else {
            return [ValueFact(dataType: .int64, shape: SymbolicShape([nil]))]
        }
        let sizes = dimensions[axes(rank: dimensions.count)]
        let known = sizes.compactMap { $0 }
        return [
            ValueFact(
                dataType: .int64, shape: SymbolicShape([Dimension(sizes.count)]),
                elements: known.count == sizes.count && known.count <= ValueFact.elementLimit ? known : nil)
        ]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let data = inputs[0] else { throw OperatorError("is required", subject: "data") }
        return [try Tensor(data.shape.dimensions[axes(rank: data.shape.rank)].map { Int64($0) })]
    }
}
