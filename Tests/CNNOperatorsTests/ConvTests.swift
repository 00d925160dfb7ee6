import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Conv")
struct ConvTests {
    @Test("A one-dimensional kernel slides, in every version", arguments: [1, 11, 22])
    func oneDimension(opset: Int) throws {
        let x = try Tensor([1, 2, 3, 4, 5] as [Float], shape: Shape([1, 1, 5]))
        let w = try Tensor([1, 10, 100] as [Float], shape: Shape([1, 1, 3]))
        let plain = try evaluate("Conv", opset: opset, [x, w])[0]
        #expect(try plain.doubles() == [321, 432, 543])
        let bias = try Tensor([0.5 as Float])
        let padded = try evaluate(
            "Conv", opset: opset, [x, w, bias],
            attributes: [
                Attribute("pads", .ints([1, 0])), Attribute("strides", .ints([2])), Attribute("kernel_shape", .ints([3])),
            ])[0]
        #expect(try padded.doubles() == [210.5, 432.5])
        let dilated = try evaluate("Conv", opset: opset, [x, w], attributes: [Attribute("dilations", .ints([2]))])[0]
        #expect(try dilated.doubles() == [531])
    }

    @Test(
        "SAME padding puts the odd position behind or before",
        arguments: [("SAME_UPPER", [321.0, 43]), ("SAME_LOWER", [210, 432]), ("VALID", [321])])
    func autoPad(mode: String, expected: [Double]) throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: Shape([1, 1, 4]))
        let w = try Tensor([1, 10, 100] as [Float], shape: Shape([1, 1, 3]))
        let y = try evaluate(
            "Conv", opset: 11, [x, w], attributes: [Attribute("auto_pad", .string(mode)), Attribute("strides", .ints([2]))])[0]
        // SAME_UPPER: windows (1 2 3) and (3 4 ·); SAME_LOWER: (· 1 2) and (2 3 4).
        #expect(try y.doubles() == expected)
    }

    @Test("Groups see their own channels only")
    func groups() throws {
        let x = try Tensor([1, 2, 3, 4] as [Float], shape: Shape([1, 4, 1]))
        let w = try Tensor([1, 10, 1, 10, 1, 10, 1, 10] as [Float], shape: Shape([4, 2, 1]))
        let y = try evaluate("Conv", opset: 11, [x, w], attributes: [Attribute("group", .int(2))])[0]
        #expect(y.shape.dimensions == [1, 4, 1])
        #expect(try y.doubles() == [21, 21, 43, 43])
    }

    @Test("Three spatial axes, more windows than are multiplied at once, two images: the sum over all taps")
    func threeDimensions() throws {
        let x = try Tensor.counting(2, 2, 3, 4, 5)
        let w = try Tensor.counting(3, 2, 2, 2, 2)
        let y = try evaluate("Conv", opset: 11, [x, w], attributes: [Attribute("pads", .ints([1, 0, 1, 0, 1, 0]))])[0]
        #expect(y.shape.dimensions == [2, 3, 3, 4, 5])
        let (input, weights, output) = (try x.doubles(), try w.doubles(), try y.doubles())
        for n in 0..<2 {
            for m in 0..<3 {
                for window in 0..<60 {
                    let (d, h, v) = (window / 20 - 1, window / 5 % 4, window % 5 - 1)
                    var sum = 0.0
                    for tap in 0..<16 {
                        let (c, i, j, k) = (tap / 8, d + tap / 4 % 2, h + tap / 2 % 2, v + tap % 2)
                        guard 0..<3 ~= i, 0..<4 ~= j, 0..<5 ~= k else { continue }
                        sum += weights[m * 16 + tap] * input[(((n * 2 + c) * 3 + i) * 4 + j) * 5 + k]
                    }
                    #expect(output[(n * 3 + m) * 60 + window] == sum)
                }
            }
        }
    }

    /// Kernels of more taps than are located at once, beside small ones, in groups and with every kind of geometry.
    @Test(
        "Kernels of any size give the sum over all taps",
        arguments: [
            ([2, 3, 40], [2, 3, 300], [2], [2], [310, 300], 1),
            ([2, 4, 9, 8], [4, 2, 20, 17], [2, 1], [1, 1], [12, 9, 11, 10], 2),
            ([1, 2, 30, 3], [3, 2, 1, 258], [1, 1], [1, 1], [0, 200, 0, 60], 1),
            ([1, 4, 5, 5], [4, 1, 3, 3], [1, 2], [1, 2], [1, 2, 1, 2], 4),
        ])
    func kernelSizes(_ size: [Int], _ kernel: [Int], _ strides: [Int], _ dilations: [Int], _ pads: [Int], _ group: Int) throws {
        func numbers(_ dimensions: [Int], modulus: Int) throws -> Tensor {
            let shape = try Shape(dimensions)
            return try Tensor((0..<shape.elementCount).map { Float($0 % modulus - 3) }, shape: shape)
        }
        func attribute(_ name: String, _ values: [Int]) -> Attribute { Attribute(name, .ints(values.map { Int64($0) })) }
        let (x, w) = (try numbers(size, modulus: 11), try numbers(kernel, modulus: 7))
        let y = try evaluate(
            "Conv", opset: 11, [x, w],
            attributes: [
                attribute("strides", strides), attribute("dilations", dilations), attribute("pads", pads),
                Attribute("group", .int(Int64(group))),
            ])[0]
        let (input, weights, output) = (try x.doubles(), try w.doubles(), try y.doubles())
        func index(_ position: Int, _ dimensions: [Int]) -> [Int] {
            var rest = position
            return dimensions.reversed().map { size in
                defer { rest /= size }
                return rest % size
            }.reversed()
        }
        for (position, actual) in output.enumerated() {
            let place = index(position, y.shape.dimensions)
            let firstChannel = place[1] / (kernel[0] / group) * kernel[1]
            var sum = 0.0
            for tap in 0..<kernel[1...].reduce(1, *) {
                let tapIndex = index(tap, Array(kernel[1...]))
                var source = place[0] * size[1] + firstChannel + tapIndex[0]
                var isInside = true
                for axis in strides.indices {
                    let along = place[axis + 2] * strides[axis] - pads[axis] + tapIndex[axis + 1] * dilations[axis]
                    isInside = isInside && 0..<size[axis + 2] ~= along
                    source = source * size[axis + 2] + along
                }
                if isInside { sum += weights[place[1] * kernel[1...].reduce(1, *) + tap] * input[source] }
            }
            #expect(actual == sum, "element \(place)")
        }
    }

    @Test("An empty batch gives an empty output")
    func emptyBatch() throws {
        let y = try evaluate("Conv", opset: 11, [Tensor.counting(0, 1, 4), Tensor.counting(2, 1, 3)])[0]
        #expect(y.shape.dimensions == [0, 2, 2])
    }

    @Test("Named sizes become exact expressions")
    func namedSizes() throws {
        let x = ValueFact.float(.symbol("N"), 3, .symbol("H"), .symbol("W"))
        let w = ValueFact.float(8, 3, 3, 3)
        let attributes = [Attribute("strides", .ints([2, 1])), Attribute("pads", .ints([1, 1, 1, 1]))]
        #expect(
            try inferredShapes("Conv", opset: 11, [x, w], attributes: attributes) == ["[N, 8, floor((H - 1)/2) + 1, W]"])
        #expect(try inferredShapes("Conv", opset: 11, [x, .float(.symbol("M"), nil, nil, nil)]) == ["[N, M, ?, ?]"])
    }

    @Test("Multiply-adds are outputs times taps times channels of a group")
    func multiplyAdds() throws {
        let conv = try OperatorUnderTest("Conv", opset: 11, inputs: [true, true], attributes: [Attribute("group", .int(2))])
        let inputs = [ValueFact.float(1, 4, 6, 6), .float(8, 2, 3, 3)]
        let outputs = try conv.operator.infer(inputs)
        #expect(try conv.operator.multiplyAdds(inputs, outputs) == Dimension(8 * 4 * 4 * 2 * 9))
    }

    @Test("Inputs that do not suit each other are refused")
    func refusals() throws {
        func refused(_ x: [Int], _ w: [Int], bias: [Int]? = nil, _ attributes: [Attribute] = []) {
            #expect(throws: OperatorError.self) {
                let made = try OperatorUnderTest("Conv", opset: 11, inputs: [true, true, bias != nil], attributes: attributes)
                let inputs = try [x, w, bias].map { try $0.map { ValueFact(shape: SymbolicShape(try Shape($0))) } }
                _ = try made.operator.infer(inputs)
            }
        }
        refused([1, 3, 5], [2, 4, 3])
        refused([1, 3, 5], [2, 3, 3, 3])
        refused([1, 3, 2], [2, 3, 3])
        refused([1, 3], [2, 3])
        refused([1, 3, 5], [2, 3, 3], bias: [3])
        refused([1, 3, 5], [2, 3, 3], [Attribute("kernel_shape", .ints([2]))])
        refused([1, 4, 5], [3, 2, 3], [Attribute("group", .int(2))])
        refused([1, 4, 5], [3, 2, 3], [Attribute("group", .int(0))])
        refused([1, 3, 5], [2, 3, 3], [Attribute("pads", .ints([1]))])
        refused([1, 3, 5], [2, 3, 3], [Attribute("pads", .ints([1, 1])), Attribute("auto_pad", .string("VALID"))])
    }

    @Test("A padding that makes an absurd output is refused before memory is taken")
    func absurdPadding() throws {
        #expect(throws: OperatorError.self) {
            _ = try evaluate(
                "Conv", opset: 11, [Tensor.counting(1, 1, 2), Tensor.counting(1, 1, 1)],
                attributes: [Attribute("pads", .ints([1 << 40, 0]))])
        }
    }
}
