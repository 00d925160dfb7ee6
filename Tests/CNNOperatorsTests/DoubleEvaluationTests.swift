import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Evaluation in Double")
struct DoubleEvaluationTests {
    @Test("Blocked products equal plain sums for every shape of tile, and do not depend on the threads", arguments: 0..<12)
    func products(seed: Int) throws {
        var random = RandomNumbers(seed: UInt64(seed))
        let (m, n, k) = (
            Int.random(in: 1...40, using: &random), Int.random(in: 1...300, using: &random),
            Int.random(in: 1...600, using: &random)
        )
        let (a, b) = (try random.tensor([m, k]), try random.tensor([k, n]))
        let sums = MatrixSums(m: m, n: n, k: k, left: (k, 1), right: (n, 1), starts: [(0, 0)])
        let product = try sums.values(a, b)
        let (x, y) = (try a.doubles(), try b.doubles())
        for _ in 0..<50 {
            let (i, j) = (Int.random(in: 0..<m, using: &random), Int.random(in: 0..<n, using: &random))
            var (sum, size) = (0.0, 0.0)
            for p in 0..<k {
                sum += x[i * k + p] * y[p * n + j]
                size += (x[i * k + p] * y[p * n + j]).magnitude
            }
            // Higham, equation (3.5), for two sums.
            #expect((product[i * n + j] - sum).magnitude <= 2 * RoundingUnit.float64.gamma(Double(k)) * size)
        }
        let threaded = try EvaluationThreads.$count.withValue(3) { try sums.values(a, b) }
        #expect(threaded == product)
    }

    @Test("Transposed factors give the transposed product")
    func transposed() throws {
        var random = RandomNumbers(seed: 5)
        let (a, b) = (try random.tensor([7, 30]), try random.tensor([30, 21]))
        let plain = MatrixSums(m: 7, n: 21, k: 30, left: (30, 1), right: (21, 1), starts: [(0, 0)])
        let exchanged = MatrixSums(m: 21, n: 7, k: 30, left: (1, 21), right: (1, 30), starts: [(0, 0)])
        let (product, transpose) = (try plain.values(a, b), try exchanged.values(b, a))
        for i in 0..<7 {
            for j in 0..<21 { #expect(product[i * 21 + j] == transpose[j * 7 + i]) }
        }
    }

    @Test(
        "A convolution with groups, dilation, strides, padding and several images is the sum of its addends", arguments: 0..<10)
    func convolution(seed: Int) throws {
        var random = RandomNumbers(seed: UInt64(100 + seed))
        let group = [1, 2, 4][seed % 3]
        let attributes = [
            Attribute("group", .int(Int64(group))), Attribute("strides", .ints([Int64(1 + seed % 2), 2])),
            Attribute("dilations", .ints([1, Int64(1 + seed / 5)])), Attribute("pads", .ints([1, 0, 2, 3])),
        ]
        let x = try random.tensor([3, 4, 9, 20])
        let inputs = [x, try random.tensor([8, 4 / group, 3, 2]), try random.tensor([8])]
        let node = try OperatorUnderTest("Conv", opset: 11, inputs: [true, true, true], attributes: attributes)
        let y = try node.operator.evaluateInDouble(inputs)[0]
        #expect(y.dataType == .float64)
        let values = try y.doubles()
        for _ in 0..<40 {
            let element = Int.random(in: values.indices, using: &random)
            let summands = try #require(try node.operator.summands(of: element, inputs))
            let size = summands.reduce(0) { $0 + $1.value.magnitude }
            let sum = summands.reduce(0) { $0 + $1.value }
            #expect((values[element] - sum).magnitude <= 2 * RoundingUnit.float64.gamma(Double(summands.count)) * size)
        }
        let threaded = try EvaluationThreads.$count.withValue(2) { try node.operator.evaluateInDouble(inputs)[0] }
        #expect(threaded == y)
    }

    @Test("Nothing is rounded between nodes: thirds add up to one to Double's precision, through a cast too")
    func chain() throws {
        var graph = Graph(name: "chain")
        graph.inputs = [ValueInfo(name: "x", dataType: .float32, dimensions: [1])]
        graph.outputs = [ValueInfo(name: "y", dataType: .float32, dimensions: [1])]
        graph.initializers = [NamedTensor(name: "three", tensor: try Tensor([3] as [Float]))]
        graph.nodes = [
            Node("Div", inputs: ["x", "three"], outputs: ["third"]),
            Node("Cast", inputs: ["third"], outputs: ["cast"], attributes: [Attribute("to", .int(1))]),
            Node("Sub", inputs: ["x", "cast"], outputs: ["rest"]), Node("Mul", inputs: ["rest", "three"], outputs: ["y"]),
        ]
        let model = Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: graph)
        let y = try #require(try DoubleEvaluator(model).run(["x": Tensor([1] as [Float])])["y"])
        #expect(y.dataType == .float64)
        // float32 would be off by 1e-7.
        #expect((try y.doubles()[0] - 2).magnitude < 1e-15)
    }
}
