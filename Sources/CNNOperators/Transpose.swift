import CNNModels
import CNNTensors

/// The axes in another order: axis `i` of the output is axis `perm[i]` of the input; without `perm`, the order reversed.
/// ONNX operator Transpose, versions 1, 13, 21, 23, 24 and 25, which differ in the element types.
package struct Transpose: ExactOperator {
    private let permutation: [Int]?

    package static let definition = OperatorDefinition("Transpose", versions: [1, 13, 21, 23, 24, 25]) { version in
        Signature(inputs: ["data": "T"], outputs: ["transposed": "T"], types: ["T": .movable(version: version)])
    } make: { attributes in
        let permutation = try attributes.ints("perm")
        if let permutation, permutation.sorted() != Array(permutation.indices) {
            throw OperatorError("\(permutation) does not name every axis once", subject: "perm")
        }
        return Transpose(permutation: permutation)
    }

    /// The input axis behind each output axis.
    /// - Throws: `OperatorError` if `perm` is for another number of axes.
    package func order(rank: Int) throws -> [Int] {
        guard let permutation else { return (0..<rank).reversed() }
        guard permutation.count == rank else {
            throw OperatorError("\(permutation) does not suit an input of \(rank) axes", subject: "perm")
        }
        return permutation
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let input = inputs[0], let dimensions = input.shape.dimensions else {
            let dimensions = permutation.map { [Dimension?](repeating: nil, count: $0.count) }
            return [ValueFact(shape: SymbolicShape(dimensions))]
        }
        let shape = try SymbolicShape(order(rank: dimensions.count).map { dimensions[$0] })
        return [ValueFact(shape: shape, elements: dimensions.count <= 1 ? input.knownElements : nil)]
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("is required", subject: "data") }
        let (order, strides) = (try order(rank: input.shape.rank), input.shape.strides)
        let axes = order.map { AxisOffsets.strided(count: input.shape[$0], step: strides[$0]) }
        return [try input.gathering(axes, shape: Shape(order.map { input.shape[$0] }))]
    }
}
