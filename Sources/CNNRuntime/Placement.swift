import CNNTensors

/// Where every value of a graph lies during a run.
struct Placement {
    /// By value; nil for a value of a size that only the run knows, which is a tensor.
    let places: [Place?]
    /// By layer: its scratch memory.
    let scratch: [Place]
    /// By layer: values that nobody reads any more after it.
    let releases: [[Int]]
    let byteCount: Int
    /// The least memory that any plan for these layers takes.
    let lowerBound: Int

    /// - Throws: `SessionError` if the values take more than `limit` bytes.
    init(_ graph: LayerGraph, _ machine: Machine, limit: Int) throws {
        var planner = Planner(graph, machine)
        planner.joinViews()
        planner.joinConcatenations()
        planner.joinOverwrittenInputs()
        planner.findGroups()
        let (buffers, numbers) = try planner.buffers(limit: limit)
        let memory = try MemoryPlan(buffers, limit: limit)
        let offsets = memory.offsets.map { $0 / MemoryLayout<Float>.stride }
        places = graph.values.indices.map { planner.place(of: $0, numbers, offsets: offsets) }
        scratch = graph.layers.indices.map { layer in
            Place(base: .arena(numbers.ofScratch[layer].map { offsets[$0] } ?? 0), imageStride: 0, groupStride: 0)
        }
        releases = planner.releases
        byteCount = memory.byteCount
        lowerBound = memory.lowerBound
    }
}

/// Which buffer is for what.
private struct BufferNumbers {
    /// By value that is a host: the buffer of all that lie within it.
    var ofValue: [Int?]
    /// By layer: the buffer of its scratch memory.
    var ofScratch: [Int?]
}

private struct Planner {
    let graph: LayerGraph
    let machine: Machine
    /// By value: the value within whose memory it lies, and how many floats from its start.
    private var hosts: [(value: Int, offset: Int)?]
    /// By value that is a host: all that lie within it, itself first.
    private var members: [Int: [Int]] = [:]
    /// By value: the first layer that writes it and the last that reads it.
    private var lifetimes: [ClosedRange<Int>?]
    private let isTensor: [Bool]
    private let stages: [(layers: Range<Int>, group: LayerGraph.ImageGroup?)]
    /// By layer: its stage.
    private let stageNumbers: [Int]
    /// By value that is a host: the images of a group where one stage alone knows it and all that lies within it, so that the next group
    /// may overwrite it; nil where all images of the batch have their places.
    private var groups: [LayerGraph.ImageGroup?]

    init(_ graph: LayerGraph, _ machine: Machine) {
        self.graph = graph
        self.machine = machine
        hosts = Array(repeating: nil, count: graph.values.count)
        lifetimes = Self.lifetimes(graph)
        isTensor = graph.tensors()
        stages = graph.stages
        stageNumbers = stages.enumerated().flatMap { number, stage in stage.layers.map { _ in number } }
        groups = Array(repeating: nil, count: graph.values.count)
    }

    private static func lifetimes(_ graph: LayerGraph) -> [ClosedRange<Int>?] {
        var lifetimes = [ClosedRange<Int>?](repeating: nil, count: graph.values.count)
        for index in graph.layers.indices {
            for value in graph.layers[index].values { lifetimes[value] = (lifetimes[value]?.lowerBound ?? index)...index }
        }
        for output in graph.outputs {
            lifetimes[output.value] = (lifetimes[output.value]?.lowerBound ?? 0)...graph.layers.count
        }
        return lifetimes
    }

    // MARK: - Values that share memory

    private func host(of value: Int) -> (value: Int, offset: Int) {
        var (current, offset) = (value, 0)
        while let next = hosts[current] { (current, offset) = (next.value, offset + next.offset) }
        return (current, offset)
    }

    private func imageCount(_ value: Int) -> Int? {
        guard let shape = graph.values[value].shape else { return nil }
        return FeatureMap(shape).imageCount(graph.values[value].layout, machine.kernels)
    }

    private func images(_ value: Int) -> Int { graph.values[value].shape.map { FeatureMap($0).images } ?? 1 }

    private mutating func place(_ value: Int, in target: Int, at offset: Int) {
        let (root, rootOffset) = host(of: target)
        hosts[value] = (root, rootOffset + offset)
        members[root, default: [root]] += members[value] ?? [value]
        members[value] = nil
    }

    mutating func joinViews() {
        // By index here and below, as an iterator would copy each layer.
        for index in graph.layers.indices where isView(index) {
            if let input = graph.layers[index].inputs.first ?? nil, let output = graph.layers[index].outputs.first ?? nil,
                !isTensor[output]
            {
                place(output, in: input, at: 0)
            }
        }
    }

    /// Whether a layer's output has the elements of its input in their order.
    private func isView(_ index: Int) -> Bool {
        if graph.layers[index].computation is ViewComputation { return true }
        guard graph.layers[index].computation is ReorderComputation, let input = graph.layers[index].inputs.first ?? nil,
            !isTensor[input], let shape = graph.values[input].shape
        else { return false }
        return ReorderComputation.isView(FeatureMap(shape), channelBlock: machine.kernels.channelBlock)
    }

    /// Gives the inputs of each Concat their places within its output, so that they are computed where they belong. The last comes
    /// first: where one Concat's inputs are the beginning of another's, as in DenseNet, all of them share the largest one's memory.
    mutating func joinConcatenations() {
        let concatenations = graph.layers.indices.filter { graph.layers[$0].computation is ConcatComputation }
        let users = concatenations.isEmpty ? [] : layersByValue()
        for index in concatenations.reversed() {
            let layer = graph.layers[index]
            guard let concat = layer.computation as? ConcatComputation, let output = layer.outputs[0], !isTensor[output] else {
                continue
            }
            let inputs = layer.inputs.compactMap { $0 }
            let parts = concat.parts(graph.values[output].layout)
            guard inputs.count == parts.count, concat.runCount == 1 || concat.axis == 1 else { continue }
            if hosts[output] == nil, members[output] == nil, allowsGaps(output, users), let start = commonStart(inputs, parts) {
                hosts[output] = start
                members[start.value, default: [start.value]].append(output)
                continue
            }
            for (input, part) in zip(inputs, parts) where canLieWithin(output, input, of: layer, users) {
                place(input, in: output, at: part.offset)
            }
        }
    }

    /// Where the output begins if all inputs already lie one behind the other in one place.
    private func commonStart(_ inputs: [Int], _ parts: [(offset: Int, count: Int)]) -> (value: Int, offset: Int)? {
        guard let first = inputs.first, hosts[first] != nil else { return nil }
        let start = host(of: first)
        let isRun = zip(inputs, parts).allSatisfy { input, part in
            let place = host(of: input)
            return hosts[input] != nil && place == (start.value, start.offset + part.offset)
        }
        return isRun ? start : nil
    }

    /// By value: the layers that read or compute it.
    private func layersByValue() -> [[Int]] {
        var users = [[Int]](repeating: [], count: graph.values.count)
        for index in graph.layers.indices {
            for value in graph.layers[index].values { users[value].append(index) }
        }
        return users
    }

    /// Whether an input may be computed within the output of a Concat: it lies nowhere else yet, and all who write and read it can leave
    /// gaps between its images, if it has several. Other values that lie within the input may have other images than it has, which must
    /// not be taken for those of the output.
    private func canLieWithin(_ output: Int, _ input: Int, of concat: LayerGraph.Layer, _ users: [[Int]]) -> Bool {
        guard !isTensor[input], hosts[input] == nil, concat.inputs.filter({ $0 == input }).count == 1 else { return false }
        if members[input] != nil { return images(input) == 1 && images(host(of: output).value) == 1 }
        return allowsGaps(input, users)
    }

    /// Whether all who write and read a value can leave gaps between its images, if it has several.
    private func allowsGaps(_ value: Int, _ users: [[Int]]) -> Bool {
        images(value) == 1 || users[value].allSatisfy { graph.layers[$0].computation.allowsGapsBetweenImages }
    }

    /// Lets an output take the memory of an input that nobody reads afterwards, where the computation can work in place.
    mutating func joinOverwrittenInputs() {
        for index in graph.layers.indices where !graph.layers[index].computation.overwritableInputs.isEmpty {
            let layer = graph.layers[index]
            guard let output = layer.outputs.first ?? nil, !isTensor[output], hosts[output] == nil, members[output] == nil
            else { continue }
            for candidate in layer.computation.overwritableInputs {
                guard candidate < layer.inputs.count, let input = layer.inputs[candidate], !isTensor[input],
                    graph.values[input].layout == graph.values[output].layout,
                    graph.values[input].shape == graph.values[output].shape
                else { continue }
                let root = host(of: input)
                // An input that is read in another role as well, as in f(x) + x, must stay whole until the end.
                let readers = layer.inputs.compactMap { $0 }.filter { host(of: $0).value == root.value }
                guard readers.count == 1 else { continue }
                let isFree = (members[root.value] ?? [root.value]).allSatisfy { (lifetimes[$0]?.upperBound ?? 0) <= index }
                guard isFree, root.offset == 0,
                    graph.values[root.value].shape?.elementCount
                        == graph.values[output].shape?.elementCount,
                    graph.values[root.value].layout == graph.values[output].layout
                else { continue }
                place(output, in: root.value, at: 0)
                break
            }
        }
    }

    // MARK: - Groups of images

    mutating func findGroups() {
        for value in graph.values.indices where !isTensor[value] && hosts[value] == nil {
            groups[value] = group(of: members[value] ?? [value])
        }
    }

    /// The group of the only stage that knows some values; nil if several do, or the caller gets one of them.
    private func group(of members: [Int]) -> LayerGraph.ImageGroup? {
        let known = members.compactMap { lifetimes[$0] }
        guard let first = known.map(\.lowerBound).min(), let last = known.map(\.upperBound).max(),
            last < graph.layers.count, stageNumbers[first] == stageNumbers[last]
        else { return nil }
        return stages[stageNumbers[first]].group
    }

    /// The steps during which memory is needed that is in use from one layer to another. What holds all images while groups of them go
    /// through the layers of a stage is needed from the first group's first layer to the last group's last.
    private func steps(_ lifetime: ClosedRange<Int>) -> ClosedRange<Int> {
        let (first, last) = (lifetime.lowerBound, lifetime.upperBound)
        func stage(_ layer: Int) -> ClosedRange<Int> {
            guard layer < graph.layers.count, stages[stageNumbers[layer]].group != nil else { return layer...layer }
            return ClosedRange(stages[stageNumbers[layer]].layers)
        }
        return stage(first).lowerBound...stage(last).upperBound
    }

    // MARK: - Buffers

    func buffers(limit: Int) throws -> ([MemoryPlan.Buffer], BufferNumbers) {
        var buffers: [MemoryPlan.Buffer] = []
        var numbers = BufferNumbers(
            ofValue: Array(repeating: nil, count: graph.values.count),
            ofScratch: Array(repeating: nil, count: graph.layers.count))
        for value in graph.values.indices where !isTensor[value] && hosts[value] == nil {
            guard let lifetime = lifetimes[value] else { continue }
            var steps = lifetime
            for member in members[value] ?? [] {
                guard let other = lifetimes[member] else { continue }
                steps = min(steps.lowerBound, other.lowerBound)...max(steps.upperBound, other.upperBound)
            }
            if groups[value] == nil { steps = self.steps(steps) }
            numbers.ofValue[value] = buffers.count
            buffers.append(MemoryPlan.Buffer(byteCount: try byteCount(value), steps: steps))
        }
        for index in graph.layers.indices {
            let count = max(
                graph.layers[index].computation.scratchCount(machine),
                graph.layers[index].restComputation.scratchCount(machine))
            guard count > 0 else { continue }
            numbers.ofScratch[index] = buffers.count
            guard count <= limit / MemoryLayout<Float>.stride else {
                throw SessionError.memoryLimitExceeded(
                    needed: count.multipliedReportingOverflow(by: 4).overflow ? Int.max : 4 * count, limit: limit)
            }
            buffers.append(
                MemoryPlan.Buffer(byteCount: count * MemoryLayout<Float>.stride, steps: index...index))
        }
        return (buffers, numbers)
    }

    private func byteCount(_ value: Int) throws -> Int {
        guard let shape = graph.values[value].shape else { return 0 }
        let (count, overflow) = (imageCount(value) ?? Int.max).multipliedReportingOverflow(
            by: groups[value]?.size ?? images(value))
        let (bytes, bytesOverflow) = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
        guard !overflow, !bytesOverflow else {
            throw SessionError.valueTooLarge(value: graph.values[value].name, shape: shape)
        }
        return bytes
    }

    func place(of value: Int, _ numbers: BufferNumbers, offsets: [Int]) -> Place? {
        guard graph.values[value].shape != nil, let count = imageCount(value) else { return nil }
        if isTensor[value] { return Place(base: .tensor(value), imageStride: count, groupStride: count) }
        let (root, offset) = host(of: value)
        guard let buffer = numbers.ofValue[root], let rootCount = imageCount(root) else { return nil }
        // What lies within a larger value of as many images moves on by that value's images.
        let stride = images(root) == images(value) ? rootCount : count
        return Place(
            base: .arena(offsets[buffer] + offset), imageStride: stride, groupStride: groups[root] == nil ? stride : 0)
    }

    /// By layer: tensors that nobody reads any more after it.
    var releases: [[Int]] {
        var releases = [[Int]](repeating: [], count: graph.layers.count)
        for (value, lifetime) in lifetimes.enumerated() {
            guard let lifetime, isTensor[value], lifetime.upperBound < graph.layers.count else { continue }
            releases[lifetime.upperBound].append(value)
        }
        return releases
    }
}
