import CNNTensors

extension LayerGraph {
    /// Lets images go through layers in groups, where that takes less time than to take all of the batch through each layer: what a group's
    /// layer hands on is then still in the cache when the next one reads it, and takes memory for a group alone. Large maps are best taken
    /// image by image; small ones many at a time, since Winograd's weights are read once for each group. Layers in which images meet,
    /// and fully connected ones, whose weights are worth reading once, take the whole batch.
    /// - Parameter imagesAtATime: takes so many images through all layers that can, whatever it costs.
    mutating func groupImages(_ machine: Machine, imagesAtATime: Int?) {
        let isTensor = tensors()
        let totals = layers.map { separateImages($0, isTensor) }
        if let imagesAtATime {
            for (index, total) in totals.enumerated() { group(index, by: imagesAtATime, of: total, machine) }
            return
        }
        guard totals.contains(where: { $0 > machine.threads }) else { return }
        let sizes = GroupSizes(self, totals, isTensor, machine)
        for (index, size) in sizes.best.enumerated() { group(index, by: size, of: totals[index], machine) }
    }

    private mutating func group(_ index: Int, by size: Int, of total: Int, _ machine: Machine) {
        guard size > 0, size < total, let computation = layers[index].computation.forImages(size, of: total) else { return }
        let convolution = computation as? ConvolutionComputation
        layers[index].computation = convolution?.choosingMethod(machine) ?? computation
        layers[index].group = ImageGroup(size: size, total: total)
    }

    /// The images that a layer computes each by itself; 0 for a layer in which they meet.
    private func separateImages(_ layer: Layer, _ isTensor: [Bool]) -> Int {
        guard let total = layer.outputs.first.flatMap({ $0 }).flatMap({ values[$0].shape?.dimensions.first }), total > 1,
            layer.computation.forImages(1, of: total) != nil,
            layer.values.allSatisfy({ value in kernelShape(value).map { $0.rank >= 2 && $0[0] == total } ?? false })
        else { return 0 }
        // A view of a tensor is a tensor, which is made whole.
        let isView = layer.computation is ViewComputation
        return isView && layer.inputs.contains { $0.map { isTensor[$0] } ?? false } ? 0 : total
    }
}

/// The sizes of groups that take the least time, as far as that can be told from sizes: a path through layers and sizes whose steps cost
/// what a layer takes at a size, and what it takes to hand the whole batch on where the size changes.
///
/// Times are counted like those of `BlockedConvolutionCost`.
private struct GroupSizes {
    /// By layer; 0 for the whole batch.
    private(set) var best: [Int] = []

    /// What a program may hope for of the last-level cache, which it shares with others.
    private static let sharedCache = Double(8 << 20)
    /// To move a float that is not in the core's own cache,
    private static let sharedFloat = 6.0
    /// and, beyond that, one that is in none: between 13 (depth-wise) and 90 (1×1 of many channels, which reads from many places at once)
    /// measured on the layers of MobileNet v2 and ResNet-50.
    private static let memoryFloat = 40.0
    /// To start a step on all threads: a few microseconds.
    private static let start = 100_000.0

    private let machine: Machine

    init(_ graph: LayerGraph, _ totals: [Int], _ isTensor: [Bool], _ machine: Machine) {
        self.machine = machine
        let widths = graph.values.indices.map { isTensor[$0] ? 0 : Self.bytes($0, graph, machine) }
        let live = Self.live(graph, widths)
        var paths = [Path(size: 0, cost: 0)]
        // By layer: by size: the size in the layer before it.
        var origins: [[(size: Int, origin: Int)]] = []
        for (index, layer) in graph.layers.enumerated() {
            let total = totals[index]
            let mentioned = Set(layer.values)
            let moved = mentioned.reduce(0) { $0 + widths[$1] } / 4
            let images = Double(max(total, 1))
            // Written and read; a batch of small maps would stay in the core's cache but for the weights that pass through it.
            let distance = max(Self.sharedFloat, far(bytes: live.before[index], images: images, weights: 0))
            let handedOn = 2 * images * live.before[index] / 4 * distance / Double(machine.threads)
            let isNewBatch = index > 0 && totals[index - 1] != total
            var next: [Path] = []
            var chosen: [(size: Int, origin: Int)] = []
            for size in sizes(total) {
                let origin =
                    paths.min { left, right in
                        arrival(left, size, handedOn, isNewBatch) < arrival(right, size, handedOn, isNewBatch)
                    } ?? Path(size: 0, cost: 0)
                let cost = total == 0 ? 0 : self.cost(layer, size: size == 0 ? total : size, total, moved, live.during[index])
                next.append(Path(size: size, cost: arrival(origin, size, handedOn, isNewBatch) + cost))
                chosen.append((size, origin.size))
            }
            paths = next
            origins.append(chosen)
        }
        var size = paths.min { $0.cost < $1.cost }?.size ?? 0
        for chosen in origins.reversed() {
            best.append(size)
            size = chosen.first { $0.size == size }?.origin ?? 0
        }
        best.reverse()
    }

    /// The cheapest way to a layer that takes so many images at a time.
    private struct Path {
        let size: Int
        let cost: Double
    }

    private func arrival(_ path: Path, _ size: Int, _ handedOn: Double, _ isNewBatch: Bool) -> Double {
        path.size == size && !isNewBatch ? path.cost : path.cost + handedOn
    }

    /// The whole batch (0), and groups of the same number of images for each thread.
    private func sizes(_ total: Int) -> [Int] {
        var sizes = [0]
        var size = machine.threads
        while size < total {
            sizes.append(size)
            size *= 2
        }
        return sizes
    }

    private func cost(_ layer: LayerGraph.Layer, size: Int, _ total: Int, _ moved: Double, _ live: Double) -> Double {
        let computation = layer.computation.forImages(size, of: total)
        let convolution = (computation as? ConvolutionComputation)?.choosingMethod(machine)
        let weights = Double((convolution ?? layer.computation).constantBytes)
        let groups = Double(total) / Double(size)
        return groups * (Self.start + (convolution?.alternatives[0].cost ?? 0) / Double(machine.threads))
            + Double(total) * moved * far(bytes: live, images: Double(size), weights: weights) / Double(machine.threads)
    }

    /// What it takes to reach a float among so many that are in use.
    /// - Parameter bytes: of one image.
    private func far(bytes: Double, images: Double, weights: Double) -> Double {
        let threads = Double(machine.threads)
        let ofThread = bytes * images / threads + weights
        let ofAll = bytes * images + weights
        return Self.sharedFloat * max(0, 1 - Machine.coreCache / max(ofThread, 1))
            + Self.memoryFloat * max(0, 1 - Self.sharedCache / max(ofAll, 1))
    }

    /// Bytes of one image of a value.
    private static func bytes(_ value: Int, _ graph: LayerGraph, _ machine: Machine) -> Double {
        guard let shape = graph.kernelShape(value), shape.rank >= 2 else { return 0 }
        let count = FeatureMap(shape).imageCount(shape.rank > 2 ? .blocked : .planar, machine.kernels)
        return Double(count ?? 0) * 4
    }

    /// By layer: bytes of one image of all values that are in use while it runs, and of those that layers before it hand on to it and
    /// to layers behind it.
    private static func live(_ graph: LayerGraph, _ widths: [Double]) -> (during: [Double], before: [Double]) {
        let count = graph.layers.count
        var first = [Int](repeating: count, count: graph.values.count)
        var last = [Int](repeating: 0, count: graph.values.count)
        for (index, layer) in graph.layers.enumerated() {
            for value in layer.values {
                first[value] = min(first[value], index)
                last[value] = index
            }
        }
        var during = [Double](repeating: 0, count: count + 1)
        var before = during
        for value in graph.values.indices where first[value] < count {
            during[first[value]] += widths[value]
            during[last[value] + 1] -= widths[value]
            if last[value] > first[value] {
                before[first[value] + 1] += widths[value]
                before[last[value] + 1] -= widths[value]
            }
        }
        for index in 1..<count + 1 {
            during[index] += during[index - 1]
            before[index] += before[index - 1]
        }
        return (during, before)
    }
}
