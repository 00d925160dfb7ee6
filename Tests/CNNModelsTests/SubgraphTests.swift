import CNNTensors
import Testing

@testable import CNNModels

@Suite("Parts of models")
struct SubgraphTests {
    /// Two residual blocks and a classifier; the shape of the last Reshape comes from a Constant node.
    private func residual() throws -> Model {
        let float = { (name: String) in ValueInfo(name: name, dataType: .float32, dimensions: ["N", 4]) }
        let weights = try ["w1", "w2", "w3"].map { NamedTensor(name: $0, tensor: try Tensor([1, 2, 3, 4] as [Float])) }
        let shape = NamedTensor(name: "", tensor: try Tensor([0, 2, 2] as [Int64]))
        return Model(
            irVersion: 8, opsetImports: [OperatorSetID(version: 17)],
            graph: Graph(
                name: "residual",
                nodes: [
                    Node("Mul", name: "a", inputs: ["x", "w1"], outputs: ["a"]),
                    Node("Relu", name: "b", inputs: ["a"], outputs: ["b"]),
                    Node("Add", name: "c", inputs: ["b", "x"], outputs: ["c"]),
                    Node("Mul", name: "d", inputs: ["c", "w2"], outputs: ["d"]),
                    Node("Constant", name: "s", inputs: [], outputs: ["s"], attributes: [Attribute("value", .tensor(shape))]),
                    Node("Add", name: "e", inputs: ["d", "c"], outputs: ["e"]),
                    Node("Mul", name: "unread", inputs: ["e", "w3"], outputs: ["u"]),
                    Node("Reshape", name: "f", inputs: ["e", "s"], outputs: ["f"]),
                ],
                initializers: weights, inputs: [float("x")],
                outputs: [ValueInfo(name: "f", dataType: .float32, dimensions: ["N", 2, 2])],
                valueInfos: ["a", "b", "c", "d", "e", "u"].map(float)),
            metadata: [MetadataEntry(key: "of", value: "the whole")])
    }

    @Test("What everything flows through: the values between residual blocks, and the output")
    func dominators() throws {
        #expect(Dataflow(try residual().graph).dominators() == ["c", "e", "f"])
    }

    @Test("A chain is dominated by each of its values, branches to several outputs by what lies before them")
    func dominatorsOfBranches() throws {
        var model = try residual()
        model.graph.outputs.append(ValueInfo(name: "d", dataType: .float32, dimensions: ["N", 4]))
        #expect(Dataflow(model.graph).dominators() == ["c"])
        let chain = Graph(
            name: "chain",
            nodes: [
                Node("Relu", inputs: ["x"], outputs: ["y"]), Node("Relu", inputs: ["y"], outputs: ["z"]),
            ], inputs: [ValueInfo(name: "x", type: nil)], outputs: [ValueInfo(name: "z", type: nil)])
        #expect(Dataflow(chain).dominators() == ["y", "z"])
    }

    @Test("Two inputs that meet late leave no value before the meeting")
    func dominatorsOfTwoInputs() {
        let graph = Graph(
            name: "two",
            nodes: [
                Node("Relu", inputs: ["x"], outputs: ["a"]), Node("Relu", inputs: ["y"], outputs: ["b"]),
                Node("Add", inputs: ["a", "b"], outputs: ["c"]), Node("Relu", inputs: ["c"], outputs: ["d"]),
            ], inputs: [ValueInfo(name: "x", type: nil), ValueInfo(name: "y", type: nil)],
            outputs: [ValueInfo(name: "d", type: nil)])
        #expect(Dataflow(graph).dominators() == ["c", "d"])
    }

    @Test("The segments between dominators are all nodes that the outputs need, each once")
    func segments() throws {
        let flow = Dataflow(try residual().graph)
        #expect(flow.segment(from: nil, to: "c") == [0, 1, 2])
        #expect(flow.segment(from: "c", to: "e") == [3, 5])
        #expect(flow.segment(from: "e", to: nil) == [7])
    }

    @Test("A prefix keeps the inputs, and only what its outputs need")
    func prefix() throws {
        let part = try residual().prefix(endingAt: ["d", "b"])
        #expect(part.graph.nodes.map(\.name) == ["a", "b", "c", "d"])
        #expect(part.graph.inputs.map(\.name) == ["x"])
        #expect(part.graph.outputs.map(\.name) == ["d", "b"])
        #expect(part.graph.initializers.map(\.name) == ["w1", "w2"])
        #expect(part.graph.valueInfos.map(\.name) == ["a", "c"])
        #expect(part.metadata.isEmpty)
        #expect(StructureChecker.problems(in: part).isEmpty)
    }

    @Test("A subgraph takes what flows in as inputs, constants along, and gives out what flows on")
    func subgraph() throws {
        let model = try residual()
        let block = try model.subgraph(nodes: [3, 5])
        #expect(block.graph.inputs.map(\.name) == ["c"])
        #expect(block.graph.outputs.map(\.name) == ["e"])
        #expect(block.graph.initializers.map(\.name) == ["w2"])
        let reshape = try model.subgraph(nodes: [7])
        #expect(reshape.graph.nodes.map(\.name) == ["s", "f"])
        #expect(reshape.graph.inputs.map(\.name) == ["e"])
        #expect(reshape.graph.outputs.map(\.name) == ["f"])
        let unread = try model.subgraph(nodes: [6])
        #expect(unread.graph.outputs.map(\.name) == ["u"])
        for part in [block, reshape, unread] { #expect(StructureChecker.problems(in: part).isEmpty) }
        #expect(try model.subgraph(nodes: [3, 5], outputs: ["d"]).graph.outputs.map(\.name) == ["d"])
    }

    @Test("Types of a run replace those that the file declares, and stand in for those it leaves out")
    func types() throws {
        var model = try residual()
        let tensor = try Tensor([Float](repeating: 0, count: 12), shape: Shape([3, 4]))
        let types = ["c": ValueType(of: tensor), "e": ValueType(of: tensor)]
        #expect(try model.subgraph(nodes: [5, 3], types: types).graph.inputs[0].type?.tensorShape?.dimensions.count == 2)
        model.graph.valueInfos = []
        #expect(throws: SubgraphError.unknownType(value: "c")) { try model.subgraph(nodes: [3, 5]) }
        #expect(try model.subgraph(nodes: [3, 5], types: types).graph.outputs[0].type == ValueType(of: tensor))
    }

    @Test("Initializers that are inputs too stay both, as files of IR version 3 need it")
    func listedInitializers() throws {
        var model = try residual()
        model.irVersion = 3
        model.graph.inputs += ["w1", "w2", "w3"].map { ValueInfo(name: $0, dataType: .float32, dimensions: [4]) }
        let block = try model.subgraph(nodes: [3, 5])
        #expect(block.graph.inputs.map(\.name) == ["w2", "c"])
        #expect(block.graph.requiredInputs.map(\.name) == ["c"])
        #expect(Dataflow(model.graph).dominators() == ["c", "e", "f"])
    }

    @Test("What a branch takes from the graph around it flows in, and functions that are called come along")
    func capturedValues() throws {
        let branch = { (name: String) in
            Attribute.Value.graph(
                Graph(
                    name: name, nodes: [Node("Twice", domain: "own", inputs: ["x"], outputs: [name])],
                    outputs: [ValueInfo(name: name, type: nil)]))
        }
        let float = ValueInfo(name: "x", dataType: .float32, dimensions: ["N"])
        let model = Model(
            irVersion: 8, opsetImports: [OperatorSetID(version: 17), OperatorSetID(domain: "own", version: 1)],
            graph: Graph(
                name: "branches",
                nodes: [
                    Node("Relu", inputs: ["x"], outputs: ["y"]),
                    Node(
                        "If", inputs: ["condition"], outputs: ["z"],
                        attributes: [Attribute("then_branch", branch("t")), Attribute("else_branch", branch("e"))]),
                ],
                inputs: [float, ValueInfo(name: "condition", dataType: .bool, dimensions: [])],
                outputs: [ValueInfo(name: "z", dataType: .float32, dimensions: ["N"])]),
            functions: [
                Function(name: "Twice", domain: "own", inputs: ["v"], outputs: ["w"], nodes: [], opsetImports: []),
                Function(name: "Unused", domain: "own", inputs: [], outputs: [], nodes: [], opsetImports: []),
            ])
        let part = try model.subgraph(nodes: [1])
        #expect(part.graph.inputs.map(\.name) == ["x", "condition"])
        #expect(part.functions.map(\.name) == ["Twice"])
    }

    @Test("What no node computes cannot be an output, and no node can be made up")
    func impossible() throws {
        let model = try residual()
        #expect(throws: SubgraphError.notComputed("x")) { try model.prefix(endingAt: ["x"]) }
        #expect(throws: SubgraphError.notComputed("a")) { try model.subgraph(nodes: [3], outputs: ["a"]) }
        #expect(throws: SubgraphError.noSuchNode(8)) { try model.subgraph(nodes: [8]) }
    }
}
