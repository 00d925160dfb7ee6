import CNNModels
import CNNTensors

/// NumPy's rule for element-wise operators on tensors of different shapes: shapes are aligned at their last axes, and along
/// an axis where one has size 1 (or no axis at all) its element meets every element of the others.
package struct Broadcasting: Sendable {
    /// The shape of the result.
    package let shape: Shape

    /// The common shape of tensors of these shapes.
    /// - Parameter resultType: the type that the result is computed in, which may be wider than its own.
    /// - Throws: `OperatorError` if they do not fit together or the result passes `EvaluationLimit`.
    package init(_ shapes: [Shape], resultType: DataType) throws {
        var sizes: [Int] = []
        for size in try Self.shape(of: shapes.map { SymbolicShape($0) }).dimensions ?? [] {
            // Sizes of concrete shapes are numbers, so none is missing.
            if let size = size?.value { sizes.append(size) }
        }
        shape = try EvaluationLimit.shape(sizes, of: resultType)
    }

    /// For each element of the result, in row-major order, the position of the element of a tensor of this shape that
    /// takes part in it.
    /// - Precondition: the shape is one of those that the broadcasting was made of, or the result's.
    package func positions(of input: Shape) -> BroadcastPositions {
        BroadcastPositions(of: input, in: shape)
    }
}

// MARK: - Shape rule

extension Broadcasting {
    /// The shape of the result as far as it is known. Where two different names meet, either may be 1, so nothing is known.
    /// - Throws: `OperatorError` if two sizes differ and neither is 1.
    package static func shape(of shapes: [SymbolicShape]) throws -> SymbolicShape {
        let known = shapes.compactMap(\.dimensions)
        guard known.count == shapes.count else { return .unknown }
        let rank = known.map(\.count).max() ?? 0
        var result = [Dimension?](repeating: 1, count: rank)
        for dimensions in known {
            for (axis, size) in zip((rank - dimensions.count)..<rank, dimensions) {
                guard areCompatible(result[axis], size) else {
                    throw OperatorError(
                        "shapes \(list(shapes)) do not fit together: axis \(axis) would be \(text(result[axis])) and "
                            + text(size))
                }
                result[axis] = common(result[axis], size)
            }
        }
        return SymbolicShape(result)
    }

    /// Checks that a tensor of shape `input` can be broadcast to `target` without changing it (unidirectional broadcasting).
    /// - Throws: `OperatorError` naming `subject`.
    package static func check(_ input: SymbolicShape, fits target: SymbolicShape, subject: String) throws {
        guard let inputSizes = input.dimensions, let targetSizes = target.dimensions else { return }
        let fits =
            inputSizes.count <= targetSizes.count
            && zip(inputSizes.reversed(), targetSizes.reversed()).allSatisfy { size, target in
                guard let size = size?.value, let target = target?.value else { return true }
                return size == target || size == 1
            }
        guard fits else {
            throw OperatorError("has shape \(input), which cannot be broadcast to \(target)", subject: subject)
        }
    }

    private static func areCompatible(_ left: Dimension?, _ right: Dimension?) -> Bool {
        guard let left = left?.value, let right = right?.value else { return true }
        return left == right || left == 1 || right == 1
    }

    private static func common(_ left: Dimension?, _ right: Dimension?) -> Dimension? {
        if left == right { return left }
        if left == 1 { return right }
        if right == 1 { return left }
        // A size that cannot be 1 must be the other's too, unless that is 1; a number says more than an expression.
        let known = [left, right].compactMap { $0 }
        return known.first { $0.value != nil } ?? known.first { (try? $0 - 2)?.isKnownNonNegative ?? false }
    }

    private static func text(_ size: Dimension?) -> String { size.map(\.description) ?? "?" }

    private static func list(_ shapes: [SymbolicShape]) -> String {
        shapes.map(\.description).joined(separator: ", ")
    }
}

// MARK: - Positions

/// The positions of one tensor's elements in the order in which a broadcast result takes them. Neighbouring axes that one
/// stride steps through are one axis, so equal shapes are a single run.
package struct BroadcastPositions: Sequence, IteratorProtocol {
    private struct Axis {
        var size: Int
        /// How far apart neighbours along the axis lie; 0 where one element meets all.
        var stride: Int
        var coordinate = 0
    }

    /// All but the innermost axis, outermost first.
    private var outer: [Axis] = []
    private var inner = Axis(size: 1, stride: 0)
    /// The position of the element that `inner` starts from.
    private var runStart = 0
    private var position = 0
    private var remaining: Int

    package var underestimatedCount: Int { remaining }

    fileprivate init(of input: Shape, in result: Shape) {
        remaining = result.elementCount
        let missing = result.rank - input.rank
        let strides = input.strides
        for axis in 0..<result.rank where result[axis] != 1 {
            let isRepeated = axis < missing || input[axis - missing] == 1
            let next = Axis(size: result[axis], stride: isRepeated ? 0 : strides[axis - missing])
            // A step along `inner` is as far as the whole of `next`: the two are one axis.
            if inner.size == 1 {
                inner = next
            } else if inner.stride == next.stride * next.size {
                inner = Axis(size: inner.size * next.size, stride: next.stride)
            } else {
                outer.append(inner)
                inner = next
            }
        }
    }

    package mutating func next() -> Int? {
        guard remaining > 0 else { return nil }
        remaining -= 1
        let current = position
        inner.coordinate += 1
        if inner.coordinate < inner.size {
            position += inner.stride
        } else {
            startNextRun()
        }
        return current
    }

    private mutating func startNextRun() {
        inner.coordinate = 0
        for axis in outer.indices.reversed() {
            outer[axis].coordinate += 1
            runStart += outer[axis].stride
            if outer[axis].coordinate < outer[axis].size { break }
            runStart -= outer[axis].stride * outer[axis].size
            outer[axis].coordinate = 0
        }
        position = runStart
    }
}
