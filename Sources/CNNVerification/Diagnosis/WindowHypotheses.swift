import CNNModels
import CNNOperators
import CNNTensors

/// Padding on other sides than the model says: an odd one before instead of behind, or as TensorFlow and Caffe place it.
struct PaddingHypothesis: NodeHypothesis {
    let kind: Mistake
    /// Whether the node asks for padding by `auto_pad`; else it gives numbers.
    private let isAutomatic: Bool

    static let automatic = PaddingHypothesis(kind: .samePadding, isAutomatic: true)
    static let explicit = PaddingHypothesis(kind: .padsSide, isAutomatic: false)

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard let window = try subject.window(of: index), let input = subject.input(0, of: node) else { return [] }
        switch window.padding {
        case .sameUpper, .sameLower: guard isAutomatic else { return [] }
        case .explicit, .valid: guard !isAutomatic else { return [] }
        }
        let sizes = Array(input.shape.dimensions.dropFirst(2))
        guard sizes.count == window.spatialRank else { return [] }
        func pads(_ padding: WindowGeometry.Padding) throws -> [Int] {
            let geometry = try WindowGeometry(
                kernelShape: window.kernelShape, strides: window.strides, dilations: window.dilations, padding: padding,
                ceilMode: window.ceilMode)
            let sides = try sizes.indices.map { try geometry.pads(sizes[$0], axis: $0) }
            return sides.map(\.begin) + sides.map(\.end)
        }
        let own = try pads(window.padding)
        let rank = sizes.count
        let swapped = Array(own[rank...] + own[..<rank])
        let total = (0..<rank).map { own[$0] + own[$0 + rank] }
        let none = [Int](repeating: 0, count: rank)
        let candidates = [
            ("the larger padding on the other side", swapped),
            ("padding as SAME_UPPER places it", try pads(.sameUpper)),
            ("padding as SAME_LOWER places it", try pads(.sameLower)),
            ("all padding behind the input", none + total), ("all padding before the input", total + none),
        ]
        var seen: Set<[Int]> = [own]
        return candidates.filter { seen.insert($0.1).inserted }.map { name, pads in
            NodeSetting(name: name, statement: "\(name): pads \(pads) instead of \(own)") { variation, position in
                variation.removeAttribute("auto_pad", at: position)
                variation.setAttribute("pads", .ints(pads.map(Int64.init)), at: position)
            }
        }
    }
}

/// Output sizes of a pooling rounded up instead of down, or down instead of up.
struct CeilModeHypothesis: NodeHypothesis {
    let kind = Mistake.ceilMode

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard ["MaxPool", "AveragePool", "LpPool"].contains(node.operatorType),
            subject.opset >= (node.operatorType == "LpPool" ? 18 : 10), let window = try subject.window(of: index)
        else { return [] }
        // Where all windows fit exactly it changes nothing, but that depends on what the nodes before do.
        let ceil = !window.ceilMode
        let statement = "output sizes rounded \(ceil ? "up" : "down") instead of \(ceil ? "down" : "up")"
        return [
            NodeSetting(name: statement, statement: statement) { variation, position in
                variation.setAttribute("ceil_mode", .int(ceil ? 1 : 0), at: position)
            }
        ]
    }
}

/// Padding counted in the mean of a window where it is not, or the other way round.
struct CountIncludePadHypothesis: NodeHypothesis {
    let kind = Mistake.countIncludePad

    func settings(at index: Int, in subject: DiagnosisCase) throws -> [NodeSetting] {
        let node = subject.model.graph.nodes[index]
        guard node.operatorType == "AveragePool", subject.opset >= 7, let window = try subject.window(of: index),
            let input = subject.input(0, of: node)
        else { return [] }
        let isPadded = try input.shape.dimensions.dropFirst(2).enumerated().contains { axis, size in
            let (begin, end) = try window.pads(size, axis: axis)
            return begin + end > 0
        }
        guard isPadded || window.ceilMode else { return [] }
        let counts = node.attribute("count_include_pad")?.value == .int(1)
        let statement = counts ? "padding left out of the mean" : "padding counted in the mean (count_include_pad)"
        return [
            NodeSetting(name: statement, statement: statement) { variation, position in
                variation.setAttribute("count_include_pad", .int(counts ? 0 : 1), at: position)
            }
        ]
    }
}
