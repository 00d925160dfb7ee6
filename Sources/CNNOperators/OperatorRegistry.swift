import CNNModels

/// Every operator that is known, by name.
package enum OperatorRegistry {
    /// The definition of an operator of ONNX's own domain; nil if it is not supported.
    package static func definition(_ type: String, domain: String) -> OperatorDefinition? {
        OperatorSetID.canonicalDomain(domain).isEmpty ? byType[type] : nil
    }

    private static let byType = Dictionary(uniqueKeysWithValues: all.map { ($0.type, $0) })

    /// All definitions in alphabetical order.
    package static let all: [OperatorDefinition] = (single + families.joined()).sorted { $0.type < $1.type }

    private static let single: [OperatorDefinition] = [
        AveragePool.definition,
        BatchNormalization.definition,
        Cast.castLikeDefinition,
        Cast.definition,
        Clip.definition,
        Concat.definition,
        Constant.definition,
        ConstantOfShape.definition,
        Conv.definition,
        ConvTranspose.definition,
        Dropout.definition,
        Expand.definition,
        Flatten.definition,
        Gather.definition,
        Gemm.definition,
        GroupNormalization.definition,
        Identity.definition,
        InstanceNormalization.definition,
        LRN.definition,
        LayerNormalization.definition,
        LpNormalization.definition,
        LpPool.definition,
        MatMul.definition,
        MaxPool.definition,
        MaxUnpool.definition,
        Not.definition,
        NumberRange.definition,
        PRelu.definition,
        Pad.definition,
        Pow.definition,
        Reshape.definition,
        ShapeOfTensor.definition,
        Size.definition,
        Slice.definition,
        Split.definition,
        Squeeze.definition,
        Tile.definition,
        TopK.definition,
        Transpose.definition,
        Unsqueeze.definition,
        Where.definition,
    ]

    private static let families: [[OperatorDefinition]] = [
        ArgExtremum.definitions,
        Comparison.definitions,
        DepthToSpace.definitions,
        ElementwiseBinary.definitions,
        ElementwiseUnary.definitions,
        ElementwiseVariadic.definitions,
        GlobalPool.definitions,
        LogicalBinary.definitions,
        Reduction.definitions,
        Resize.definitions,
        Softmax.definitions,
    ]
}
