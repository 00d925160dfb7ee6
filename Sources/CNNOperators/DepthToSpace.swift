import CNNModels
import CNNTensors

/// Channels spread out over the plane, or a plane's blocks gathered into channels. With block size `b`, for the channels
/// `c` and the place `(i, j)` within a block,
///
///     space[n, c, h·b + i, w·b + j] = depth[n, channel(c, i, j), h, w]
///     channel = (i·b + j)·C + c       in mode DCR (depth, column, row)
///     channel = (c·b + i)·b + j       in mode CRD (column, row, depth)
///
/// where C is the number of channels of `space`, of shape `[N, C, H·b, W·b]`; `depth` is `[N, C·b², H, W]`.
/// ONNX operators DepthToSpace (versions 1, 11, 13, 28; 11 adds the mode) and SpaceToDepth (1, 13, 28; 28 adds the mode).
package struct DepthToSpace: ExactOperator {
    private enum Mode: String, CaseIterable {
        case depthFirst = "DCR"
        case columnFirst = "CRD"
    }

    private let blockSize: Int
    private let mode: Mode
    /// Whether the channels are the input; otherwise the plane is.
    private let spreads: Bool

    package static let definitions = [
        definition("DepthToSpace", versions: [1, 11, 13, 28], modeSince: 11, spreads: true),
        definition("SpaceToDepth", versions: [1, 13, 28], modeSince: 28, spreads: false),
    ]

    private static func definition(
        _ type: String, versions: [Int], modeSince: Int, spreads: Bool
    ) -> OperatorDefinition {
        OperatorDefinition(type, versions: versions) { version in
            // Since 13 the definitions take the types of that version.
            Signature(inputs: ["input": "T"], outputs: ["output": "T"], types: ["T": .movable(version: min(version, 13))])
        } make: { attributes in
            let blockSize = try attributes.required("blocksize", attributes.int("blocksize"))
            guard blockSize >= 1 else { throw OperatorError("must be 1 or more, but is \(blockSize)", subject: "blocksize") }
            let mode: Mode = attributes.version >= modeSince ? try attributes.choice("mode", default: .depthFirst) : .depthFirst
            return DepthToSpace(blockSize: blockSize, mode: mode, spreads: spreads)
        }
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        guard let shape = inputs[0]?.shape, let dimensions = shape.dimensions else {
            return [ValueFact(shape: SymbolicShape(Array(repeating: nil, count: 4)))]
        }
        guard dimensions.count == 4 else { throw OperatorError("the input \(shape) must have 4 axes: [N, C, H, W]") }
        let block = Dimension(blockSize)
        let area = try block * block
        let channels = try spreads ? quotient(dimensions[1], area, "channels", shape) : product(dimensions[1], area)
        let plane = try dimensions[2...].map { size in
            try spreads ? product(size, block) : quotient(size, block, "rows or columns", shape)
        }
        return [ValueFact(shape: SymbolicShape([dimensions[0], channels] + plane))]
    }

    private func product(_ size: Dimension?, _ factor: Dimension) throws -> Dimension? {
        guard let size else { return nil }
        return try size * factor
    }

    private func quotient(_ size: Dimension?, _ divisor: Dimension, _ what: String, _ shape: SymbolicShape) throws -> Dimension?
    {
        guard let size else { return nil }
        if let size = size.value, let divisor = divisor.value, size % divisor != 0 {
            throw OperatorError("the \(size) \(what) of \(shape) do not divide by \(divisor)", subject: "blocksize")
        }
        return try size.floorDivided(by: divisor)
    }

    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        guard let input = inputs[0] else { throw OperatorError("is required", subject: "input") }
        guard let shape = try infer([ValueFact(shape: SymbolicShape(input.shape))])[0].shape.concrete else {
            throw OperatorError("the input \(input.shape) is too large")
        }
        // Beside a size of 0 the others may be so large that steps over blocks of them could not be counted.
        if shape.elementCount == 0 { return [try input.reshaped(shape)] }
        let (depth, space) = spreads ? (input.shape, shape) : (shape, input.shape)
        let channels = space[1]
        // The depth's channel axis is three: blocks' rows and columns, and the plane's channels, in the mode's order.
        let split: [Int]
        let order: (channel: Int, row: Int, column: Int)
        switch mode {
        case .depthFirst: (split, order) = ([blockSize, blockSize, channels], (2, 0, 1))
        case .columnFirst: (split, order) = ([channels, blockSize, blockSize], (0, 1, 2))
        }
        let sizes = [depth[0]] + split + [depth[2], depth[3]]
        let (n, c, i, j, h, w) = (0, order.channel + 1, order.row + 1, order.column + 1, 4, 5)
        if spreads {
            let strides = try Shape(sizes).strides
            let offsets = [n, c, h, i, w, j].map { AxisOffsets.strided(count: sizes[$0], step: strides[$0]) }
            return [try input.gathering(offsets, shape: shape)]
        }
        // Position in the plane of one step along each of the depth's six axes.
        let strides = space.strides
        var steps = [Int](repeating: 0, count: 6)
        (steps[n], steps[c], steps[h], steps[w]) = (strides[0], strides[1], blockSize * strides[2], blockSize)
        (steps[i], steps[j]) = (strides[2], 1)
        return [try input.gathering(zip(sizes, steps).map { .strided(count: $0, step: $1) }, shape: shape)]
    }
}
