import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

/// Shapes without elements whose other sizes are absurd: they cost no memory, and must cost no time either.
@Suite("Absurd sizes beside a size of 0")
struct EmptyInputTests {
    private let absurd = 1 << 50

    private func empty(_ dimensions: Int...) throws -> Tensor {
        try Tensor([Float](), shape: Shape(dimensions))
    }

    @Test("An empty batch of endless images ends at once", .timeLimit(.minutes(1)))
    func emptyBatch() throws {
        let x = try empty(0, 1, absurd)
        let kernel = [Attribute("kernel_shape", .ints([1]))]
        for type in ["MaxPool", "AveragePool", "LpPool"] {
            #expect(try evaluate(type, opset: 11, [x], attributes: kernel)[0].shape == x.shape)
        }
        let counting = kernel + [Attribute("count_include_pad", .int(1))]
        #expect(try evaluate("AveragePool", opset: 11, [x], attributes: counting)[0].shape == x.shape)
        let one = try Tensor.counting(1, 1, 1)
        #expect(try evaluate("Conv", opset: 11, [x, one])[0].shape == x.shape)
        #expect(try evaluate("ConvTranspose", opset: 11, [x, one])[0].shape == x.shape)
        #expect(try evaluate("LRN", opset: 13, [x], attributes: [Attribute("size", .int(3))])[0].shape == x.shape)
        #expect(try evaluate("Softmax", opset: 13, [x])[0].shape == x.shape)
        let parameter = try Tensor([1 as Float])
        #expect(try evaluate("InstanceNormalization", opset: 6, [x, parameter, parameter])[0].shape == x.shape)
        #expect(
            try evaluate("BatchNormalization", opset: 9, [x, parameter, parameter, parameter, parameter])[0].shape == x.shape)
        #expect(try evaluate("MatMul", opset: 13, [empty(0, 2), empty(2, 0)])[0].shape.dimensions == [0, 0])
        let words = try Tensor([Int64](), shape: Shape([0, absurd]))
        #expect(try evaluate("MatMul", opset: 13, [Tensor([Int64](), shape: Shape([0, 0])), words])[0].shape == words.shape)
    }

    @Test("A window in the padding along one axis reads nothing, however many taps it has along the others")
    func emptyAxisOfPooling() throws {
        let x = try empty(1, 1, absurd, 0)
        let window = [Attribute("kernel_shape", .ints([Int64(absurd), 1])), Attribute("pads", .ints([0, 1, 0, 0]))]
        #expect(try evaluate("AveragePool", opset: 11, [x], attributes: window)[0].doubles()[0].isNaN)
        let counting = window + [Attribute("count_include_pad", .int(1))]
        #expect(try evaluate("AveragePool", opset: 11, [x], attributes: counting)[0].doubles() == [0])
        #expect(try evaluate("LpPool", opset: 11, [x], attributes: window)[0].doubles() == [0])
        let cube = [
            Attribute("kernel_shape", .ints([1 << 31, 1 << 31, 1])), Attribute("pads", .ints([0, 0, 1, 0, 0, 0])),
        ]
        let maximum = try evaluate("MaxPool", opset: 11, [empty(1, 1, 1 << 31, 1 << 31, 0)], attributes: cube)[0]
        #expect(try maximum.doubles() == [-.infinity])
    }

    @Test("A convolution without input channels is its bias, however large its kernel")
    func convolutionWithoutChannels() throws {
        let (x, w) = (try empty(1, 0, absurd), try empty(1, 0, absurd))
        #expect(try evaluate("Conv", opset: 11, [x, w])[0].doubles() == [0])
        #expect(try evaluate("Conv", opset: 11, [x, w, Tensor([5 as Float])])[0].doubles() == [5])
    }

    @Test("A convolution over nothing but padding is its bias")
    func convolutionOfPadding() throws {
        let inputs = try [empty(1, 1, 0), .counting(1, 1, 3), Tensor([5 as Float])]
        #expect(
            try evaluate("Conv", opset: 11, inputs, attributes: [Attribute("pads", .ints([3, 1]))])[0].doubles() == [5, 5])
    }

    @Test("A transposed convolution without output channels is empty, however large its kernel")
    func transposedConvolutionWithoutChannels() throws {
        let w = try empty(1, 0, 1 << 31, 1 << 31)
        let y = try evaluate("ConvTranspose", opset: 11, [Tensor.counting(1, 1, 1, 1), w])[0]
        #expect(y.shape.dimensions == [1, 0, 1 << 31, 1 << 31])
    }

    @Test("Nothing is joined to nothing at once, whatever runs it would be made of", .timeLimit(.minutes(1)))
    func emptyConcatenations() throws {
        let along = [Attribute("axis", .int(1))]
        let row = try empty(0, 1 << 62)
        #expect(try evaluate("Concat", opset: 13, [row], attributes: along)[0].shape == row.shape)
        let half = try Tensor([Double](), shape: Shape([0, 1 << 60]))
        #expect(try evaluate("Concat", opset: 13, [half, half], attributes: along)[0].shape.dimensions == [0, 1 << 61])
        let strings = try Tensor(strings: [], shape: Shape([absurd, 0]))
        #expect(try evaluate("Concat", opset: 13, [strings, strings], attributes: along)[0].shape == strings.shape)
    }

    @Test("Empty planes and channels are rearranged in blocks of any size")
    func emptyBlocks() throws {
        let size = [Attribute("blocksize", .int(3_000_000_000))]
        let plane = try empty(1, 0, 0, 6_000_000_000)
        #expect(try evaluate("SpaceToDepth", opset: 13, [plane], attributes: size)[0].shape.dimensions == [1, 0, 0, 2])
        let channels = try empty(0, 9_000_000_000_000_000_000, 1, 0)
        #expect(
            try evaluate("DepthToSpace", opset: 13, [channels], attributes: size)[0].shape.dimensions
                == [0, 1, 3_000_000_000, 0])
    }

    @Test("Outputs that would be endless are refused")
    func endlessOutputs() throws {
        let x = try empty(absurd, 1, 0)
        #expect(throws: OperatorError.self) { try evaluate("GlobalAveragePool", opset: 1, [x]) }
        #expect(throws: OperatorError.self) { try evaluate("LayerNormalization", opset: 17, [x, empty(0)], outputs: 3) }
        #expect(throws: OperatorError.self) { try evaluate("Gemm", opset: 11, [empty(absurd, 0), empty(0, 1)]) }
    }

    /// Outputs of 2³¹ or 2³² narrow elements, which would be allowed by themselves, but not as they are computed.
    @Test("Outputs of narrow types are refused where computing them would pass the limit")
    func narrowOutputs() throws {
        func refuses(_ type: String, opset: Int, _ inputs: [Tensor], _ attributes: Attribute...) {
            #expect(throws: OperatorError.self, "\(type)") {
                try evaluate(type, opset: opset, inputs, attributes: attributes)
            }
        }
        func halves(_ dimensions: Int...) throws -> Tensor {
            let shape = try Shape(dimensions)
            return try Tensor(rounding: [Double](repeating: 1, count: shape.elementCount), to: .float16, shape: shape)
        }
        let bytes = try Tensor([UInt8](), shape: Shape([0, 1 << 32]))
        refuses("ReduceMax", opset: 18, [bytes, try Tensor([Int64(0)])])
        let pads = Attribute("pads", .ints([1 << 31, 0]))
        let one = try Tensor([1] as [Int8], shape: Shape([1, 1, 1]))
        refuses("MaxPool", opset: 12, [one], Attribute("kernel_shape", .ints([1])), pads)
        refuses("AveragePool", opset: 11, [try halves(1, 1, 1)], Attribute("kernel_shape", .ints([1])), pads)
        refuses(
            "ConvTranspose", opset: 11, [try halves(1, 1, 1), try halves(1, 1, 1)], Attribute("output_shape", .ints([1 << 31])))
        let (column, row) = (try halves(1 << 16, 1), try halves(1, 1 << 15))
        for type in ["MatMul", "Gemm", "Add", "Max", "Pow"] { refuses(type, opset: 13, [column, row]) }
    }
}
