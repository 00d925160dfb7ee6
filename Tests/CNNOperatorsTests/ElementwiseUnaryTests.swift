import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Element-wise functions")
struct ElementwiseUnaryTests {
    private func values(
        _ type: String, opset: Int = 22, _ x: [Double], _ attributes: Attribute...
    ) throws -> [Double] {
        try evaluate(type, opset: opset, [Tensor(x)], attributes: attributes)[0].doubles()
    }

    @Test(
        "Values at simple points",
        arguments: [
            ("Abs", [-2.5, 0, 3], [2.5, 0, 3]),
            ("Ceil", [-1.5, -0.5, 0.5, 2], [-1, 0, 1, 2]),
            ("Floor", [-1.5, -0.5, 0.5, 2], [-2, -1, 0, 2]),
            ("HardSwish", [-4, -3, 0, 1.5, 3, 4], [0, 0, 0, 1.125, 3, 4]),
            ("Neg", [-2, 0, 3], [2, 0, -3]),
            ("Reciprocal", [-2, 0.5], [-0.5, 2]),
            ("Relu", [-2, 0, 3], [0, 0, 3]),
            ("Round", [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.4, 0.6], [0, 2, 2, 0, -2, -2, 0, 1]),
            ("Sigmoid", [0], [0.5]),
            ("Sign", [-7, 0, 0.1], [-1, 0, 1]),
            ("Softsign", [-1, 0, 3], [-0.5, 0, 0.75]),
            ("Sqrt", [0, 4, 2.25], [0, 2, 1.5]),
            ("Exp", [0], [1]), ("Log", [1], [0]), ("Erf", [0], [0]), ("Tanh", [0], [0]), ("Mish", [0], [0]),
            ("Gelu", [0], [0]),
        ])
    func simplePoints(type: String, x: [Double], y: [Double]) throws {
        #expect(try values(type, x) == y)
    }

    @Test("Attributes and their defaults")
    func attributes() throws {
        #expect(try values("LeakyRelu", [-10, 10], Attribute("alpha", .float(0.5))) == [-5, 10])
        #expect(try values("LeakyRelu", [-1]) == [-Double(Float(0.01))])
        #expect(try values("ThresholdedRelu", [0.5, 1, 1.5]) == [0, 0, 1.5])
        #expect(try values("ThresholdedRelu", [2, 2.5], Attribute("alpha", .float(2))) == [0, 2.5])
        #expect(try values("HardSigmoid", [-9, 0, 9]) == [0, 0.5, 1])
        let slopes = [Attribute("alpha", .float(0.25)), Attribute("beta", .float(0.75))]
        #expect(try values("HardSigmoid", [-2, 0.5], slopes[0], slopes[1]) == [0.25, 0.875])
        // exp(−∞) − 1 = −1 leaves the factor alone.
        #expect(try values("Elu", [-.infinity, 2]) == [-1, 2])
        #expect(try values("Elu", [-.infinity], Attribute("alpha", .float(3))) == [-3])
        #expect(try values("Celu", opset: 28, [-.infinity, 2], Attribute("alpha", .float(3))) == [-3, 2])
    }

    @Test("Selu's constants had four places in version 1")
    func selu() throws {
        #expect(try values("Selu", opset: 1, [2]) == [2 * Double(Float(1.0507))])
        #expect(try values("Selu", opset: 6, [2]) == [2 * 1.05070102214813232421875])
        #expect(
            try values("Selu", opset: 22, [-.infinity]) == [-1.05070102214813232421875 * 1.67326319217681884765625])
    }

    /// Values from mpmath with 50 digits.
    @Test(
        "Results keep their digits where terms overflow or cancel",
        arguments: [
            ("Sigmoid", -700, 9.85967654375977e-305), ("Sigmoid", -40, 4.248354255291589e-18), ("Sigmoid", 800, 1),
            ("Softplus", 1000, 1000), ("Softplus", -40, 4.248354255291589e-18), ("Softplus", -700, 9.85967654375977e-305),
            ("Mish", 1000, 1000), ("Mish", -40, -1.6993417021166355e-16), ("Mish", 1, 0.8650983882673103),
            ("Gelu", -10, -7.619853024160526e-23), ("Gelu", 40, 40), ("Gelu", 1, 0.8413447460685429),
            ("Elu", -1e-10, -9.9999999995e-11), ("Celu", -1e-10, -9.9999999995e-11),
            ("Erf", 1e-10, 1.1283791670955126e-10), ("Tanh", 1e-10, 1e-10), ("Tanh", 400, 1),
        ])
    func accuracy(type: String, x: Double, expected: Double) throws {
        let result = try values(type, opset: 28, [x])[0]
        // Each formula rounds fewer than eight times, each time by at most one unit in the last place. The complementary error
        // function in Gelu enlarges the rounding of its argument x/√2 by up to x².
        let units = type == "Gelu" && x < 0 ? 8 + x * x : 8
        #expect((result - expected).magnitude <= units * expected.ulp)
    }

    @Test("Gelu by hyperbolic tangent")
    func approximateGelu() throws {
        let form = Attribute("approximate", .string("tanh"))
        // mpmath: x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
        #expect((try values("Gelu", [1], form)[0] - 0.8411919906082767).magnitude < 1e-15)
        #expect((try values("Gelu", [-5], form)[0] + 2.291796196629506e-07).magnitude < 1e-20)
        #expect(try values("Gelu", [1e200], form) == [1e200])
        #expect(throws: OperatorError.self) { try values("Gelu", [1], Attribute("approximate", .string("erf"))) }
    }

    @Test(
        "NaN gives NaN",
        arguments: [
            "Abs", "Ceil", "Celu", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Log", "Mish",
            "Neg", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Tanh",
        ])
    func nan(type: String) throws {
        #expect(try values(type, opset: 28, [.nan])[0].isNaN)
    }

    @Test("The sign of zero")
    func negativeZero() throws {
        for type in ["Ceil", "Floor", "Round", "Sqrt", "LeakyRelu"] {
            #expect(try values(type, [-0.0])[0].sign == .minus, "\(type)")
        }
        #expect(try values("Neg", [0.0])[0].sign == .minus)
        #expect(try values("Reciprocal", [-0.0]) == [-.infinity])
    }

    @Test("Integers stay integers and wrap round")
    func integers() throws {
        let bytes = try Tensor([Int8.min, -1, 0, 5])
        #expect(try evaluate("Abs", opset: 13, [bytes])[0] == Tensor([Int8.min, 1, 0, 5]))
        #expect(try evaluate("Neg", opset: 13, [bytes])[0] == Tensor([Int8.min, 1, 0, -5]))
        #expect(try evaluate("Sign", opset: 13, [bytes])[0] == Tensor([Int8(-1), -1, 0, 1]))
        #expect(try evaluate("Relu", opset: 14, [bytes])[0] == Tensor([Int8(0), 0, 0, 5]))
        let large = try Tensor([UInt64.max, 0])
        #expect(try evaluate("Abs", opset: 13, [large])[0] == large)
        #expect(try evaluate("Sign", opset: 13, [large])[0] == Tensor([UInt64(1), 0]))
        #expect(try evaluate("Erf", opset: 9, [Tensor([Int32(-9), 0, 1, 9])])[0] == Tensor([Int32(-1), 0, 0, 1]))
    }

    @Test("Reduced precision is rounded once, at the end")
    func reducedPrecision() throws {
        // 1/3 in bfloat16 is 0x3EAB.
        let third = try evaluate("Reciprocal", opset: 13, [Tensor(rounding: [3], to: .bfloat16, shape: .vector(1))])[0]
        #expect(third.withUnsafeBytes { Array($0) } == [0xAB, 0x3E])
        let half = try evaluate("Exp", opset: 13, [Tensor(rounding: [12], to: .float16, shape: .scalar)])[0]
        #expect(try half.doubles() == [.infinity])
    }

    @Test("Empty tensors and scalars keep their shapes")
    func shapes() throws {
        #expect(try evaluate("Relu", opset: 6, [Tensor.counting(2, 0, 3)])[0].shape.dimensions == [2, 0, 3])
        #expect(try evaluate("Exp", opset: 6, [Tensor(scalar: Float(0))])[0].shape.dimensions == [])
        let n = Dimension.symbol("N")
        #expect(try inferredShapes("Sigmoid", opset: 13, [.float(n, 3, nil)]) == ["[N, 3, ?]"])
    }

    @Test("Version 1 had consumed_inputs where version 6 dropped it")
    func consumedInputs() throws {
        let hint = Attribute("consumed_inputs", .ints([0]))
        #expect(try values("Relu", opset: 1, [-1, 1], hint) == [0, 1])
        #expect(throws: OperatorError.self) { try values("Relu", opset: 6, [1], hint) }
        #expect(throws: OperatorError.self) { try values("Softplus", opset: 1, [1], hint) }
    }
}
