import CNNModels
import CNNTensors

extension WindowGeometry {
    /// The shape `[N, channels, windows…]` of an output of type `dataType` for an input `[N, C, size…]`.
    /// - Throws: `OperatorError` if the input's rank does not suit the window, no window fits or the output passes
    ///   `EvaluationLimit.bytes`.
    package func outputShape(input: Shape, channels: Int, dataType: DataType) throws -> Shape {
        guard let shape = try outputFact(input: SymbolicShape(input), channels: Dimension(channels)).shape.concrete else {
            throw OperatorError("no output shape follows from the input \(input)")
        }
        return try EvaluationLimit.shape(shape.dimensions, of: dataType)
    }

    /// The fact of an output `[N, channels, windows…]` for an input `[N, C, size…]`.
    /// - Throws: `OperatorError` if the input's rank does not suit the window or no window fits.
    package func outputFact(input: SymbolicShape, channels: Dimension?) throws -> ValueFact {
        guard let dimensions = input.dimensions else {
            return ValueFact(shape: SymbolicShape([nil, channels] + Array(repeating: nil, count: spatialRank)))
        }
        guard dimensions.count == spatialRank + 2 else {
            throw OperatorError(
                "the input \(input) must have \(spatialRank + 2) axes: batch, channels and \(spatialRank) spatial ones")
        }
        var fact = ValueFact(shape: .unknown)
        var sizes: [Dimension?] = [dimensions[0], channels]
        for axis in 0..<spatialRank {
            guard let size = dimensions[axis + 2] else {
                sizes.append(nil)
                continue
            }
            sizes.append(try outputSize(size, axis: axis))
            fact.formulas[axis + 2] = formula(size, axis: axis)
            if let number = size.value {
                let unreached = try unreachedPositions(number, axis: axis)
                if unreached > 0 {
                    fact.remarks.append(
                        "windows do not fit exactly along axis \(axis + 2): \(formula(size, axis: axis)) leaves the last "
                            + "\(unreached) of \(number) unread")
                }
            }
        }
        fact.shape = SymbolicShape(sizes)
        return fact
    }
}
