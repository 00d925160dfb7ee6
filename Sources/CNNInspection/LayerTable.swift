import CNNModels
import CNNOperators
import CNNTensors

/// What there is to see of a model, layer by layer: shapes, parameters, multiply-adds, memory, receptive fields.
public struct LayerTable: Sendable {
    /// A row for each node.
    public struct Layer: Sendable {
        /// The node's name or, if it has none, the name of its first output.
        public let name: String
        public let operatorType: String
        /// The shape of the first output.
        public let outputShape: SymbolicShape
        /// Kernel, stride and padding of a window operator, for example `3×3 /2 p1`; empty for others.
        public let window: String
        /// Elements of the weights that this layer is the first to use.
        public let parameters: Int
        /// Whether the layer uses weights that an earlier layer uses too.
        public let sharesParameters: Bool
        /// Multiplications with an addition each; nil where they cannot be told.
        public let multiplyAdds: Dimension?
        /// The bytes of all outputs.
        public let activationBytes: Dimension?
        /// The span of the input that an output element depends on; nil where it cannot be told.
        public let receptiveField: String?
    }

    public let layers: [Layer]
    /// Names and shapes of the graph's inputs and outputs.
    public let inputs: [(name: String, type: String)]
    public let outputs: [(name: String, type: String)]
    /// Elements of all weights, each counted once. Running statistics of BatchNormalization are counted apart.
    public let parameters: Int
    /// Elements of the running means and variances of BatchNormalization.
    public let statistics: Int
    /// Bytes of all constant tensors.
    public let weightBytes: Int
    /// For one sample, if the batch is symbolic.
    public let multiplyAdds: Dimension?
    /// The most bytes of values between nodes that must be held at once, nodes in file order, each value freed after its
    /// last use; nil where sizes besides the batch are symbolic.
    public let peakActivationBytes: Int?
    /// The names of symbolic batches, which the totals take as 1.
    public let batchSymbols: [String]
    /// What breaks users later.
    public let warnings: [String]

    package init(_ inferred: InferredModel) throws {
        let batchSymbols = Self.batchSymbols(inferred)
        let single = Dictionary(uniqueKeysWithValues: batchSymbols.map { ($0, Dimension(1)) })
        var weights = WeightCounter(inferred)
        let fields = try inferred.receptiveFields()
        layers = try inferred.bound.nodes.map { node in
            try Self.layer(node, inferred, counted: weights.count(node), receptiveField: fields[node.node.outputs.first ?? ""])
        }
        let graph = inferred.bound.model.graph
        inputs = graph.requiredInputs.map { ($0.name, inferred.typeText(of: $0.name)) }
        outputs = graph.outputs.map { ($0.name, inferred.typeText(of: $0.name)) }
        parameters = weights.parameters
        statistics = weights.statistics
        weightBytes = weights.bytes
        multiplyAdds = try Self.total(layers.map(\.multiplyAdds))?.substituting(single)
        peakActivationBytes = try inferred.peakActivationBytes(sizes: single)
        self.batchSymbols = batchSymbols
        warnings = ModelWarnings.warnings(for: inferred)
    }

    private static func layer(
        _ node: BoundNode, _ inferred: InferredModel, counted: (parameters: Int, areShared: Bool),
        receptiveField: ReceptiveField?
    ) throws -> Layer {
        let (inputs, outputs) = (inferred.inputs(of: node), inferred.outputs(of: node))
        let window = try node.operation.window(inputs)
        return Layer(
            name: node.node.name.isEmpty ? node.node.outputs.first { !$0.isEmpty } ?? "" : node.node.name,
            operatorType: node.node.operatorType, outputShape: outputs.first?.shape ?? .unknown,
            window: window.map(Self.text) ?? "", parameters: counted.parameters, sharesParameters: counted.areShared,
            multiplyAdds: try node.operation.multiplyAdds(inputs, outputs),
            activationBytes: try Self.total(outputs.map { try $0.byteCount() }),
            receptiveField: receptiveField?.description)
    }

    private static func batchSymbols(_ inferred: InferredModel) -> [String] {
        let symbols = inferred.bound.model.graph.requiredInputs.compactMap { input in
            inferred.facts[input.name]?.shape.dimensions?.first.flatMap { $0 }?.symbolName
        }
        return Array(Set(symbols)).sorted()
    }

    private static func total(_ terms: [Dimension?]) throws -> Dimension? {
        var sum = Dimension(0)
        for term in terms {
            guard let term else { return nil }
            sum = try sum + term
        }
        return sum
    }

    /// For example `3×3 /2 p1 d2`; parts that change nothing are left out.
    private static func text(_ window: WindowGeometry) -> String {
        func joined(_ numbers: [Int]) -> String {
            Set(numbers).count == 1 ? String(numbers[0]) : numbers.map(String.init).joined(separator: ",")
        }
        var text = window.kernelShape.map(String.init).joined(separator: "×")
        if window.strides.contains(where: { $0 != 1 }) { text += " /" + joined(window.strides) }
        switch window.padding {
        case .explicit(let begins, let ends):
            if (begins + ends).contains(where: { $0 != 0 }) { text += " p" + joined(begins == ends ? begins : begins + ends) }
        case .sameUpper, .sameLower: text += " same"
        case .valid: break
        }
        if window.dilations.contains(where: { $0 != 1 }) { text += " d" + joined(window.dilations) }
        return text + (window.ceilMode ? " ceil" : "")
    }
}

/// Counts weights, each tensor once.
private struct WeightCounter {
    private let constants: [String: Tensor]
    private var seen: Set<String> = []
    private(set) var parameters = 0
    private(set) var statistics = 0
    let bytes: Int

    init(_ inferred: InferredModel) {
        let initializers = inferred.bound.model.graph.initializers
        constants = Dictionary(initializers.map { ($0.name, $0.tensor) }) { first, _ in first }
        bytes = initializers.reduce(0) { $0 + $1.tensor.byteCount }
    }

    /// - Returns: the elements of the floating-point weights that `node` is the first to use, and whether it uses others.
    mutating func count(_ node: BoundNode) -> (parameters: Int, areShared: Bool) {
        var (own, areShared) = (0, false)
        for (index, name) in node.node.inputs.enumerated() {
            guard let tensor = constants[name], tensor.dataType.isFloatingPoint else { continue }
            guard seen.insert(name).inserted else {
                areShared = true
                continue
            }
            // The last two inputs of BatchNormalization are measured, not learned.
            if node.node.operatorType == "BatchNormalization", index >= 3 {
                statistics += tensor.shape.elementCount
            } else {
                own += tensor.shape.elementCount
            }
        }
        parameters += own
        return (own, areShared)
    }
}

extension ValueFact {
    /// The bytes of the value, if type and shape are known.
    fileprivate func byteCount() throws -> Dimension? {
        guard let bits = dataType?.bitWidth, let count = try shape.elementCount() else { return nil }
        return try (count * Dimension(bits)).ceilDivided(by: 8)
    }
}

extension InferredModel {
    fileprivate func typeText(of name: String) -> String {
        guard let fact = facts[name] else { return "?" }
        return (fact.dataType.map(\.description) ?? "?") + fact.shape.description
    }

    /// The largest live set over the nodes in file order.
    fileprivate func peakActivationBytes(sizes: [String: Dimension]) throws -> Int? {
        let graph = bound.model.graph
        let outputs = Set(graph.outputs.map(\.name))
        let lastUses = bound.lastUses
        var sizeOfLive: [String: Int] = [:]
        var (live, peak) = (0, 0)
        func add(_ name: String) throws -> Bool {
            guard let bytes = try facts[name]?.byteCount()?.substituting(sizes).value else { return false }
            let (sum, overflow) = live.addingReportingOverflow(bytes)
            (live, sizeOfLive[name]) = (sum, bytes)
            return !overflow
        }
        for input in graph.requiredInputs where try !add(input.name) { return nil }
        for node in bound.nodes {
            for output in node.node.outputs where !output.isEmpty { if try !add(output) { return nil } }
            peak = max(peak, live)
            for name in node.node.inputs + node.node.outputs
            where lastUses[name, default: node.index] <= node.index && !outputs.contains(name) {
                live -= sizeOfLive.removeValue(forKey: name) ?? 0
            }
        }
        return peak
    }
}
