import CNNModels
import CNNTensors

/// How the element-wise operators of two inputs match their shapes. Before operator set 7 the inputs must have one shape,
/// unless `broadcast` is set: then the second input's axes are laid upon a run of the first's that starts at `axis` (that
/// ends at the last one, where `axis` is left out), and the result has the first input's shape.
package enum BroadcastRule: Sendable, Hashable {
    /// As NumPy does, from operator set 7.
    case numpy
    case equalShapes
    /// The second input is repeated along the axes of the first that it does not have.
    case intoFirst(axis: Int?)

    /// The rule for a node; reads `broadcast` and `axis` where the version has them.
    package init(_ attributes: AttributeReader) throws {
        guard attributes.version < 7 else {
            self = .numpy
            return
        }
        let axis = try attributes.int("axis")
        self = try attributes.flag("broadcast") ? .intoFirst(axis: axis) : .equalShapes
    }

    /// The result's shape.
    /// - Throws: `OperatorError` if the shapes break the rule.
    package func shape(_ first: SymbolicShape, _ second: SymbolicShape) throws -> SymbolicShape {
        switch self {
        case .numpy:
            return try Broadcasting.shape(of: [first, second])
        case .equalShapes:
            guard let left = first.dimensions, let right = second.dimensions else {
                return first.dimensions == nil ? second : first
            }
            let isEqual =
                left.count == right.count
                && zip(left, right).allSatisfy { left, right in
                    guard let left = left?.value, let right = right?.value else { return true }
                    return left == right
                }
            guard isEqual else {
                throw OperatorError(
                    "shapes \(first) and \(second) differ, which takes the attribute 'broadcast' before operator set 7")
            }
            return SymbolicShape(zip(left, right).map { $0?.value == nil ? $1 ?? $0 : $0 })
        case .intoFirst:
            try Broadcasting.check(aligned(second, to: first), fits: first, subject: "B")
            return first
        }
    }

    /// The second input's shape with axes of size 1 appended, so that NumPy's rule does what this one says.
    package func aligned(_ second: SymbolicShape, to first: SymbolicShape) throws -> SymbolicShape {
        guard case .intoFirst(let axis) = self, let sizes = second.dimensions, let rank = first.rank else { return second }
        // One element meets all, whatever axes it has; nothing else may have more axes than the first input.
        if sizes.allSatisfy({ $0 == 1 }) { return .scalar }
        if sizes.count > rank, sizes.allSatisfy({ $0?.value ?? 1 == 1 }) { return .scalar }
        guard let axis else { return second }
        let start = try AxisIndex.resolve(axis, rank: rank)
        guard start + sizes.count <= rank else {
            throw OperatorError("\(axis) leaves no room for the axes of \(second) in \(first)", subject: "axis")
        }
        return SymbolicShape(sizes + Array(repeating: 1, count: rank - start - sizes.count))
    }

    /// The broadcasting of two tensors and the second one's shape in it.
    package func broadcasting(
        _ first: Shape, _ second: Shape, resultType: DataType
    ) throws -> (broadcasting: Broadcasting, second: Shape) {
        let result = try shape(SymbolicShape(first), SymbolicShape(second))
        let aligned = try aligned(SymbolicShape(second), to: SymbolicShape(first)).concrete ?? second
        return (try Broadcasting([first, result.concrete ?? first, aligned], resultType: resultType), aligned)
    }
}
