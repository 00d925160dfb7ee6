import CNNModels
import CNNTensors

extension Resize {
    package func evaluate(_ inputs: [Tensor?]) throws -> [Tensor] {
        let input = try inputs.required(0, "X")
        let facts = inputs.map { $0.map { ValueFact(constant: $0) } }
        guard let symbolic = try infer(facts)[0].shape.concrete, let target = try target(facts, rank: input.shape.rank) else {
            throw OperatorError("no output shape follows from the input \(input.shape)")
        }
        // Positions and sums take eight bytes an element.
        let shape = try EvaluationLimit.shape(symbolic.dimensions, of: .int64)
        if shape.elementCount == 0 { return [try input.gathering([], shape: shape)] }
        guard input.shape.elementCount > 0 else {
            throw OperatorError("the input \(input.shape) has no elements to make \(shape) of")
        }
        let axes = try sampledAxes(input.shape, shape, target, region: region(inputs, rank: input.shape.rank))
        let result =
            resampling.mode == .nearest
            ? try nearest(input, axes, shape: shape) : try interpolated(input, axes, shape: shape)
        return [result]
    }

    /// Scales and sizes keep their types, X alone is widened.
    package func evaluateInDouble(_ inputs: [Tensor?]) throws -> [Tensor] {
        var operands = inputs
        operands[0] = try inputs.required(0, "X").widened()
        return try evaluate(operands)
    }

    package var dependence: ElementDependence { resampling.mode == .nearest ? .one : .several }

    /// Nearest neighbours are copies, whichever side a tie of coordinates goes to. The positions of others are computed to some
    /// ulp of the position, so a weight is off by about 8·u·(size + 1), of any of the elements about it; the sums round besides.
    package func roundingBound(_ inputs: [Tensor?], outputs: [Tensor], unit: RoundingUnit) throws -> [RoundingBound]? {
        let input = try inputs.required(0, "X")
        guard resampling.mode != .nearest, input.dataType.isFloatingPoint else { return [.exact] }
        var (largest, growth) = (0.0, 1.0)
        for value in try input.doubles() where value.isFinite { largest = max(largest, value.magnitude) }
        for (size, target) in zip(input.shape.dimensions, outputs[0].shape.dimensions) where size != target {
            // Up to four taps an axis, more where a kernel widens; their absolute weights sum to 2 at most.
            growth += 8 * Double(size + 1) + 16 * max(Double(size) / Double(max(target, 1)), 1)
        }
        let bound = 4 * unit.roundoff * growth * largest + unit.smallest
        return [.elements(Array(repeating: bound, count: outputs[0].shape.elementCount))]
    }

    /// The region of interest: starts, then ends, for the axes concerned; nil where it plays no part.
    private func region(_ inputs: [Tensor?], rank: Int) throws -> [Double]? {
        guard resampling.coordinates == .tfCropAndResize, case .inputs(let index?, _, _) = arguments else { return nil }
        let region = try inputs.required(index, "roi").doubles()
        let count = 2 * (axes?.count ?? rank)
        guard region.count == count else {
            throw OperatorError("has \(region.count) numbers, but \(count) are needed", subject: "roi")
        }
        return region
    }

    private func sampledAxes(_ input: Shape, _ output: Shape, _ target: Target, region: [Double]?) throws -> [Resampling.Axis] {
        var result = zip(input.dimensions, output.dimensions).map { inputSize, outputSize in
            Resampling.Axis(
                inputSize: inputSize, outputSize: outputSize, scale: (Double(outputSize), Double(inputSize)))
        }
        let resized = try resolvedAxes(rank: input.rank)
        for (position, axis) in resized.enumerated() {
            if case .scales(let scales) = target { result[axis].scale = (Double(scales[position]), 1) }
            if let region { result[axis].region = (region[position], region[position + resized.count]) }
        }
        if case .sizes(let sizes) = target, policy != .stretch {
            let scale = try commonScale(resized.map { input[$0] }, sizes.compactMap(\.value))
            for axis in resized { result[axis].scale = scale }
        }
        return result
    }

    private func nearest(_ input: Tensor, _ axes: [Resampling.Axis], shape: Shape) throws -> Tensor {
        let strides = input.shape.strides
        var positions = [0]
        var hasExtrapolated = false
        for (axis, sampled) in axes.enumerated() {
            let offsets = try (0..<sampled.outputSize).map { output in
                if sampled.isIdentity { return output * strides[axis] }
                let coordinate = try resampling.coordinate(output, along: sampled)
                if resampling.isExtrapolated(coordinate, along: sampled) { return -1 }
                return resampling.nearest(coordinate, along: sampled) * strides[axis]
            }
            hasExtrapolated = hasExtrapolated || offsets.contains(-1)
            positions = positions.flatMap { outer in offsets.map { outer < 0 || $0 < 0 ? -1 : outer + $0 } }
        }
        let gathered = try input.gathering(positions, shape: shape)
        guard hasExtrapolated, extrapolationValue != 0 else { return gathered }
        let values = zip(positions, try gathered.doubles()).map { $0 < 0 ? Double(extrapolationValue) : $1 }
        return try Tensor(saturating: values, to: input.dataType, shape: shape)
    }

    private func interpolated(_ input: Tensor, _ axes: [Resampling.Axis], shape: Shape) throws -> Tensor {
        var values = try input.doubles()
        var sizes = input.shape.dimensions
        // Shrinking axes first: nothing in between is larger than both the input and the output.
        let order = axes.indices.sorted { axes[$0].growth < axes[$1].growth }
        for axis in order where !axes[axis].isIdentity {
            values = try interpolate(values, sizes: sizes, axis: axis, sampled: axes[axis])
            sizes[axis] = axes[axis].outputSize
        }
        if resampling.coordinates == .tfCropAndResize {
            for (index, isOutside) in try extrapolated(axes).enumerated() where isOutside {
                values[index] = Double(extrapolationValue)
            }
        }
        return try Tensor(saturating: values, to: input.dataType, shape: shape)
    }

    /// For each output element: whether it lies outside of the input along any axis.
    private func extrapolated(_ axes: [Resampling.Axis]) throws -> [Bool] {
        try axes.reduce([false]) { result, sampled in
            let outside = try (0..<sampled.outputSize).map {
                resampling.isExtrapolated(try resampling.coordinate($0, along: sampled), along: sampled)
            }
            return result.flatMap { outer in outside.map { outer || $0 } }
        }
    }

    private func interpolate(
        _ values: [Double], sizes: [Int], axis: Int, sampled: Resampling.Axis
    ) throws -> [Double] {
        let outer = sizes[..<axis].reduce(1, *)
        let inner = sizes[(axis + 1)...].reduce(1, *)
        var result = [Double](repeating: 0, count: outer * sampled.outputSize * inner)
        for output in 0..<sampled.outputSize {
            let weights = resampling.weights(try resampling.coordinate(output, along: sampled), along: sampled)
            for block in 0..<outer {
                let target = (block * sampled.outputSize + output) * inner
                for (index, weight) in weights where weight != 0 {
                    let source = (block * sampled.inputSize + index) * inner
                    for offset in 0..<inner { result[target + offset] += weight * values[source + offset] }
                }
            }
        }
        return result
    }
}

extension Tensor {
    /// A tensor of a float type with these values rounded to it, or of an integer type with the nearest whole numbers (halves
    /// to even), those out of range replaced by the range's end.
    fileprivate init(saturating values: [Double], to dataType: DataType, shape: Shape) throws {
        if dataType.isFloatingPoint {
            try self.init(rounding: values, to: dataType, shape: shape)
            return
        }
        guard let range = dataType.wordRange else { throw TensorError.wrongDataType(dataType, expected: "a number") }
        // For uint64 the range's words are read as unsigned; Double holds neither end of a 64-bit type exactly.
        let words = values.map { value -> Int64 in
            let rounded = value.rounded(.toNearestOrEven)
            if dataType == .uint64 { return Int64(bitPattern: UInt64(exactly: max(rounded, 0)) ?? .max) }
            return Int64(exactly: rounded).map { min(max($0, range.lowest), range.highest) }
                ?? (rounded < 0 ? range.lowest : range.highest)
        }
        try self.init(truncating: words, to: dataType, shape: shape)
    }
}
