import CNNTensors
import Testing

@testable import CNNModels

@Suite("GraphBuilder")
struct GraphBuilderTests {
    private func ones(_ dimensions: Int...) throws -> Tensor {
        let shape = try Shape(dimensions)
        return try Tensor([Float](repeating: 1, count: shape.elementCount), shape: shape)
    }

    private func classifier(opset: Int = 17) throws -> Model {
        var builder = GraphBuilder(name: "classifier", opset: opset)
        let image = builder.input("image", dimensions: ["N", 1, 4, 4])
        let first = builder.relu(builder.conv(image, weights: try ones(2, 1, 3, 3), bias: try ones(2), name: "conv1"))
        let second = builder.relu(builder.conv(first, weights: try ones(2, 2, 1, 1)))
        let flat = builder.flatten(try builder.dropout(builder.add(first, second)))
        let scores = try builder.gemm(flat, weights: try ones(3, 8), bias: try ones(3), name: "fc")
        builder.output(builder.softmax(scores), named: "probabilities", dimensions: ["N", 3])
        return try builder.model()
    }

    @Test("Names are readable, unique and the same every time")
    func names() throws {
        let model = try classifier()
        #expect(
            model.graph.nodes.map(\.name)
                == ["conv1", "relu1", "conv2", "relu2", "add1", "dropout1", "flatten1", "fc", "softmax1"])
        #expect(model.graph.nodes.last?.outputs == ["probabilities"])
        #expect(
            model.graph.initializers.map(\.name)
                == ["conv1.weight", "conv1.bias", "conv2.weight", "dropout1.ratio", "fc.weight", "fc.bias"])
        #expect(try classifier() == model)
    }

    @Test("By default IR 8 and operator set 17, with the producer and a named batch")
    func header() throws {
        let model = try classifier()
        #expect(model.irVersion == 8)
        #expect(model.opsetImports == [OperatorSetID(version: 17)])
        #expect(model.producerName == "onnxcnn")
        #expect(!model.producerVersion.isEmpty)
        #expect(model.graph.inputs[0].type?.tensorShape?.dimensions[0].size == .symbol("N"))
        #expect(model.graph.inputs.count == 1)
        #expect(StructureChecker.problems(in: model).isEmpty)
    }

    @Test(
        "Newer operator sets come with their own IR version",
        arguments: [(7, 8), (18, 8), (19, 9), (21, 10), (25, 13), (28, 14)])
    func irVersion(opset: Int, irVersion: Int64) throws {
        #expect(try classifier(opset: opset).irVersion == irVersion)
    }

    @Test("Dropout's ratio and Gemm's addend follow the operator set")
    func versions() throws {
        let old = try classifier(opset: 10)
        #expect(old.graph.nodes.first { $0.operatorType == "Dropout" }?.attribute("ratio")?.value == .float(0.5))
        var builder = GraphBuilder(name: "old", opset: 10)
        let input = builder.input("x", dimensions: ["N", 2])
        builder.output(try builder.gemm(input, weights: try ones(3, 2)), dimensions: ["N", 3])
        #expect(try builder.model().graph.nodes[0].inputs.count == 3)
    }

    @Test("A taken name gets a number; a named output that is an input takes an Identity")
    func takenNames() throws {
        var builder = GraphBuilder(name: "taken")
        let input = builder.input("x", dimensions: [1])
        let first = builder.relu(input, name: "x")
        let second = builder.relu(first, name: "x")
        #expect([first.name, second.name] == ["x_2", "x_2_2"])
        builder.output(second, dimensions: [1])
        builder.output(second, named: "copy", dimensions: [1])
        let model = try builder.model()
        #expect(Set(model.graph.nodes.map(\.name)).count == 3)
        #expect(model.graph.nodes.last?.operatorType == "Identity")
        #expect(model.graph.outputs.map(\.name) == [second.name, "copy"])
    }

    @Test("Nodes of any operator, with several outputs and inputs left out")
    func anyNode() throws {
        var builder = GraphBuilder(name: "any")
        let input = builder.input("x", dimensions: [1, 1, 4])
        let pooled = builder.node(
            "MaxPool", [input], outputs: 2, attributes: [Attribute("kernel_shape", .ints([2]))], name: "pool")
        #expect(pooled.map(\.name) == ["pool", "pool.2"])
        let six = builder.weights(try Tensor(scalar: Float(6)), named: "six")
        let clipped = builder.node("Clip", [pooled[0], nil, six])
        builder.output(clipped[0], dimensions: [1, 1, 3])
        #expect(try builder.model().graph.nodes[1].inputs == ["pool", "", "six"])
    }

    @Test("A model whose structure is unsound is refused")
    func unsound() throws {
        var other = GraphBuilder(name: "other")
        let foreign = other.input("foreign", dimensions: [1])
        var builder = GraphBuilder(name: "unsound")
        builder.output(builder.relu(foreign), dimensions: [1])
        let error = try #require(throws: ModelError.self) { try builder.model() }
        #expect(error.problems.map(\.rule) == [.definedNames])
        #expect(throws: ModelError.self) { try GraphBuilder(name: "future", opset: 99).model() }
    }
}
