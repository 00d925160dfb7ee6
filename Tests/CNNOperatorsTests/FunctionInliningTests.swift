import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Functions and conditions")
struct FunctionInliningTests {
    private let imports = [OperatorSetID(version: 17), OperatorSetID(domain: "local", version: 1)]

    private func model(_ nodes: [Node], functions: [Function], outputs: [String] = ["y"]) -> Model {
        Model(
            irVersion: 8, opsetImports: imports,
            graph: Graph(
                name: "main", nodes: nodes, inputs: [ValueInfo(name: "x", dataType: .float32, dimensions: [2])],
                outputs: outputs.map { ValueInfo(name: $0, dataType: .float32, dimensions: [2]) }),
            functions: functions)
    }

    private func function(
        _ name: String, inputs: [String] = ["a"], outputs: [String] = ["b"], attributeNames: [String] = [],
        defaults: [Attribute] = [], opset: Int64 = 17, _ nodes: [Node]
    ) -> Function {
        Function(
            name: name, domain: "local", inputs: inputs, outputs: outputs, attributeNames: attributeNames,
            attributeDefaults: defaults, nodes: nodes,
            opsetImports: [OperatorSetID(version: opset), OperatorSetID(domain: "local", version: 1)])
    }

    private func run(_ model: Model, _ input: [Float]) throws -> [Double] {
        let output = try #require(try ReferenceEvaluator(model).run(["x": Tensor(input)])["y"])
        return try output.doubles()
    }

    @Test("Calls become the function's nodes, each with names of its own")
    func twoCalls() throws {
        let double = function(
            "Double",
            [
                Node("Identity", name: "copy", inputs: ["a"], outputs: ["t"]),
                Node("Add", inputs: ["t", "a"], outputs: ["b"]),
            ])
        let calling = model(
            [
                Node("Double", name: "first", domain: "local", inputs: ["x"], outputs: ["h"]),
                Node("Double", domain: "local", inputs: ["h"], outputs: ["y"]),
            ], functions: [double])
        let inlined = try calling.inliningFunctions()
        #expect(inlined.functions.isEmpty)
        #expect(inlined.graph.nodes.map(\.operatorType) == ["Identity", "Add", "Identity", "Add"])
        #expect(inlined.graph.nodes.flatMap(\.outputs) == ["first/t", "h", "Double/t", "y"])
        #expect(inlined.graph.nodes[0].name == "first/copy")
        #expect(StructureChecker.problems(in: inlined).isEmpty)
        #expect(try run(calling, [1, -3]) == [4, -12])
    }

    @Test("References to attributes take the caller's value, else the default, else the attribute is left out")
    func attributes() throws {
        let leaky = function(
            "Leaky", attributeNames: ["unset"], defaults: [Attribute("slope", .float(0.5))],
            [
                Node(
                    "LeakyRelu", inputs: ["a"], outputs: ["t"],
                    attributes: [Attribute("alpha", .reference("slope", .float))]),
                Node(
                    "LeakyRelu", inputs: ["t"], outputs: ["b"],
                    attributes: [Attribute("alpha", .reference("unset", .float))]),
            ])
        func slopes(_ attributes: [Attribute]) throws -> [Attribute.Value?] {
            try model(
                [Node("Leaky", domain: "local", inputs: ["x"], outputs: ["y"], attributes: attributes)], functions: [leaky]
            ).inliningFunctions().graph.nodes.map { $0.attribute("alpha")?.value }
        }
        #expect(try slopes([]) == [.float(0.5), nil])
        #expect(try slopes([Attribute("slope", .float(2)), Attribute("unset", .float(3))]) == [.float(2), .float(3)])
        #expect(throws: ModelError.self) { try slopes([Attribute("other", .float(2))]) }
    }

    @Test("Functions that call functions, hand inputs on, and have outputs nobody wants")
    func nested() throws {
        let inner = function(
            "Inner", inputs: ["a", "unused"], outputs: ["b", "a", "b2"],
            [
                Node("Relu", inputs: ["a"], outputs: ["b"]), Node("Neg", inputs: ["b"], outputs: ["b2"]),
            ])
        let outer = function(
            "Outer",
            [
                Node("Inner", name: "in", domain: "local", inputs: ["a"], outputs: ["p", "q"]),
                Node("Sub", inputs: ["p", "q"], outputs: ["b"]),
            ])
        let calling = model(
            [Node("Outer", name: "out", domain: "local", inputs: ["x"], outputs: ["y"])], functions: [outer, inner])
        let inlined = try calling.inliningFunctions()
        #expect(inlined.graph.nodes.map(\.operatorType) == ["Relu", "Neg", "Identity", "Sub"])
        #expect(StructureChecker.problems(in: inlined).isEmpty)
        #expect(try run(calling, [2, -3]) == [0, 3])
    }

    @Test("Recursion is refused with its path")
    func recursion() throws {
        let ping = function("Ping", [Node("Pong", domain: "local", inputs: ["a"], outputs: ["b"])])
        let pong = function("Pong", [Node("Ping", domain: "local", inputs: ["a"], outputs: ["b"])])
        let calling = model([Node("Ping", domain: "local", inputs: ["x"], outputs: ["y"])], functions: [ping, pong])
        let error = try #require(throws: ModelError.self) { try calling.inliningFunctions() }
        #expect(error.problems.map(\.message) == ["function 'local.Ping' calls itself: Ping → Pong → Ping"])
    }

    @Test("Calls that double at every level end in an error, not in exhausted memory")
    func explosion() throws {
        let functions = (0..<60).map { level in
            let callee = level == 0 ? "Relu" : "F\(level - 1)"
            let domain = level == 0 ? "" : "local"
            return function(
                "F\(level)",
                [
                    Node(callee, domain: domain, inputs: ["a"], outputs: ["t"]),
                    Node(callee, domain: domain, inputs: ["t"], outputs: ["b"]),
                ])
        }
        let calling = model([Node("F59", domain: "local", inputs: ["x"], outputs: ["y"])], functions: functions)
        #expect(throws: ModelError.self) { try calling.inliningFunctions() }
    }

    @Test("Another operator set is fine where its operators mean the same, and refused where not")
    func operatorSets() throws {
        func calling(_ operatorType: String, opset: Int64) -> Model {
            let node = Node(operatorType, inputs: ["a"], outputs: ["b"])
            return model(
                [Node("F", domain: "local", inputs: ["x"], outputs: ["y"])],
                functions: [function("F", opset: opset, [node])])
        }
        #expect(try run(calling("Relu", opset: 18), [1, -1]) == [1, 0])
        #expect(throws: ModelError.self) { try calling("Softmax", opset: 11).inliningFunctions() }
        let error = #expect(throws: ModelError.self) {
            try model(
                [Node("F", domain: "local", inputs: ["x", "x"], outputs: ["y"])],
                functions: [function("F", [Node("Relu", inputs: ["a"], outputs: ["b"])])]
            ).inliningFunctions()
        }
        #expect(error?.problems.first?.rule == .function)
    }

    // MARK: - Conditions

    private func branch(_ nodes: [Node], output: String) -> Attribute.Value {
        .graph(Graph(name: "branch", nodes: nodes, outputs: [ValueInfo(name: output, type: nil)]))
    }

    /// `y` is `relu(x)` or, where the condition is false, `x` itself.
    private func choosing(_ condition: [Node], name: String = "c") -> Model {
        let choice = Node(
            "If", name: "if", inputs: [name], outputs: ["y"],
            attributes: [
                Attribute("then_branch", branch([Node("Relu", inputs: ["x"], outputs: ["r"])], output: "r")),
                Attribute("else_branch", branch([], output: "x")),
            ])
        return model(condition + [choice], functions: [])
    }

    private func constant(_ value: Bool) throws -> Node {
        let tensor = NamedTensor(name: "", tensor: try Tensor(bools: [value], shape: .scalar))
        return Node("Constant", inputs: [], outputs: ["c"], attributes: [Attribute("value", .tensor(tensor))])
    }

    @Test("A constant condition chooses a branch; a branch may hand an outer value on")
    func constantCondition() throws {
        #expect(try run(choosing([constant(true)]), [1, -1]) == [1, 0])
        #expect(try run(choosing([constant(false)]), [1, -1]) == [1, -1])
        let resolved = try choosing([constant(true)]).resolvingConditions()
        #expect(resolved.graph.nodes.map(\.operatorType) == ["Constant", "Relu"])
        #expect(resolved.graph.nodes[1].outputs == ["y"])
    }

    @Test("A condition that follows from known sizes is found")
    func computedCondition() throws {
        let two = NamedTensor(name: "", tensor: try Tensor(scalar: Int64(2)))
        let nodes = [
            Node("Size", inputs: ["x"], outputs: ["size"]),
            Node("Constant", inputs: [], outputs: ["two"], attributes: [Attribute("value", .tensor(two))]),
            Node("Equal", inputs: ["size", "two"], outputs: ["c"]),
        ]
        #expect(try run(choosing(nodes), [1, -1]) == [1, 0])
    }

    @Test("Branches within branches are followed, and their names do not meet")
    func nestedBranches() throws {
        let inner = Node(
            "If", name: "inner", inputs: ["c"], outputs: ["r"],
            attributes: [
                Attribute("then_branch", branch([Node("Neg", inputs: ["t"], outputs: ["r2"])], output: "r2")),
                Attribute("else_branch", branch([Node("Abs", inputs: ["t"], outputs: ["r3"])], output: "r3")),
            ])
        let outer = Node(
            "If", name: "outer", inputs: ["c"], outputs: ["y"],
            attributes: [
                Attribute("then_branch", branch([Node("Relu", inputs: ["x"], outputs: ["t"]), inner], output: "r")),
                Attribute("else_branch", branch([Node("Neg", inputs: ["x"], outputs: ["n"])], output: "n")),
            ])
        let nested = model([try constant(true), outer], functions: [])
        #expect(try run(nested, [3, -3]) == [-3, 0])
    }

    @Test("An open condition is reported as unsupported")
    func openCondition() throws {
        let nodes = [
            Node("Size", inputs: ["x"], outputs: ["size"]),
            Node("Cast", inputs: ["size"], outputs: ["c"], attributes: [Attribute("to", .int(9))]),
        ]
        var open = choosing(nodes)
        open.graph.inputs[0] = ValueInfo(name: "x", dataType: .float32, dimensions: ["N"])
        let error = #expect(throws: ModelError.self) { try BoundModel(open) }
        #expect(error?.problems.map(\.rule) == [.unsupportedOperator])
    }
}
