import CNNTensors
import Testing

@testable import CNNModels

/// Names in graphs that lie within nodes of other graphs.
@Suite("StructureChecker")
struct StructureCheckerTests {
    private func branch(_ nodes: [Node], outputs: [String] = []) -> Attribute {
        Attribute(
            "then_branch",
            .graph(Graph(name: "branch", nodes: nodes, outputs: outputs.map { ValueInfo(name: $0, type: nil) })))
    }

    private func rules(_ nodes: [Node]) -> [ModelProblem.Rule] {
        let graph = Graph(name: "g", nodes: nodes, inputs: [ValueInfo(name: "x", type: nil)])
        let model = Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: graph)
        return StructureChecker.problems(in: model).map(\.rule)
    }

    @Test("A graph within a node sees the names around it that stand before the node, and may not define them again")
    func scopes() {
        let innermost = Node("If", inputs: ["x"], outputs: [], attributes: [branch([], outputs: ["x", "a", "b"])])
        let inner = [Node("Relu", inputs: ["a"], outputs: ["b"]), innermost]
        let first = Node("Relu", inputs: ["x"], outputs: ["a"])
        #expect(rules([first, Node("If", inputs: ["x"], outputs: ["c"], attributes: [branch(inner)])]).isEmpty)
        #expect(
            rules([Node("If", inputs: ["x"], outputs: ["c"], attributes: [branch(inner)]), first])
                == [.definedNames, .definedNames])
        let again = Node("Relu", inputs: ["x"], outputs: ["a"])
        #expect(rules([first, Node("If", inputs: ["x"], outputs: [], attributes: [branch([again])])]) == [.singleAssignment])
        // What one branch defines is neither visible in nor forbidden to the next.
        let branches = [branch([Node("Relu", inputs: ["x"], outputs: ["b"])]), branch([again], outputs: ["b"])]
        #expect(
            branches.flatMap { rules([Node("If", inputs: ["x"], outputs: [], attributes: [$0])]) } == [.definedNames])
    }

    @Test("Thousands of graphs within a graph with thousands of names around it are checked at once", .timeLimit(.minutes(1)))
    func manyGraphs() {
        let outer = (0..<30_000).map { Node("Relu", inputs: ["x"], outputs: ["outer\($0)"]) }
        let inner = (0..<30_000).map { index in
            Node("If", inputs: ["outer\(index)"], outputs: ["inner\(index)"], attributes: [branch([])])
        }
        #expect(rules(outer + [Node("If", inputs: ["x"], outputs: [], attributes: [branch(inner)])]).isEmpty)
    }
}
