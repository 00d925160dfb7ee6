import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("ConvTranspose and MaxUnpool")
struct ConvTransposeTests {
    private func vector(_ values: [Double]) throws -> Tensor {
        try Tensor(values, shape: Shape([1, 1, values.count]))
    }

    private func transposed(_ attributes: [Attribute], opset: Int = 11) throws -> [Double] {
        try evaluate("ConvTranspose", opset: opset, [vector([1, 2]), vector([1, 10, 100])], attributes: attributes)[0].doubles()
    }

    @Test("Every input adds the scaled kernel, in every version", arguments: [1, 11, 22])
    func scattering(opset: Int) throws {
        #expect(try transposed([], opset: opset) == [1, 12, 120, 200])
        let strides = [Attribute("strides", .ints([3]))]
        #expect(try transposed(strides, opset: opset) == [1, 10, 100, 2, 20, 200])
        #expect(
            try transposed(strides + [Attribute("output_padding", .ints([2]))], opset: opset) == [1, 10, 100, 2, 20, 200, 0, 0])
        #expect(try transposed(strides + [Attribute("pads", .ints([1, 2]))], opset: opset) == [10, 100, 2])
        #expect(try transposed([Attribute("dilations", .ints([2]))], opset: opset) == [1, 2, 10, 20, 100, 200])
    }

    @Test("A requested size cuts the surplus at both ends, and lacks at the end")
    func outputShape() throws {
        func sized(_ size: Int64, _ mode: String? = nil) throws -> [Double] {
            let mode = mode.map { [Attribute("auto_pad", .string($0))] } ?? []
            return try transposed(mode + [Attribute("output_shape", .ints([size])), Attribute("strides", .ints([2]))])
        }
        // The whole is 1 10 102 20 200.
        #expect(try sized(5) == [1, 10, 102, 20, 200])
        #expect(try sized(4) == [10, 102, 20, 200])
        #expect(try sized(4, "SAME_UPPER") == [1, 10, 102, 20])
        #expect(try sized(4, "SAME_LOWER") == [10, 102, 20, 200])
        #expect(try sized(3) == [10, 102, 20])
        #expect(try sized(7) == [1, 10, 102, 20, 200, 0, 0])
    }

    @Test("SAME makes stride times the size, or the whole if that is less")
    func same() throws {
        func same(_ mode: String, stride: Int64) throws -> [Double] {
            try transposed([Attribute("auto_pad", .string(mode)), Attribute("strides", .ints([stride]))])
        }
        #expect(try same("SAME_UPPER", stride: 2) == [1, 10, 102, 20])
        #expect(try same("SAME_LOWER", stride: 2) == [10, 102, 20, 200])
        #expect(try same("VALID", stride: 2) == [1, 10, 102, 20, 200])
        #expect(try same("SAME_UPPER", stride: 4) == [1, 10, 100, 0, 2, 20, 200])
    }

    @Test("SAME makes nothing of nothing, where the whole would be less", arguments: ["SAME_UPPER", "SAME_LOWER"])
    func sameOfNothing(mode: String) throws {
        let attributes = [Attribute("auto_pad", .string(mode)), Attribute("strides", .ints([3]))]
        let inputs = try [Tensor.counting(1, 1, 0), .counting(1, 1, 1)]
        #expect(try evaluate("ConvTranspose", opset: 11, inputs, attributes: attributes)[0].shape.dimensions == [1, 1, 0])
    }

    @Test("It is the transpose of the convolution: ⟨conv(x), y⟩ = ⟨x, transpose(y)⟩, with groups, in two dimensions")
    func adjoint() throws {
        let attributes = [
            Attribute("group", .int(2)), Attribute("strides", .ints([2, 1])), Attribute("dilations", .ints([1, 2])),
            Attribute("pads", .ints([1, 2, 0, 1])),
        ]
        func wave(_ dimensions: [Int], _ factor: Int) throws -> Tensor {
            let shape = try Shape(dimensions)
            return try Tensor((0..<shape.elementCount).map { Double($0 * factor % 17 - 8) }, shape: shape)
        }
        let (x, w) = (try wave([2, 4, 6, 7], 5), try wave([6, 2, 3, 2], 7))
        let convolved = try evaluate("Conv", opset: 11, [x, w], attributes: attributes)[0]
        let y = try wave(convolved.shape.dimensions, 3)
        let back = try evaluate("ConvTranspose", opset: 11, [y, w], attributes: attributes)[0]
        func product(_ a: Tensor, _ b: Tensor) throws -> Double {
            zip(try a.doubles(), try b.doubles()).reduce(0) { $0 + $1.0 * $1.1 }
        }
        // One row short: the convolution left the last one unread. All numbers are whole, so the sums are exact.
        #expect(back.shape.dimensions == [2, 4, 6, 7])
        #expect(try product(convolved, y) == product(x, back))
    }

    @Test("Bias, named sizes, multiply-adds and refusals")
    func rules() throws {
        let bias = try Tensor([100] as [Double])
        #expect(
            try evaluate("ConvTranspose", opset: 1, [vector([1, 2]), vector([1, 10]), bias])[0].doubles() == [101, 112, 120])
        let made = try OperatorUnderTest(
            "ConvTranspose", opset: 11, inputs: [true, true],
            attributes: [Attribute("strides", .ints([2, 2])), Attribute("pads", .ints([1, 1, 1, 1]))])
        let inputs = [ValueFact.float(.symbol("N"), 8, .symbol("H"), 5), .float(8, 3, 4, 4)]
        let outputs = try made.operator.infer(inputs)
        #expect(outputs[0].shape.description == "[N, 3, 2*H, 10]")
        #expect(try made.operator.multiplyAdds(inputs, outputs)?.description == "\(48 * 8 * 5)*H*N")
        #expect(throws: OperatorError.self) { try transposed([Attribute("pads", .ints([3, 2]))]) }
        #expect(throws: OperatorError.self) { try transposed([Attribute("output_shape", .ints([1, 1, 4]))]) }
        #expect(throws: OperatorError.self) { try transposed([Attribute("output_padding", .ints([-1]))]) }
        #expect(throws: OperatorError.self) {
            try evaluate("ConvTranspose", opset: 11, [Tensor.counting(1, 2, 3), Tensor.counting(1, 1, 3)])
        }
        #expect(throws: OperatorError.self) { try transposed([Attribute("output_shape", .ints([1 << 50]))]) }
    }

    // MARK: - MaxUnpool

    @Test("MaxUnpool puts back what MaxPool took, and nothing else", arguments: [9, 11, 22])
    func roundTrip(opset: Int) throws {
        let x = try Tensor([1, 2, 3, 8, 7, 6, 5, 4, 0, 9, 1, 3, 2, 2, 2, 4] as [Float], shape: Shape([1, 1, 4, 4]))
        let window = [Attribute("kernel_shape", .ints([2, 2])), Attribute("strides", .ints([2, 2]))]
        let pooled = try evaluate("MaxPool", opset: 11, [x], outputs: 2, attributes: window)
        let y = try evaluate("MaxUnpool", opset: opset, pooled, attributes: window)[0]
        #expect(try y.doubles() == [0, 0, 0, 8, 7, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 4])
        let larger = try evaluate("MaxUnpool", opset: opset, pooled + [Tensor([1, 1, 5, 6] as [Int64])], attributes: window)[0]
        #expect(larger.shape.dimensions == [1, 1, 5, 6])
        let values = try larger.doubles()
        #expect([values[3], values[6], values[13], values[21]] == [8, 7, 9, 4])
        #expect(values.reduce(0, +) == 28)
    }

    @Test("Indices out of range and shapes that do not hold them are refused")
    func unpoolingRefusals() throws {
        let window = [Attribute("kernel_shape", .ints([2]))]
        let x = try Tensor([1, 2] as [Float], shape: Shape([1, 1, 2]))
        func indices(_ values: Int64...) throws -> Tensor { try Tensor(values, shape: Shape([1, 1, values.count])) }
        #expect(throws: OperatorError.self) { try evaluate("MaxUnpool", opset: 9, [x, indices(0, 3)], attributes: window) }
        #expect(throws: OperatorError.self) { try evaluate("MaxUnpool", opset: 9, [x, indices(0, -1)], attributes: window) }
        #expect(throws: OperatorError.self) { try evaluate("MaxUnpool", opset: 9, [x, indices(0)], attributes: window) }
        #expect(throws: OperatorError.self) {
            try evaluate("MaxUnpool", opset: 9, [x, indices(0, 2), Tensor([1, 1, 2] as [Int64])], attributes: window)
        }
    }
}
