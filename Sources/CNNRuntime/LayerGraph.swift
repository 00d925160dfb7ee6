import CNNKernelTable
import CNNModels
import CNNOperators
import CNNTensors

/// The graph between inference and steps, for one set of concrete input shapes: what the passes rewrite. Values are numbered;
/// constants are known, nodes that only made constants are gone, and so are nodes that nobody needs.
struct LayerGraph {
    /// Everything that is known of a value.
    struct Value {
        let name: String
        let fact: ValueFact
        /// The value itself, if it is the same in every run.
        var constant: Tensor?
        var layout = Layout.planar

        /// The size in numbers; nil for the few whose size depends on what is computed.
        let shape: Shape?

        init(name: String, fact: ValueFact, constant: Tensor? = nil) {
            self.name = name
            self.fact = fact
            self.constant = constant
            shape = fact.shape.concrete
        }
    }

    /// A node that remains, or what several became.
    struct Layer {
        /// The node it was made from; of several, the one that computes most.
        var node: BoundNode
        /// The nodes that were fused into it.
        var fused: [BoundNode] = []
        var computation: any Computation
        /// Multiplications with an addition each; nil where not known.
        var multiplyAdds: Int?
        /// Values by number, nil where an optional input is left out.
        var inputs: [Int?]
        /// Values by number, nil where an output has no name.
        var outputs: [Int?]
        /// The images that it takes at a time, which `computation` is for; nil for the whole batch.
        var group: ImageGroup?

        /// The values that it reads and those that it computes.
        var values: [Int] { (inputs + outputs).compactMap { $0 } }

        /// The computation of the images that remain behind the last whole group, if there are any.
        var restComputation: any Computation {
            // A layer has a group only if it can take any number of images.
            group.flatMap { $0.rest > 0 ? computation.forImages($0.rest, of: $0.size) : nil } ?? computation
        }
    }

    /// Images of a batch that go through layers together.
    struct ImageGroup: Hashable {
        /// Images at a time.
        let size: Int
        /// All images.
        let total: Int

        /// The images that remain behind the last whole group.
        var rest: Int { total % size }
    }

    var values: [Value] = []
    /// In an order in which they can be computed.
    var layers: [Layer] = []
    /// Values that the caller gives.
    var inputs: [(name: String, value: Int)] = []
    /// Values that the caller gets.
    var outputs: [(name: String, value: Int)] = []

    /// Layers that run one after the other for the same images, before the next images' turn: runs of layers of equal groups.
    var stages: [(layers: Range<Int>, group: ImageGroup?)] {
        var stages: [(layers: Range<Int>, group: ImageGroup?)] = []
        for index in layers.indices {
            if let last = stages.last, last.group == layers[index].group {
                stages[stages.count - 1].layers = last.layers.lowerBound..<index + 1
            } else {
                stages.append((index..<index + 1, layers[index].group))
            }
        }
        return stages
    }

    /// By value: whether it is a tensor of its own rather than a piece of the memory of a run: an input, a constant, or what an
    /// operator's formula gives.
    func tensors() -> [Bool] {
        var isTensor = [Bool](repeating: true, count: values.count)
        // By index here and below, as an iterator would copy each layer.
        for index in layers.indices where !(layers[index].computation is ReferenceComputation) {
            let isView = layers[index].computation is ViewComputation
            let isViewOfTensor = isView && (layers[index].inputs[0].map { isTensor[$0] } ?? true)
            for value in layers[index].outputs { if let value { isTensor[value] = isViewOfTensor } }
        }
        return isTensor
    }

    /// By value: the number of times that layers read it, and that the caller gets it.
    func useCounts() -> [Int] {
        var counts = [Int](repeating: 0, count: values.count)
        for index in layers.indices {
            for value in layers[index].inputs { if let value { counts[value] += 1 } }
        }
        for output in outputs { counts[output.value] += 1 }
        return counts
    }

    /// By value: the layer that computes it; nil for inputs and constants.
    func producers() -> [Int?] {
        var producers = [Int?](repeating: nil, count: values.count)
        for index in layers.indices {
            for value in layers[index].outputs { if let value { producers[value] = index } }
        }
        return producers
    }

    /// The shape of an input of a layer if it is a float32 value whose size is known and not zero: what kernels work on.
    func kernelShape(_ value: Int?) -> Shape? {
        guard let value, values[value].fact.dataType == .float32, let shape = values[value].shape, shape.elementCount > 0,
            shape.elementCount <= Int.max / 64
        else { return nil }
        return shape
    }

    /// Whether the numbers of an input that says which shape is wanted are known, or it is left out. Where they are not, the shape of the
    /// output is what the file claims, and only the operator's own formula finds out whether that is true.
    func isKnown(_ value: Int??) -> Bool {
        guard let value = value ?? nil else { return true }
        return values[value].fact.constantIntegers != nil
    }

    /// A new value.
    mutating func addValue(_ value: Value) -> Int {
        values.append(value)
        return values.count - 1
    }

    /// A new value with as many images and channels as `shape`, on maps of this extent.
    mutating func addValue(named name: String, like shape: Shape, on map: Extent) -> Int? {
        guard shape.rank >= 2 else { return nil }
        let sizes = shape.dimensions.prefix(2) + [map.depth, map.height, map.width].suffix(shape.rank - 2)
        guard let shape = try? Shape(Array(sizes)) else { return nil }
        return addValue(Value(name: name, fact: ValueFact(dataType: .float32, shape: SymbolicShape(shape))))
    }
}
