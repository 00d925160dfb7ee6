import CNNModels
import CNNTensors

/// Resampling of any axes to other sizes: each output element is an element of the input, or a weighted mean of neighbours
/// along every axis (`Resampling` has the formulas). The output's size along an axis is `⌊size · scale⌋`, or as asked for.
///
/// ONNX operator Resize. Version 10 has scales only and takes positions as `asymmetric`; 11 adds `sizes`, `roi` and the
/// modes; 13 lets these inputs be left out and drops `tf_half_pixel_for_nn`; 18 adds `axes`, `antialias` and
/// `keep_aspect_ratio_policy`; 19 adds `half_pixel_symmetric`.
/// ONNX operator Upsample, Resize's forerunner: version 1 has the scales of height and width as attributes, 7 one scale for
/// each axis, 9 as an input; ONNX deprecated it at 10.
package struct Resize: Operator {
    let resampling: Resampling
    /// The axes that scales, sizes and region of interest are given for; nil for all.
    let axes: [Int]?
    let policy: AspectRatioPolicy
    /// What takes the place of elements outside of the input (`tf_crop_and_resize`).
    let extrapolationValue: Float
    let arguments: Arguments

    /// Where the scales come from: attributes, or inputs at these indices.
    enum Arguments: Sendable {
        case attribute([Float])
        /// Of the last two axes.
        case planeAttributes([Float])
        case inputs(region: Int?, scales: Int, sizes: Int?)
    }

    enum AspectRatioPolicy: String, CaseIterable, Sendable {
        case stretch
        case notLarger = "not_larger"
        case notSmaller = "not_smaller"
    }

    package static let definitions = [resize, upsample]

    private static let resize = OperatorDefinition("Resize", versions: [10, 11, 13, 18, 19]) { version in
        let types: [String: TypeSet] = [
            "T1": version < 13 ? .allBeforeBfloat16 : .allBeforeFloat8, "T2": .ieeeFloats, "S": TypeSet(.float32),
            "I": TypeSet(.int64),
        ]
        switch version {
        case 10: return Signature(inputs: ["X": "T1", "scales": "S"], outputs: ["Y": "T1"], types: types)
        case 11:
            return Signature(
                inputs: ["X": "T1", "roi": "T2", "scales": "S", "sizes?": "I"], outputs: ["Y": "T1"], types: types)
        default:
            return Signature(
                inputs: ["X": "T1", "roi?": "T2", "scales?": "S", "sizes?": "I"], outputs: ["Y": "T1"], types: types)
        }
    } make: { attributes in
        attributes.version == 10 ? try Resize(simple: attributes, scalesInput: 1) : try Resize(attributes)
    }

    private static let upsample = OperatorDefinition("Upsample", versions: [1, 7, 9, 10]) { version in
        switch version {
        case 1:
            return Signature(
                inputs: ["X": "T"], outputs: ["Y": "T"], types: ["T": [.bool, .ieeeFloats, TypeSet(.int32, .int64)]])
        case 7: return Signature(inputs: ["X": "T"], outputs: ["Y": "T"], types: ["T": .allBeforeBfloat16])
        default:
            return Signature(
                inputs: ["X": "T", "scales": "S"], outputs: ["Y": "T"],
                types: ["T": .allBeforeBfloat16, "S": TypeSet(.float32)])
        }
    } make: { attributes in
        try Resize(simple: attributes, scalesInput: attributes.version >= 9 ? 1 : nil)
    }

    private init(_ attributes: AttributeReader) throws {
        let version = attributes.version
        let coordinates = try attributes.choice("coordinate_transformation_mode", default: Resampling.CoordinateMode.halfPixel)
        let isKnown =
            switch coordinates {
            case .halfPixelSymmetric: version >= 19
            case .tfHalfPixelForNearest: version < 13
            default: true
            }
        guard isKnown else {
            throw OperatorError(
                "version \(version) has no mode '\(coordinates.rawValue)'", subject: "coordinate_transformation_mode")
        }
        let mode = try attributes.choice("mode", default: Resampling.Mode.nearest)
        let nearestMode = try attributes.choice("nearest_mode", default: Resampling.NearestMode.roundPreferFloor)
        resampling = Resampling(
            mode: mode, coordinates: coordinates, nearestMode: nearestMode,
            cubicCoefficient: Double(try attributes.float("cubic_coeff_a", default: -0.75)),
            excludesOutside: try attributes.flag("exclude_outside"),
            antialiases: version >= 18 ? try attributes.flag("antialias") : false)
        if resampling.antialiases, mode == .nearest {
            throw OperatorError("has no meaning for the mode 'nearest'", subject: "antialias")
        }
        extrapolationValue = try attributes.float("extrapolation_value", default: 0)
        axes = version >= 18 ? try attributes.ints("axes") : nil
        policy = version >= 18 ? try attributes.choice("keep_aspect_ratio_policy", default: .stretch) : .stretch
        arguments = .inputs(region: 1, scales: 2, sizes: 3)
    }

    /// Upsample, and Resize of version 10.
    private init(simple attributes: AttributeReader, scalesInput: Int?) throws {
        let name = try attributes.string("mode", default: "nearest")
        let linearName = attributes.version == 1 ? "bilinear" : "linear"
        guard name == "nearest" || name == linearName else {
            throw OperatorError("must be one of nearest, \(linearName), but is '\(name)'", subject: "mode")
        }
        resampling = Resampling(
            mode: name == "nearest" ? .nearest : .linear, coordinates: .asymmetric, nearestMode: .floorUnlessShrinking,
            cubicCoefficient: 0, excludesOutside: false, antialiases: false)
        axes = nil
        policy = .stretch
        extrapolationValue = 0
        if let scalesInput {
            arguments = .inputs(region: nil, scales: scalesInput, sizes: nil)
        } else if attributes.version == 1 {
            arguments = .planeAttributes([
                try attributes.required("height_scale", attributes.float("height_scale")),
                try attributes.required("width_scale", attributes.float("width_scale")),
            ])
        } else {
            arguments = .attribute(try attributes.required("scales", attributes.floats("scales")))
        }
    }
}

// MARK: - Shape rule

extension Resize {
    /// What the output is to be, for each of the axes concerned.
    enum Target {
        case scales([Float])
        case sizes([Dimension])
    }

    package func infer(_ inputs: [ValueFact?]) throws -> [ValueFact] {
        let input = try inputs.required(0, "X").shape
        if resampling.mode != .nearest, let type = inputs[0]?.dataType, !(type.isFloatingPoint || type.isInteger) {
            throw OperatorError("elements of type \(type) cannot be interpolated", subject: "mode")
        }
        guard let sizes = input.dimensions else { return [ValueFact(shape: .unknown)] }
        let axes = try resolvedAxes(rank: sizes.count)
        var result = sizes
        let target = try target(inputs, rank: sizes.count)
        if let target { try check(target, axes: axes) }
        for (position, axis) in axes.enumerated() {
            switch target {
            case .scales(let scales): result[axis] = try Self.size(sizes[axis], scaledBy: scales[position])
            case .sizes(let requested) where policy == .stretch: result[axis] = requested[position]
            default: result[axis] = nil
            }
        }
        if case .sizes(let requested) = target, policy != .stretch {
            let known = axes.compactMap { sizes[$0]?.value }
            let knownTargets = requested.compactMap(\.value)
            if known.count == axes.count, knownTargets.count == axes.count {
                let scale = try commonScale(known, knownTargets)
                for (axis, size) in zip(axes, known) { result[axis] = Dimension(try Self.rounded(size, scale)) }
            }
        }
        return [ValueFact(shape: SymbolicShape(result))]
    }

    func resolvedAxes(rank: Int) throws -> [Int] {
        if let axes { return try AxisIndex.resolve(axes, rank: rank) }
        guard case .planeAttributes = arguments else { return Array(0..<rank) }
        guard rank >= 2 else { throw OperatorError("the input must have the axes height and width") }
        return [rank - 2, rank - 1]
    }

    /// The scales or sizes that are asked for; nil if they are not known.
    func target(_ inputs: [ValueFact?], rank: Int) throws -> Target? {
        switch arguments {
        case .attribute(let scales), .planeAttributes(let scales): return .scales(scales)
        case .inputs(_, let scalesIndex, let sizesIndex):
            // An input of no elements is as good as none: version 11 requires one of the two to be empty.
            func given(_ index: Int?) -> ValueFact? {
                guard let fact = index.flatMap({ inputs.optional($0) }), fact.shape.dimensions != [0] else { return nil }
                return fact
            }
            let (scales, sizes) = (given(scalesIndex), given(sizesIndex))
            switch (scales, sizes) {
            case (nil, nil): throw OperatorError("neither scales nor sizes are given")
            case (nil, let sizes?): return sizes.knownElements.map { .sizes($0) }
            case (let scales?, nil):
                return try scales.constant.map { .scales(try $0.elements(as: Float.self)) }
            case (let scales?, let sizes?):
                if scales.shape.concrete != nil, sizes.shape.concrete != nil {
                    throw OperatorError("scales and sizes are both given")
                }
                return nil
            }
        }
    }

    private func check(_ target: Target, axes: [Int]) throws {
        switch target {
        case .scales(let scales):
            guard scales.count == axes.count else {
                throw OperatorError("has \(scales.count) numbers for \(axes.count) axes", subject: "scales")
            }
            if let scale = scales.first(where: { !($0 > 0 && $0.isFinite) }) {
                throw OperatorError("must be above 0, but has \(scale)", subject: "scales")
            }
        case .sizes(let sizes):
            guard sizes.count == axes.count else {
                throw OperatorError("has \(sizes.count) numbers for \(axes.count) axes", subject: "sizes")
            }
            if let size = sizes.first(where: { $0.value ?? 0 < 0 }) {
                throw OperatorError("must be 0 or more, but has \(size)", subject: "sizes")
            }
        }
    }

    /// `⌊size · scale⌋`, the product rounded to float32 as ONNX's shape inference and ONNX Runtime do; for a named size an
    /// expression, if the scale is a fraction with a small power of two below.
    private static func size(_ size: Dimension?, scaledBy scale: Float) throws -> Dimension? {
        guard let size else { return nil }
        if scale == 1 { return size }
        if let number = size.value {
            guard let scaled = Int(exactly: (Float(number) * scale).rounded(.down)) else { throw DimensionError.overflow }
            return Dimension(scaled)
        }
        let denominator = 1024
        guard let numerator = Int(exactly: scale * Float(denominator)), numerator <= denominator * denominator else {
            return nil
        }
        // The expression keeps its form if the fraction is in lowest terms.
        let shared = 1 << min(numerator.trailingZeroBitCount, denominator.trailingZeroBitCount)
        return try (size * Dimension(numerator / shared)).floorDivided(by: Dimension(denominator / shared))
    }

    /// The one scale, as a fraction, that keeps the aspect ratio.
    func commonScale(_ sizes: [Int], _ targets: [Int]) throws -> (numerator: Double, denominator: Double) {
        if let axis = sizes.firstIndex(of: 0) {
            throw OperatorError("axis \(axis) of those to be resized has no elements, so no scale keeps the aspect ratio")
        }
        let scales = zip(targets, sizes).map { (numerator: Double($0), denominator: Double($1)) }
        func isLess(_ left: (numerator: Double, denominator: Double), _ right: (numerator: Double, denominator: Double)) -> Bool
        {
            left.numerator / left.denominator < right.numerator / right.denominator
        }
        return (policy == .notLarger ? scales.min(by: isLess) : scales.max(by: isLess)) ?? (1, 1)
    }

    /// The nearest whole number to `size · scale`, halves rounded up.
    private static func rounded(_ size: Int, _ scale: (numerator: Double, denominator: Double)) throws -> Int {
        let product = Double(size) * scale.numerator / scale.denominator
        guard let rounded = Int(exactly: (product + 0.5).rounded(.down)) else { throw DimensionError.overflow }
        return rounded
    }
}
