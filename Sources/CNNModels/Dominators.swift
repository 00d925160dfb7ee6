extension Dataflow {
    /// The values through which everything flows that leads from the graph's inputs to its outputs, in the order of execution:
    /// the dominators of the outputs (Lengauer and Tarjan 1979; in a graph without circles one pass in topological order
    /// finds them: the immediate dominator of a vertex is the nearest common ancestor of its predecessors in the tree made so
    /// far, Cooper, Harvey and Kennedy 2001). Of a ResNet they are the values between the blocks. A model that is cut at one
    /// of them has one input behind the cut.
    ///
    /// The graph's inputs are not among them, nor what only depends on constants, nor what no output depends on.
    package func dominators() -> [String] {
        var tree = DominatorTree()
        let stored = Set(graph.initializers.map(\.name))
        for input in graph.inputs where !stored.contains(input.name) { tree.add(input.name, behind: [tree.root]) }
        for (index, node) in graph.nodes.enumerated() {
            let predecessors = reads[index].compactMap { tree.vertices[$0] }
            guard !predecessors.isEmpty else { continue }
            let vertex = tree.add(nil, behind: predecessors)
            for output in node.outputs where !output.isEmpty { tree.add(output, behind: [vertex]) }
        }
        let results = graph.outputs.compactMap { tree.vertices[$0.name] }
        guard !results.isEmpty else { return [] }
        let sink = tree.add(nil, behind: results)
        return tree.ancestors(of: sink).compactMap { tree.names[$0] }.filter { producers[$0] != nil }
    }

    /// The nodes between two dominators: those that `end` depends on and `start` does not. Without a start, from the graph's
    /// inputs on; without an end, up to the outputs. Nodes that compute constants belong to none.
    package func segment(from start: String?, to end: String?) -> [Int] {
        let through = nodesNeeded(for: end.map { [$0] } ?? graph.outputs.map(\.name))
        let before = start.map { nodesNeeded(for: [$0]) } ?? []
        return through.subtracting(before).subtracting(constantNodes).sorted()
    }
}

/// Vertices with their immediate dominators; each is added after its predecessors.
private struct DominatorTree {
    let root = 0
    /// By vertex: its immediate dominator, the root's own is itself.
    private var parents = [0]
    private var depths = [0]
    /// By vertex: the value that it is; nil for the root and for nodes.
    private(set) var names: [String?] = [nil]
    private(set) var vertices: [String: Int] = [:]

    @discardableResult
    mutating func add(_ name: String?, behind predecessors: [Int]) -> Int {
        let vertex = parents.count
        let parent = predecessors.dropFirst().reduce(predecessors.first ?? root, commonAncestor)
        parents.append(parent)
        depths.append(depths[parent] + 1)
        names.append(name)
        if let name { vertices[name] = vertex }
        return vertex
    }

    private func commonAncestor(_ first: Int, _ second: Int) -> Int {
        var (first, second) = (first, second)
        while first != second {
            if depths[first] < depths[second] { second = parents[second] } else { first = parents[first] }
        }
        return first
    }

    /// The vertices on the way from the root to this one, both left out.
    func ancestors(of vertex: Int) -> [Int] {
        var path: [Int] = []
        var vertex = parents[vertex]
        while vertex != root {
            path.append(vertex)
            vertex = parents[vertex]
        }
        return path.reversed()
    }
}
