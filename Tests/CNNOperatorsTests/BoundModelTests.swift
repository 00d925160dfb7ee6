import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

/// A graph of `[N, 3, 7, 7]` inputs through these nodes, with a 3×3 convolution's weights at hand.
private func model(_ nodes: [Node], opset: Int64 = 17, outputs: [String] = ["y"], output: ValueInfo? = nil) throws -> Model {
    let weights = try Tensor([Float](repeating: 1, count: 4 * 3 * 3 * 3), shape: Shape([4, 3, 3, 3]))
    return Model(
        irVersion: 8, opsetImports: [OperatorSetID(version: opset)],
        graph: Graph(
            name: "test", nodes: nodes, initializers: [NamedTensor(name: "w", tensor: weights)],
            inputs: [ValueInfo(name: "x", dataType: .float32, dimensions: ["N", 3, 7, 7])],
            outputs: output.map { [$0] } ?? outputs.map { ValueInfo(name: $0, type: nil) }))
}

private func rules(_ model: Model) -> [ModelProblem.Rule] {
    do throws(ModelError) {
        _ = try BoundModel(model).infer()
        return []
    } catch {
        return error.problems.map(\.rule)
    }
}

@Suite struct ModelCheckingTests {
    @Test func aSoundModelHasNoProblems() throws {
        #expect(rules(try model([Node("Conv", inputs: ["x", "w"], outputs: ["y"])])) == [])
    }

    @Test func everyProblemIsReportedAtOnce() throws {
        let nodes = [
            Node("Frobnicate", name: "a", inputs: ["x"], outputs: ["p"]),
            Node("Relu", name: "b", inputs: ["nowhere"], outputs: ["q"]),
            Node("Relu", name: "c", inputs: ["y"], outputs: ["q"]),
            Node("Relu", name: "d", inputs: ["q"], outputs: ["y"]),
            Node("Conv", name: "e", inputs: ["x"], outputs: ["r"], attributes: [Attribute("group", .float(1))]),
        ]
        #expect(
            rules(try model(nodes)) == [
                .definedNames, .topologicalOrder, .singleAssignment, .unsupportedOperator, .arity, .attribute,
            ])
    }

    @Test(arguments: [
        (
            Node("Conv", inputs: ["x", "w"], outputs: ["y"], attributes: [Attribute("stride", .ints([1, 1]))]),
            ModelProblem.Rule.attribute
        ),
        (Node("Conv", inputs: ["x", "w"], outputs: ["y"], attributes: [Attribute("strides", .int(1))]), .attribute),
        (Node("Conv", inputs: ["x", "w"], outputs: ["y"], attributes: [Attribute("strides", .ints([0, 1]))]), .shape),
        (Node("Conv", inputs: ["x", "w"], outputs: ["y"], attributes: [Attribute("group", .int(2))]), .shape),
        (Node("Conv", inputs: ["x", "w", "", "w"], outputs: ["y"]), .arity),
        (Node("Conv", domain: "com.example", inputs: ["x", "w"], outputs: ["y"]), .opsetImport),
    ])
    func aBrokenRuleIsNamed(_ node: Node, _ rule: ModelProblem.Rule) throws {
        #expect(rules(try model([node])).first == rule)
    }

    @Test(arguments: [
        (DataType.bfloat16, Int64(9), [ModelProblem.Rule.elementType]), (.bfloat16, 20, []), (.float16, 9, []),
    ])
    func anOutputTypeThatTheDefinitionExcludesIsRefused(_ type: DataType, opset: Int64, problems: [ModelProblem.Rule]) throws {
        let value = try NamedTensor(name: "", tensor: Tensor(rounding: [1], to: type, shape: .vector(1)))
        let nodes = [
            Node("Shape", inputs: ["x"], outputs: ["s"]),
            Node("ConstantOfShape", inputs: ["s"], outputs: ["y"], attributes: [Attribute("value", .tensor(value))]),
        ]
        #expect(rules(try model(nodes, opset: opset)) == problems)
    }

    @Test func shapesAsConstantsOfOldConvertersAreAccepted() throws {
        let value = NamedTensor(name: "", tensor: try Tensor([0, -1] as [Int64]))
        let nodes = [
            Node("Constant", inputs: [], outputs: ["s"], attributes: [Attribute("value", .tensor(value))]),
            Node("Reshape", inputs: ["x", "s"], outputs: ["y"]),
        ]
        #expect(rules(try model(nodes, opset: 8)) == [])
    }

    @Test func anOperatorOlderThanItsIntroductionIsUnsupported() throws {
        #expect(rules(try model([Node("Clip", inputs: ["x"], outputs: ["y"])], opset: 29)) == [.opsetImport])
    }
}

@Suite struct DeclaredShapeTests {
    private func convolution(declared: [DeclaredDimension]) throws -> Model {
        try model(
            [
                Node(
                    "Conv", name: "c", inputs: ["x", "w"], outputs: ["y"], attributes: [Attribute("strides", .ints([3, 3]))])
            ], output: ValueInfo(name: "y", dataType: .float32, dimensions: declared))
    }

    @Test func aContradictionShowsBothShapesAndTheArithmetic() throws {
        let contradictory = try convolution(declared: ["N", 4, 3, 2])
        let error = #expect(throws: ModelError.self) { try BoundModel(contradictory).infer() }
        let problem = try #require(error?.problems.first)
        #expect(problem.rule == .declaredShape)
        #expect(problem.message.contains("[N, 4, 3, 2]") && problem.message.contains("[N, 4, 2, 2]"))
        #expect(problem.message.contains("(7 + 2·0 − 1·(3−1) − 1)/3 + 1 = 2"))
    }

    @Test func anAgreeingDeclarationPasses() throws {
        #expect(rules(try convolution(declared: ["N", 4, 2, 2])) == [])
    }

    @Test func anotherNumberOfAxesIsAContradiction() throws {
        #expect(rules(try convolution(declared: ["N", 4])) == [.declaredShape])
    }

    @Test func anotherElementTypeIsAContradiction() throws {
        var wrong = try convolution(declared: ["N", 4, 2, 2])
        wrong.graph.outputs[0] = ValueInfo(name: "y", dataType: .float64, dimensions: ["N", 4, 2, 2])
        #expect(rules(wrong) == [.declaredType])
    }
}

@Suite struct SymbolicInferenceTests {
    @Test func namedSizesAreCarriedThrough() throws {
        var convolution = try model([
            Node(
                "Conv", inputs: ["x", "w"], outputs: ["y"],
                attributes: [Attribute("strides", .ints([2, 2])), Attribute("pads", .ints([1, 1, 1, 1]))])
        ])
        convolution.graph.inputs[0] = ValueInfo(name: "x", dataType: .float32, dimensions: ["batch", 3, "H", "W"])
        let inferred = try BoundModel(convolution).infer()
        let shape = try #require(inferred.facts["y"]).shape
        #expect(shape.description == "[batch, 4, floor((H - 1)/2) + 1, floor((W - 1)/2) + 1]")
        #expect(try shape.substituting(["batch": 2, "H": 224, "W": 7]).concrete == Shape([2, 4, 112, 4]))
    }

    @Test func constantsFollowThroughReshape() throws {
        var reshape = try model([Node("Reshape", inputs: ["x", "s"], outputs: ["y"])])
        reshape.graph.initializers = [NamedTensor(name: "s", tensor: try Tensor([Int64(0), -1]))]
        let inferred = try BoundModel(reshape).infer()
        #expect(inferred.facts["y"]?.shape.description == "[N, 147]")
    }
}

@Suite struct BatchRewritingTests {
    @Test func aFixedReshapeIsFreed() throws {
        var fixed = try model([Node("Reshape", inputs: ["x", "s"], outputs: ["y"])])
        fixed.graph.inputs[0] = ValueInfo(name: "x", dataType: .float32, dimensions: [1, 3, 7, 7])
        fixed.graph.outputs[0] = ValueInfo(name: "y", dataType: .float32, dimensions: [1, 147])
        fixed.graph.initializers = [NamedTensor(name: "s", tensor: try Tensor([Int64(1), 147]))]
        let dynamic = try fixed.withBatch(.symbolic("N"))
        #expect(dynamic.graph.inputs[0].type?.tensorShape?.dimensions[0].size == .symbol("N"))
        #expect(dynamic.graph.outputs[0].type?.tensorShape?.dimensions.map(\.size) == [.symbol("N"), .known(147)])
        #expect(try dynamic.withBatch(.fixed(5)).graph.outputs[0].type?.tensorShape?.dimensions[0].size == .known(5))
    }
}

@Suite struct ModelInputTests {
    private func check(_ shape: [Int]) throws {
        let graph = try model([Node("Conv", inputs: ["x", "w"], outputs: ["y"])]).graph
        try graph.checkInputs(["x": Tensor([Float](repeating: 0, count: shape.reduce(1, *)), shape: Shape(shape))])
    }

    @Test func inputsThatDoNotSuitAreNamed() throws {
        let graph = try model([Node("Conv", inputs: ["x", "w"], outputs: ["y"])]).graph
        let image = try Tensor([Float](repeating: 0, count: 147), shape: Shape([1, 3, 7, 7]))
        #expect(throws: InputError.missing(["x"])) { try graph.checkInputs([:]) }
        #expect(throws: InputError.unknown(["z"], inputs: ["x"])) { try graph.checkInputs(["x": image, "z": image]) }
        #expect(throws: InputError.wrongType(input: "x", expected: .float32, actual: .int64)) {
            try graph.checkInputs(["x": Tensor([Int64](repeating: 0, count: 147), shape: Shape([1, 3, 7, 7]))])
        }
        try check([5, 3, 7, 7])
        let error = #expect(throws: InputError.self) { try check([1, 3, 7, 8]) }
        guard case .wrongSize(_, let axis, _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(axis == 3)
    }
}
