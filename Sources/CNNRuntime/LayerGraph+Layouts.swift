import CNNTensors

extension LayerGraph {
    /// Settles in which layout every value lies, layer after layer: each takes its inputs as they come if it can, and a conversion is
    /// inserted where it cannot. A value is converted once, however many read it.
    mutating func assignLayouts() {
        var conversion = Conversion()
        var placed: [Layer] = []
        placed.reserveCapacity(layers.count)
        // By value: where its layer was placed.
        var producers: [Int: Int] = [:]
        for var layer in layers {
            let choice = layer.computation.layouts(layer.inputs.map { $0.map { values[$0].layout } ?? .planar })
            for (index, value) in layer.inputs.enumerated() {
                guard let value, let wanted = choice.inputs[index], values[value].layout != wanted else { continue }
                layer.inputs[index] = convert(value, to: wanted, for: layer, &conversion, &placed)
            }
            for value in layer.outputs {
                guard let value else { continue }
                values[value].layout = choice.output
                producers[value] = placed.count
            }
            placed.append(layer)
        }
        for (index, output) in outputs.enumerated() where values[output.value].layout != .planar {
            guard let producer = producers[output.value] else { continue }
            outputs[index].value = convert(output.value, to: .planar, for: placed[producer], &conversion, &placed)
        }
        layers = placed
    }

    /// The converted twin of each value that has one.
    private struct Conversion {
        var twins: [Int: Int] = [:]
    }

    private mutating func convert(
        _ value: Int, to layout: Layout, for layer: Layer, _ conversion: inout Conversion, _ placed: inout [Layer]
    ) -> Int {
        if let twin = conversion.twins[value] { return twin }
        var twin = values[value]
        twin.layout = layout
        twin.constant = nil
        let number = addValue(twin)
        conversion.twins[value] = number
        // Right behind the group of images that it comes from it is still in the cache.
        let previous = placed.last?.group
        let group = previous.flatMap { twin.shape?.dimensions.first == $0.total ? $0 : nil } ?? layer.group
        placed.append(
            Layer(
                node: layer.node, computation: ReorderComputation(target: layout), inputs: [value], outputs: [number],
                group: group))
        return number
    }
}
