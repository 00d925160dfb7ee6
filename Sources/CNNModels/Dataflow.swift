/// Which node of a graph makes a value, which nodes read it, and which values follow from the file alone.
package struct Dataflow: Sendable {
    package let graph: Graph
    /// By value: the index of the node that computes it.
    package let producers: [String: Int]
    /// By value: the indices of the nodes that read it, ascending.
    package let readers: [String: [Int]]
    /// By node: the values that it reads, those among them that graphs within its attributes take from outside.
    package let reads: [[String]]
    /// The nodes whose outputs depend on no input of the graph: what they compute is as constant as an initializer.
    package let constantNodes: Set<Int>

    package init(_ graph: Graph) {
        self.graph = graph
        reads = graph.nodes.map(\.valuesRead)
        var producers: [String: Int] = [:]
        var readers: [String: [Int]] = [:]
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { producers[output] = index }
            for name in reads[index] { readers[name, default: []].append(index) }
        }
        self.producers = producers
        self.readers = readers
        var constants = Set(graph.initializers.map(\.name))
        var constantNodes: Set<Int> = []
        for (index, node) in graph.nodes.enumerated()
        where !node.drawsRandomNumbers && reads[index].allSatisfy(constants.contains) {
            constantNodes.insert(index)
            constants.formUnion(node.outputs)
        }
        self.constantNodes = constantNodes
    }

    /// The nodes that the values depend on, those that compute them included.
    package func nodesNeeded(for values: some Sequence<String>) -> Set<Int> {
        var needed: Set<Int> = []
        var open = values.compactMap { producers[$0] }
        while let index = open.popLast() {
            guard needed.insert(index).inserted else { continue }
            open += reads[index].compactMap { producers[$0] }
        }
        return needed
    }
}

extension Node {
    /// The values that the node reads, each once: its inputs and what graphs within its attributes take from outside.
    package var valuesRead: [String] {
        var seen: Set<String> = [""]
        let captured = attributes.flatMap { attribute in
            switch attribute.value {
            case .graph(let graph): graph.valuesCaptured
            case .graphs(let graphs): graphs.flatMap(\.valuesCaptured)
            default: [String]()
            }
        }
        return (inputs + captured).filter { seen.insert($0).inserted }
    }

    /// Whether two evaluations of the same inputs may differ (ONNX's operators that are not deterministic).
    fileprivate var drawsRandomNumbers: Bool {
        domain.isEmpty
            && ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"]
                .contains(operatorType)
    }
}

extension Graph {
    /// The values that a graph within a node takes from the graph around it.
    fileprivate var valuesCaptured: [String] {
        var own = Set(inputs.map(\.name) + initializers.map(\.name))
        var captured: [String] = []
        for node in nodes {
            captured += node.valuesRead.filter { !own.contains($0) }
            own.formUnion(node.outputs)
        }
        return captured + outputs.map(\.name).filter { !own.contains($0) }
    }
}
