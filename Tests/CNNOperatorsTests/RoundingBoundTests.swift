import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

/// A-priori bounds: no float32 evaluation may pass them, whatever the order of its sums; and an evaluation in less than float32
/// must.
@Suite("Rounding bounds")
struct RoundingBoundTests {
    /// What an operator computes exactly, and its bound by element.
    private struct Judged {
        let exact: [Double]
        let bounds: [Double]

        init(_ node: OperatorUnderTest, _ inputs: [Tensor?]) throws {
            let outputs = try node.operator.evaluateInDouble(inputs)
            exact = try outputs[0].doubles()
            let stated = try #require(try node.operator.roundingBound(inputs, outputs: outputs, unit: .float32))
            switch stated[0] {
            case .exact: bounds = Array(repeating: 0, count: exact.count)
            case .elements(let elements): bounds = elements
            }
            #expect(bounds.count == exact.count)
        }

        /// Expects a float32 result to lie within the bound.
        /// - Returns: the difference as a share of the bound.
        @discardableResult
        func expect(_ value: Float, at element: Int, _ what: String) -> Double {
            let error = (Double(value) - exact[element]).magnitude
            #expect(
                error <= bounds[element], "\(what): \(value) is \(error) off \(exact[element]), allowed are \(bounds[element])")
            return bounds[element] == 0 ? 0 : error / bounds[element]
        }
    }

    private static let products: [(type: String, shapes: [[Int]], attributes: [Attribute])] = [
        ("Conv", [[1, 3, 8, 8], [4, 3, 3, 3], [4]], []),
        ("Conv", [[1, 4, 9], [4, 1, 3], [4]], [Attribute("group", .int(4)), Attribute("pads", .ints([1, 1]))]),
        ("Conv", [[2, 40, 3, 3], [5, 40, 3, 3]], [Attribute("pads", .ints([1, 1, 1, 1]))]),
        ("Gemm", [[3, 70], [70, 5], [5]], []),
        ("Gemm", [[300, 2], [7, 300]], [Attribute("transA", .int(1)), Attribute("transB", .int(1))]),
        ("MatMul", [[2, 3, 50], [50, 4]], []),
    ]

    @Test("Sums of products in float32, in random order, association and fusion, stay within their bound", arguments: 0..<6)
    func sumsOfProducts(index: Int) throws {
        let (type, shapes, attributes) = Self.products[index]
        let node = try OperatorUnderTest(type, opset: 13, inputs: shapes.map { _ in true }, attributes: attributes)
        var (largest, slacks) = (0.0, [Double]())
        for seed in 0..<4 {
            var random = RandomNumbers(seed: UInt64(index * 10 + seed))
            let inputs = try shapes.map { try random.tensor($0) }
            let judged = try Judged(node, inputs)
            for _ in 0..<60 {
                let element = Int.random(in: judged.exact.indices, using: &random)
                let addends = try #require(try node.operator.summands(of: element, inputs)).map(\.factors)
                let share = judged.expect(random.sum(addends), at: element, "\(type) element \(element)")
                largest = max(largest, share)
                if share > 0 { slacks.append(1 / share) }
            }
        }
        slacks.sort()
        print("\(type) \(shapes): largest error \(largest) of the bound, median bound/error \(slacks[slacks.count / 2])")
        // A bound that nothing ever comes near would prove nothing.
        #expect(largest > 1e-3)
    }

    @Test("Factors cut to 11 significant bits, as TF32 does, pass the bound of small sums", arguments: [0, 1])
    func detectsCutFactors(index: Int) throws {
        let (type, shapes, attributes) = Self.products[index]
        let node = try OperatorUnderTest(type, opset: 13, inputs: shapes.map { _ in true }, attributes: attributes)
        var random = RandomNumbers(seed: 77)
        let inputs = try shapes.map { try random.tensor($0) }
        let judged = try Judged(node, inputs)
        let cut = try inputs.map { tensor in
            try Tensor(
                tensor.doubles().map { Double(Float(ReducedPrecision.double(float16: ReducedPrecision.float16($0)))) },
                shape: tensor.shape)
        }
        let values = try node.operator.evaluateInDouble(cut)[0].doubles()
        let outside = values.indices.filter { (values[$0] - judged.exact[$0]).magnitude > judged.bounds[$0] }
        #expect(outside.count > values.count / 2)
    }

    @Test("Elementary functions as float32 formulas write them stay within their bounds")
    func elementary() throws {
        let one: Float = 1
        let functions: [(String, (Float) -> Float)] = [
            ("Sigmoid", { one / (one + exp32(-$0)) }), ("Exp", exp32), ("Softsign", { $0 / (one + $0.magnitude) }),
            ("Elu", { $0 > 0 ? $0 : exp32($0) - one }), ("Reciprocal", { one / $0 }), ("Relu", { max($0, 0) }),
            ("HardSigmoid", { max(0, min(one, 0.2 * $0 + 0.5)) }), ("LeakyRelu", { $0 < 0 ? 0.01 * $0 : $0 }),
            ("HardSwish", { $0 * max(0, min(one, $0 / 6 + 0.5)) }),
            ("Gelu", { 0.5 * $0 * (one + erf32($0 * Float(0.5).squareRoot())) }), ("Tanh", tanh32), ("Erf", erf32),
            ("Softplus", { log32(one + exp32($0)) }), ("Mish", { $0 * tanh32(log32(one + exp32($0))) }),
        ]
        var random = RandomNumbers(seed: 3)
        let x = try random.tensor([4000])
        for (name, function) in functions {
            let node = try OperatorUnderTest(name, opset: 20, inputs: [true])
            let judged = try Judged(node, [x])
            for (element, value) in try x.elements(as: Float.self).enumerated() {
                judged.expect(function(value), at: element, "\(name)(\(value))")
            }
        }
    }

    @Test("Batch normalization as written and folded into a factor and an offset stays within its bound")
    func batchNormalization() throws {
        var random = RandomNumbers(seed: 9)
        let inputs = [
            try random.tensor([2, 6, 40]), try random.tensor([6]), try random.tensor([6]), try random.tensor([6]),
            try random.tensor([6], positive: true),
        ]
        let node = try OperatorUnderTest("BatchNormalization", opset: 15, inputs: Array(repeating: true, count: 5))
        let judged = try Judged(node, inputs)
        let numbers = try inputs.map { try $0.elements(as: Float.self) }
        for (element, x) in numbers[0].enumerated() {
            let c = element / 40 % 6
            let (scale, bias, mean, variance) = (numbers[1][c], numbers[2][c], numbers[3][c], numbers[4][c])
            let deviation = (variance + 1e-5).squareRoot()
            judged.expect(scale * (x - mean) / deviation + bias, at: element, "as written")
            let factor = scale / deviation
            judged.expect(x * factor + (bias - mean * factor), at: element, "folded")
            judged.expect((x - mean) * (1 / deviation) * scale + bias, at: element, "by the inverse")
        }
    }

    @Test("Normalizations by a row's own moments, in one pass and in two, stay within their bounds")
    func rowNormalization() throws {
        var random = RandomNumbers(seed: 19)
        let inputs = [try random.tensor([3, 4, 50]), try random.tensor([4]), try random.tensor([4])]
        let node = try OperatorUnderTest("InstanceNormalization", opset: 13, inputs: [true, true, true])
        let judged = try Judged(node, inputs)
        let (x, scale, bias) = (
            try inputs[0].elements(as: Float.self), try inputs[1].elements(as: Float.self),
            try inputs[2].elements(as: Float.self)
        )
        for row in 0..<12 {
            let values = x[row * 50..<(row + 1) * 50]
            let mean = values.shuffled(using: &random).reduce(0, +) / 50
            let twoPass = values.shuffled(using: &random).reduce(Float(0)) { $0 + ($1 - mean) * ($1 - mean) } / 50
            let onePass = values.shuffled(using: &random).reduce(Float(0)) { $0 + $1 * $1 } / 50 - mean * mean
            for element in values.indices {
                for variance in [twoPass, onePass] {
                    let factor = 1 / (variance + 1e-5).squareRoot()
                    let (s, b) = (scale[row % 4], bias[row % 4])
                    judged.expect(s * (x[element] - mean) * factor + b, at: element, "as written")
                    judged.expect(x[element] * (s * factor) + (b - mean * (s * factor)), at: element, "folded")
                }
            }
        }
    }

    @Test("Softmax and its logarithm in float32, summed in random order, stay within their bounds")
    func softmax() throws {
        var random = RandomNumbers(seed: 29)
        let x = try random.tensor([8, 100])
        let values = try x.elements(as: Float.self)
        for (name, isLogarithm) in [("Softmax", false), ("LogSoftmax", true)] {
            let node = try OperatorUnderTest(name, opset: 13, inputs: [true])
            let judged = try Judged(node, [x])
            for row in 0..<8 {
                let range = row * 100..<(row + 1) * 100
                let largest = values[range].max() ?? 0
                let sum = values[range].map { exp32($0 - largest) }.shuffled(using: &random).reduce(0, +)
                for element in range {
                    let difference = values[element] - largest
                    judged.expect(isLogarithm ? difference - log32(sum) : exp32(difference) / sum, at: element, name)
                }
            }
        }
    }

    @Test("Only taps that can meet the input count", arguments: ["AveragePool", "LpPool"])
    func tapsInThePadding(type: String) throws {
        func judged(_ kernel: Int, pads: Int) throws -> Judged {
            let attributes = [
                Attribute("kernel_shape", .ints([Int64(kernel)])), Attribute("pads", .ints([Int64(pads), 0])),
            ]
            return try Judged(
                OperatorUnderTest(type, opset: 18, inputs: [true], attributes: attributes),
                [Tensor([3 as Float]).reshaped(Shape([1, 1, 1]))])
        }
        #expect(try judged(.max - 1, pads: .max - 2).bounds == judged(1, pads: 0).bounds)
    }

    @Test("Sums of more addends than can be counted, which no output has, need no bound")
    func sumsWithoutOutputs() throws {
        func bounds(_ type: String, _ shapes: [[Int]], _ attributes: Attribute...) throws -> [Double] {
            let node = try OperatorUnderTest(type, opset: 13, inputs: shapes.map { _ in true }, attributes: attributes)
            return try Judged(node, shapes.map { try Tensor([Float](), shape: Shape($0)) }).bounds
        }
        #expect(try bounds("Gemm", [[0, .max], [.max, 0]]) == [])
        #expect(try bounds("MatMul", [[0, .max], [.max, 0]]) == [])
        #expect(try bounds("GlobalAveragePool", [[0, 1, .max]]) == [])
        #expect(try bounds("GlobalLpPool", [[0, 1, .max]]) == [])
        #expect(try bounds("LpNormalization", [[0, .max]]) == [])
        #expect(try bounds("AveragePool", [[0, 1, .max - 1]], Attribute("kernel_shape", .ints([.max - 1]))) == [])
        #expect(try bounds("Conv", [[0, 1, .max - 1], [0, 1, .max - 1]]) == [])
        #expect(try bounds("ConvTranspose", [[0, 1, 1], [1, 0, .max - 1]]) == [])
    }

    @Test("Local response normalization and poolings in float32 stay within their bounds")
    func windows() throws {
        var random = RandomNumbers(seed: 39)
        let x = try random.tensor([1, 7, 6, 6])
        let values = try x.elements(as: Float.self)
        let lrn = try Judged(
            OperatorUnderTest(
                "LRN", opset: 13, inputs: [true],
                attributes: [Attribute("size", .int(5)), Attribute("alpha", .float(0.1)), Attribute("bias", .float(2))]), [x])
        for element in values.indices {
            let c = element / 36
            let neighbours = (max(c - 2, 0)...min(c + 2, 6)).map { values[$0 * 36 + element % 36] }
            let sum = neighbours.shuffled(using: &random).reduce(Float(0)) { $0 + $1 * $1 }
            lrn.expect(values[element] / exp32(0.75 * log32(2 + 0.1 / 5 * sum)), at: element, "LRN")
        }
        let average = try Judged(
            OperatorUnderTest(
                "AveragePool", opset: 11, inputs: [true], attributes: [Attribute("kernel_shape", .ints([3, 3]))]), [x])
        for c in 0..<7 {
            for (row, column) in (0..<16).map({ ($0 / 4, $0 % 4) }) {
                let taps = (0..<9).map { values[c * 36 + (row + $0 / 3) * 6 + column + $0 % 3] }
                let sum = taps.shuffled(using: &random).reduce(0, +)
                average.expect(sum / 9, at: c * 16 + row * 4 + column, "AveragePool")
                average.expect(sum * (1 / 9 as Float), at: c * 16 + row * 4 + column, "AveragePool by the inverse")
            }
        }
        let global = try Judged(OperatorUnderTest("GlobalAveragePool", opset: 11, inputs: [true]), [x])
        for c in 0..<7 {
            global.expect(values[c * 36..<(c + 1) * 36].shuffled(using: &random).reduce(0, +) / 36, at: c, "GlobalAveragePool")
        }
    }

    @Test("Reductions in float32, in random order, stay within their bounds")
    func reductions() throws {
        var random = RandomNumbers(seed: 49)
        let x = try random.tensor([20, 60])
        let values = try x.elements(as: Float.self)
        let forms: [(String, ([Float]) -> Float)] = [
            ("ReduceSum", { $0.reduce(0, +) }), ("ReduceMean", { $0.reduce(0, +) / Float($0.count) }),
            ("ReduceL1", { $0.reduce(0) { $0 + $1.magnitude } }), ("ReduceSumSquare", { $0.reduce(0) { $0 + $1 * $1 } }),
            ("ReduceL2", { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }),
            ("ReduceLogSumExp", { log32($0.reduce(0) { $0 + exp32($1) }) }), ("ReduceMax", { $0.max() ?? 0 }),
        ]
        for (name, function) in forms {
            let axes: Tensor? = name == "ReduceSum" ? try Tensor([1] as [Int64]) : nil
            let node = try OperatorUnderTest(
                name, opset: 13, inputs: axes == nil ? [true] : [true, true],
                attributes: axes == nil ? [Attribute("axes", .ints([1]))] : [])
            let judged = try Judged(node, axes == nil ? [x] : [x, axes])
            for row in 0..<20 {
                judged.expect(function(values[row * 60..<(row + 1) * 60].shuffled(using: &random)), at: row, name)
            }
        }
    }

    @Test("Every operator states a bound, or is among those that are known not to")
    func coverage() throws {
        // Floats that are counted off, and remainders rounded down, are judged by `GenericBound`.
        let unstated: Set = ["Mod", "Range"]
        var judged = 0
        for definition in OperatorRegistry.all where !unstated.contains(definition.type) {
            let version = definition.versions.last ?? 1
            guard
                let operation = try? definition.make(
                    AttributeReader(Node(definition.type, inputs: ["x"], outputs: ["y"]), version: version))
            else { continue }
            let x = try Tensor([0.25, 0.5, 0.75, 1] as [Double], shape: Shape([1, 1, 2, 2]))
            // Others need more than numbers of one shape: Gather its indices, Reshape its sizes.
            let parameters = definition.signature(version).inputs
            guard Set(parameters.map(\.typeVariable)).count == 1 else { continue }
            let inputs = parameters.map { parameter -> Tensor? in if case .optional = parameter.multiplicity { nil } else { x }
            }
            guard let outputs = try? operation.evaluateInDouble(inputs), outputs.count == 1 else { continue }
            judged += 1
            #expect(try operation.roundingBound(inputs, outputs: outputs, unit: .float32) != nil, "\(definition.type)")
        }
        #expect(judged > 40)
    }
}
