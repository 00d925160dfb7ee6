/// How an axis is resampled: which input position each output position stands for, and which input elements count there.
package struct Resampling: Sendable {
    package let mode: Mode
    package let coordinates: CoordinateMode
    package let nearestMode: NearestMode
    /// The coefficient a of the cubic kernel (Keys 1981); −0.75 and −0.5 are usual.
    package let cubicCoefficient: Double
    /// Whether elements outside of the input count nothing, the others the more; else the edge is repeated.
    package let excludesOutside: Bool
    /// Whether the kernel widens when an axis shrinks, so that every input element counts.
    package let antialiases: Bool

    package enum Mode: String, CaseIterable, Sendable {
        case nearest
        case linear
        case cubic
    }

    /// How an output position x becomes an input position, for a scale s, an input of size `in` and an output of size `out`.
    package enum CoordinateMode: String, CaseIterable, Sendable {
        /// `(x + 0.5)/s − 0.5`: positions are centres of cells.
        case halfPixel = "half_pixel"
        /// The same about the middle of the input, also where `out` is not `s·in` exactly.
        case halfPixelSymmetric = "half_pixel_symmetric"
        /// The same, but 0 for a single output.
        case pytorchHalfPixel = "pytorch_half_pixel"
        /// `x·(in − 1)/(out − 1)`: the first and the last elements stay where they are.
        case alignCorners = "align_corners"
        /// `x/s`
        case asymmetric
        /// `align_corners` within a part of the input, the region of interest.
        case tfCropAndResize = "tf_crop_and_resize"
        /// `(x + 0.5)/s` (version 11 only).
        case tfHalfPixelForNearest = "tf_half_pixel_for_nn"
    }

    /// Which neighbour is the nearest.
    package enum NearestMode: String, CaseIterable, Sendable {
        case roundPreferFloor = "round_prefer_floor"
        case roundPreferCeil = "round_prefer_ceil"
        case floor
        case ceil
        /// Versions before 11: `floor`, but `ceil` where an axis shrinks.
        case floorUnlessShrinking
    }

    /// One axis to be resampled.
    package struct Axis: Sendable {
        package var inputSize: Int
        package var outputSize: Int
        /// The scale as a fraction, so that the scale between two sizes is exact: 9 to 3 is 3/9, not 0.333….
        package var scale: (numerator: Double, denominator: Double)
        /// Where the region of interest begins and ends, from 0 to 1 (`tf_crop_and_resize`).
        package var region: (start: Double, end: Double) = (0, 1)

        /// The scale, rounded.
        var factor: Double { scale.numerator / scale.denominator }

        /// How many output elements there are to an input element.
        package var growth: Double { Double(outputSize) / Double(inputSize) }

        /// Whether every output element is an input element at its own place.
        package var isIdentity: Bool {
            inputSize == outputSize && scale.numerator == scale.denominator && region == (0, 1)
        }
    }

    /// Where output position `output` lies in the input.
    /// - Throws: `OperatorError` if that is not a number that an index can be made of.
    package func coordinate(_ output: Int, along axis: Axis) throws -> Double {
        let (x, input) = (Double(output), Double(axis.inputSize))
        // ONNX's reference does not round this to whole elements.
        let length = axis.scale.numerator * input / axis.scale.denominator
        func unscaled(_ position: Double) -> Double { position * axis.scale.denominator / axis.scale.numerator }
        let coordinate: Double
        switch coordinates {
        case .halfPixel:
            coordinate = unscaled(x + 0.5) - 0.5
        case .halfPixelSymmetric:
            coordinate = input / 2 * (1 - Double(axis.outputSize) / length) + unscaled(x + 0.5) - 0.5
        case .pytorchHalfPixel:
            coordinate = length > 1 ? unscaled(x + 0.5) - 0.5 : 0
        case .alignCorners:
            coordinate = output == 0 ? 0 : x * (input - 1) / (length - 1)
        case .asymmetric:
            coordinate = unscaled(x)
        case .tfCropAndResize:
            let (start, end) = axis.region
            coordinate =
                length == 1
                ? (start + end) / 2 * (input - 1) : start * (input - 1) + x * (end - start) * (input - 1) / (length - 1)
        case .tfHalfPixelForNearest:
            coordinate = unscaled(x + 0.5)
        }
        guard coordinate.magnitude < 0x1p52 else {
            throw OperatorError("output position \(output) stands for input position \(coordinate)")
        }
        return coordinate
    }

    /// Whether a position lies outside of the input, so that the extrapolation value takes its place.
    package func isExtrapolated(_ coordinate: Double, along axis: Axis) -> Bool {
        coordinates == .tfCropAndResize && (coordinate < 0 || coordinate > Double(axis.inputSize - 1))
    }

    /// The element nearest to a position.
    package func nearest(_ coordinate: Double, along axis: Axis) -> Int {
        let rounded: Double
        switch nearestMode {
        case .roundPreferFloor: rounded = (coordinate - 0.5).rounded(.up)
        case .roundPreferCeil: rounded = (coordinate + 0.5).rounded(.down)
        case .floor: rounded = coordinate.rounded(.down)
        case .ceil: rounded = coordinate.rounded(.up)
        case .floorUnlessShrinking: rounded = coordinate.rounded(axis.factor < 1 ? .up : .down)
        }
        return min(max(Int(rounded), 0), axis.inputSize - 1)
    }

    /// The elements that count at a position, and how much each does. An element may be named more than once.
    package func weights(_ coordinate: Double, along axis: Axis) -> [(index: Int, weight: Double)] {
        // A widened kernel is the kernel of an input that lies closer together.
        let spacing = antialiases ? min(axis.factor, 1) : 1
        let support: Double = mode == .cubic ? 2 : 1
        let reach = -Int((-support / spacing).rounded(.down))
        let floor = Int(coordinate.rounded(.down))
        var weights: [(index: Int, weight: Double)] = []
        var sum = 0.0
        for index in floor - reach + 1...floor + reach {
            let isOutside = index < 0 || index >= axis.inputSize
            if isOutside, excludesOutside { continue }
            let weight = kernel((Double(index) - coordinate) * spacing)
            weights.append((min(max(index, 0), axis.inputSize - 1), weight))
            sum += weight
        }
        guard excludesOutside || antialiases, sum != 0 else { return weights }
        return weights.map { ($0.index, $0.weight / sum) }
    }

    private func kernel(_ distance: Double) -> Double {
        let x = distance.magnitude
        guard mode == .cubic else { return max(1 - x, 0) }
        let a = cubicCoefficient
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
        return 0
    }
}
