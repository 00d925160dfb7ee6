import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Resize and Upsample")
struct ResizeTests {
    private func row(_ values: [Double]) throws -> Tensor {
        try Tensor(values, shape: Shape([1, 1, values.count]))
    }

    private func text(_ pairs: KeyValuePairs<String, String>) -> [Attribute] {
        pairs.map { Attribute($0.key, .string($0.value)) }
    }

    /// `values` resized to `size` elements.
    private func resized(
        _ values: [Double], to size: Int64, opset: Int = 19, region: [Float]? = nil, _ attributes: [Attribute]
    ) throws -> [Double] {
        let sizes = try Tensor([1, 1, size])
        let roi = try region.map { try Tensor([0, 0, $0[0], 1, 1, $0[1]]) }
        let noScales = try opset < 13 ? Tensor([Float]()) : nil
        let inputs = [try row(values), try opset < 13 ? roi ?? Tensor([Float]()) : roi, noScales, sizes]
        return try evaluate("Resize", opset: opset, inputs, attributes: attributes)[0].doubles()
    }

    @Test("The simple versions take the element at ⌊x/scale⌋, or ⌈x/scale⌉ where an axis shrinks")
    func simpleVersions() throws {
        let x = try Tensor((1...4).map { Float($0) }, shape: Shape([1, 1, 1, 4]))
        func scales(_ width: Float) throws -> Tensor { try Tensor([1, 1, 1, width]) }
        for opset in [9, 10] {
            #expect(try evaluate("Upsample", opset: opset, [x, scales(1.5)])[0].doubles() == [1, 1, 2, 3, 3, 4])
        }
        #expect(try evaluate("Resize", opset: 10, [x, scales(1.5)])[0].doubles() == [1, 1, 2, 3, 3, 4])
        #expect(try evaluate("Resize", opset: 10, [x, scales(0.6)])[0].doubles() == [1, 3])
        let attribute = [Attribute("scales", .floats([1, 1, 1, 1.5]))]
        #expect(try evaluate("Upsample", opset: 7, [x], attributes: attribute)[0].doubles() == [1, 1, 2, 3, 3, 4])
        let plane = [Attribute("height_scale", .float(2)), Attribute("width_scale", .float(1))]
        let doubled = try evaluate("Upsample", opset: 1, [x], attributes: plane)[0]
        #expect(doubled.shape.dimensions == [1, 1, 2, 4])
        #expect(try doubled.doubles() == [1, 2, 3, 4, 1, 2, 3, 4])
        let linear = try evaluate("Upsample", opset: 9, [x, scales(2)], attributes: text(["mode": "linear"]))[0]
        #expect(try linear.doubles() == [1, 1.5, 2, 2.5, 3, 3.5, 4, 4])
        #expect(throws: OperatorError.self) {
            try evaluate("Upsample", opset: 9, [x, scales(2)], attributes: text(["mode": "cubic"]))
        }
    }

    @Test(
        "Nearest neighbours: which way a half goes",
        arguments: [
            ("round_prefer_floor", [1.0, 1, 2, 2, 3, 3, 4, 4]), ("round_prefer_ceil", [1, 2, 2, 3, 3, 4, 4, 4]),
            ("floor", [1, 1, 2, 2, 3, 3, 4, 4]), ("ceil", [1, 2, 2, 3, 3, 4, 4, 4]),
        ])
    func nearestModes(mode: String, expected: [Double]) throws {
        // The positions are 0, 0.5, 1, 1.5 ….
        let attributes = text(["coordinate_transformation_mode": "asymmetric", "nearest_mode": mode])
        for opset in [11, 13, 18, 19] {
            #expect(try resized([1, 2, 3, 4], to: 8, opset: opset, attributes) == expected)
        }
    }

    @Test(
        "Coordinate modes, four elements to two by linear interpolation",
        arguments: [
            ("half_pixel", [1.5, 3.5]), ("half_pixel_symmetric", [1.5, 3.5]), ("pytorch_half_pixel", [1.5, 3.5]),
            ("align_corners", [1, 4]), ("asymmetric", [1, 3]),
        ])
    func coordinateModes(mode: String, expected: [Double]) throws {
        let attributes = text(["mode": "linear", "coordinate_transformation_mode": mode])
        #expect(try resized([1, 2, 3, 4], to: 2, attributes) == expected)
        if mode != "half_pixel_symmetric" {
            for opset in [11, 13, 18] { #expect(try resized([1, 2, 3, 4], to: 2, opset: opset, attributes) == expected) }
        } else {
            #expect(throws: OperatorError.self) { try resized([1, 2, 3, 4], to: 2, opset: 18, attributes) }
        }
    }

    @Test("A region of interest is stretched to the output; outside of the input is the extrapolation value")
    func regions() throws {
        let crop = text(["mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize"])
        #expect(try resized([1, 2, 3, 4, 5], to: 3, region: [0.25, 0.75], crop) == [2, 3, 4])
        #expect(try resized([1, 2, 3, 4, 5], to: 1, region: [0.25, 0.75], crop) == [3])
        let filled = crop + [Attribute("extrapolation_value", .float(9))]
        #expect(try resized([1, 2, 3, 4, 5], to: 3, region: [-0.5, 1.5], filled) == [9, 3, 9])
        let nearest = text(["coordinate_transformation_mode": "tf_crop_and_resize"]) + [filled[2]]
        #expect(try resized([1, 2, 3, 4, 5], to: 3, region: [-0.5, 1.5], nearest) == [9, 3, 9])
        #expect(throws: OperatorError.self) { try resized([1, 2], to: 3, crop) }
        #expect(throws: OperatorError.self) { try resized([1, 2, 3], to: 3, region: [.nan, 1], crop) }
        #expect(throws: OperatorError.self) { try resized([1, 2, 3], to: 3, region: [-3e38, 3e38], crop) }
    }

    @Test("The cubic kernel: weights by hand, the edge repeated or left out")
    func cubic() throws {
        // Position 0.5 of asymmetric doubling, a = −0.75: weights −0.09375, 0.59375, 0.59375, −0.09375.
        let asymmetric = text(["mode": "cubic", "coordinate_transformation_mode": "asymmetric"])
        let y = try resized([0, 1, 0, 0], to: 8, asymmetric)
        #expect(y == [0, 0.59375, 1, 0.59375, 0, -0.09375, 0, 0])
        let excluding = asymmetric + [Attribute("exclude_outside", .int(1))]
        // At 0.5 the element −1 is left out: 0.59375 / (1 + 0.09375).
        #expect(abs(try resized([0, 1, 0, 0], to: 8, excluding)[1] - 0.59375 / 1.09375) < 1e-15)
        let keys = asymmetric + [Attribute("cubic_coeff_a", .float(-0.5))]
        #expect(try resized([0, 1, 0, 0], to: 8, keys)[1] == 0.5625)
    }

    @Test("With antialiasing every element counts when an axis shrinks")
    func antialiasing() throws {
        let attributes = text(["mode": "linear"]) + [Attribute("antialias", .int(1))]
        // 4 to 2 at position 0.5: a triangle of width 4 over −1 … 2, weights 1/8, 3/8, 3/8, 1/8, the edge repeated.
        #expect(try resized([8, 16, 24, 32], to: 2, attributes) == [13, 27])
        #expect(throws: OperatorError.self) {
            try resized([1, 2], to: 1, text(["mode": "nearest"]) + [Attribute("antialias", .int(1))])
        }
    }

    @Test(
        "Aspect-ratio policies choose one scale for all axes, halves rounded up",
        arguments: [("not_larger", [6, 3]), ("not_smaller", [10, 5]), ("stretch", [10, 3])])
    func policies(policy: String, expected: [Int]) throws {
        let x = try Tensor.counting(1, 4, 2)
        let attributes = text(["keep_aspect_ratio_policy": policy]) + [Attribute("axes", .ints([-2, 2]))]
        let y = try evaluate("Resize", opset: 18, [x, nil, nil, Tensor([10, 3] as [Int64])], attributes: attributes)[0]
        #expect(y.shape.dimensions == [1] + expected)
    }

    @Test("Any type can be moved; whole numbers are interpolated to the nearest, within their range; strings cannot be")
    func types() throws {
        let strings = try Tensor(strings: [Array("a".utf8), Array("b".utf8)], shape: Shape([2]))
        let scales = try Tensor([2 as Float])
        let doubled = try evaluate("Resize", opset: 13, [strings, nil, scales])[0]
        #expect(try doubled.strings().map { String(decoding: $0, as: UTF8.self) } == ["a", "a", "b", "b"])
        #expect(throws: OperatorError.self) {
            try evaluate("Resize", opset: 13, [strings, nil, scales], attributes: text(["mode": "linear"]))
        }
        let bytes = try Tensor([0, 255, 255, 0] as [UInt8])
        let cubic = try evaluate("Resize", opset: 13, [bytes, nil, scales], attributes: text(["mode": "cubic"]))[0]
        #expect(try cubic.integers().max() == 255 && cubic.integers().min() == 0)
    }

    @Test("Sizes follow for named axes where the scale is a plain fraction")
    func namedSizes() throws {
        func shapes(_ scales: [Float]) throws -> [String] {
            let facts = [
                ValueFact.float(.symbol("N"), 3, .symbol("H"), .symbol("W")), nil, ValueFact(constant: try Tensor(scales)),
            ]
            return try inferredShapes("Resize", opset: 13, facts)
        }
        #expect(try shapes([1, 1, 2, 2]) == ["[N, 3, 2*H, 2*W]"])
        #expect(try shapes([1, 1, 0.5, 1.5]) == ["[N, 3, floor(H/2), floor(3*W/2)]"])
        #expect(try shapes([1, 1, 0.7, 1]) == ["[N, 3, ?, W]"])
        let sizes = [
            ValueFact.float(.symbol("N"), 3, 7, 7), nil, nil,
            ValueFact(dataType: .int64, shape: SymbolicShape([4]), elements: [.symbol("N"), 3, .symbol("H"), .symbol("W")]),
        ]
        #expect(try inferredShapes("Resize", opset: 13, sizes) == ["[N, 3, H, W]"])
    }

    @Test("A size from a scale is rounded through float32, as other runtimes do: 10 · 0.7 is 7")
    func roundedScale() throws {
        #expect(
            try evaluate("Resize", opset: 13, [Tensor.counting(10), nil, Tensor([0.7 as Float])])[0].shape.dimensions == [7])
    }

    @Test("What is asked for must be one thing, positive, for every axis, and not absurd")
    func refusals() throws {
        let x = try Tensor.counting(2, 3)
        let (scales, sizes) = (try Tensor([1, 2] as [Float]), try Tensor([2, 6] as [Int64]))
        let inputs: [[Tensor?]] = [
            [x], [x, nil, scales, sizes], [x, nil, try Tensor([1 as Float])], [x, nil, try Tensor([1, 0] as [Float])],
            [x, nil, try Tensor([1, .nan] as [Float])], [x, nil, nil, try Tensor([2, -1] as [Int64])],
            [x, nil, nil, try Tensor([1 << 40, 1] as [Int64])], [try Tensor.counting(0, 3), nil, nil, sizes],
        ]
        for inputs in inputs {
            #expect(throws: OperatorError.self) { try evaluate("Resize", opset: 13, inputs) }
        }
        #expect(throws: (any Error).self) { try evaluate("Resize", opset: 13, [x, nil, Tensor([1, 3e38] as [Float])]) }
        #expect(try evaluate("Resize", opset: 13, [x, nil, Tensor([1, 0.1] as [Float])])[0].shape.dimensions == [2, 0])
    }
}
