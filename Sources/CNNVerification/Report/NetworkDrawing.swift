import CNNModels
import CNNTextTables

/// A network as a drawing, top to bottom, every node coloured by what its check came to.
struct NetworkDrawing {
    /// What is known of a node.
    enum State: String {
        /// Its values were checked and are right.
        case right
        /// Its value in the reference, or ours, is no evaluation of it.
        case wrong
        /// It is right by itself, but computes on what a wrong node made.
        case fed
        /// It was not checked.
        case unknown
    }

    let graph: Graph
    let states: [State]
    /// A short text on each node, for example its error.
    let notes: [String]
    /// The node that a large network is drawn around.
    let centre: Int?

    /// More nodes would make a page that no browser scrolls well.
    private static let nodeLimit = 1200
    private static let (rowHeight, boxWidth, boxHeight) = (46.0, 152.0, 32.0)

    init(_ graph: Graph, report: VerificationReport) {
        self.graph = graph
        var states = [State](repeating: .unknown, count: graph.nodes.count)
        var notes = [String](repeating: "", count: graph.nodes.count)
        let flow = Dataflow(graph)
        if let layers = report.layers {
            for layer in layers.layers where states.indices.contains(layer.nodeIndex) {
                let index = layer.nodeIndex
                if layer.culprit != nil {
                    states[index] = .wrong
                } else if layer.reference?.agrees == true, states[index] == .unknown {
                    states[index] = .right
                }
                if let error = layer.cumulative, notes[index].isEmpty { notes[index] = NumberText.scientific(error.relative) }
            }
        }
        for output in report.outputs {
            guard let index = flow.producers[output.name], states[index] == .unknown else { continue }
            switch output.comparison.verdict {
            case .match: if output.agrees { states[index] = .right }
            case .mismatch: states[index] = report.layers == nil ? .wrong : .fed
            case .incomparable: break
            }
            notes[index] = output.comparison.metrics?.normalizedRootMeanSquare.map(NumberText.scientific) ?? ""
        }
        if report.layers != nil {
            var isFed = Set<Int>()
            for (index, reads) in flow.reads.enumerated() {
                let producers = reads.compactMap { flow.producers[$0] }
                guard producers.contains(where: { states[$0] == .wrong || isFed.contains($0) }) else { continue }
                isFed.insert(index)
                if states[index] == .right { states[index] = .fed }
            }
        }
        self.states = states
        self.notes = notes
        centre = report.layers?.firstFailure?.nodeIndex
    }

    /// The drawing, and how many nodes it leaves out at the beginning and at the end.
    var svg: (html: HTML, omitted: Int) {
        let shown = range
        let flow = Dataflow(graph)
        var edges: [(from: Int, to: Int)] = []
        for index in shown {
            for producer in Set(flow.reads[index].compactMap { flow.producers[$0] }).sorted() where shown.contains(producer) {
                edges.append((producer - shown.lowerBound, index - shown.lowerBound))
            }
        }
        // Constants that a file computes by nodes of their own would only hide the network.
        let layout = LayeredLayout(nodeCount: shown.count, edges: edges)
        let height = Double(layout.rowCount) * Self.rowHeight + 8
        func y(_ row: Int) -> Double { Double(row) * Self.rowHeight + 4 + Self.boxHeight / 2 }
        let lines = layout.routes.map { route -> HTML in
            var path: HTML = ""
            for (index, place) in route.enumerated() {
                if index == 0 {
                    path += "M\(place.x) \(y(place.row) + Self.boxHeight / 2)"
                    continue
                }
                let (from, end) = (route[index - 1], index == route.count - 1)
                let start = y(from.row) + (index == 1 ? Self.boxHeight / 2 : 0)
                let stop = y(place.row) - (end ? Self.boxHeight / 2 : 0)
                let middle = (start + stop) / 2
                path += "C\(from.x) \(middle) \(place.x) \(middle) \(place.x) \(stop)"
            }
            return "<path d=\"\(path)\"/>"
        }
        let boxes = shown.map { box($0, layout.places[$0 - shown.lowerBound], y) }
        let html: HTML = """
            <svg class="network" role="img" aria-label="The network, top to bottom" viewBox="0 0 \(layout.width) \(height)" \
            style="max-width:\(layout.width)px"><g class="edges">\(lines.joined())</g>\(boxes.joined())</svg>
            """
        return (html, graph.nodes.count - shown.count)
    }

    private func box(_ index: Int, _ place: LayeredLayout.Place, _ y: (Int) -> Double) -> HTML {
        let node = graph.nodes[index]
        let (left, top) = (place.x - Self.boxWidth / 2, y(place.row) - Self.boxHeight / 2)
        let name = node.name.isEmpty ? node.outputs.first ?? "" : node.name
        return """
            <g class="node \(states[index].rawValue)"><title>#\(index) \(node.operatorType) \(name)</title>\
            <rect x="\(left)" y="\(top)" width="\(Self.boxWidth)" height="\(Self.boxHeight)" rx="5"/>\
            <text x="\(left + 7)" y="\(top + 13)" class="operator">\(DisplayText.shortened(node.operatorType, to: 22))</text>\
            <text x="\(left + Self.boxWidth - 7)" y="\(top + 26)" class="note">\(notes[index])</text>\
            <text x="\(left + 7)" y="\(top + 26)" class="name">\(DisplayText.shortened(name, to: notes[index].isEmpty ? 24 : 15))</text></g>
            """
    }

    /// The nodes that are drawn: all, or of a large network those around its centre.
    private var range: Range<Int> {
        guard graph.nodes.count > Self.nodeLimit else { return graph.nodes.indices }
        let middle = centre ?? graph.nodes.count - 1
        let start = min(max(middle - Self.nodeLimit / 8, 0), graph.nodes.count - Self.nodeLimit / 4)
        return start..<(start + Self.nodeLimit / 4)
    }
}
