import CNNModels
import CNNOperators
import CNNTensors

/// A small classifier with a part for every mistake, and what another program would compute that made one.
struct FaultyNetwork {
    let model: Model
    let image: Tensor

    init(batch: Int = 1) throws {
        var numbers = Numbers(seed: 7)
        var builder = GraphBuilder(name: "classifier", opset: 17)
        let input = builder.input("image", dimensions: ["N", 3, 9, 9])
        var x = builder.conv(
            input, weights: try numbers.tensor(8, 3, 3, 3), bias: try numbers.tensor(8),
            strides: [2, 2], pads: [1, 1, 1, 1], name: "conv")
        x = builder.batchNormalization(
            x, scale: try numbers.tensor(8, around: 1), bias: try numbers.tensor(8), mean: try numbers.tensor(8, around: 2),
            variance: try numbers.tensor(8, around: 3), name: "bn")
        x = builder.leakyRelu(x, alpha: 0.1, name: "leaky")
        x = builder.lrn(x, size: 5, alpha: 0.5, name: "lrn")
        x = builder.averagePool(x, GraphBuilder.Window(square: 3, stride: 2, padding: 1), name: "pool")
        x = builder.flatten(x, name: "flatten")
        x = try builder.gemm(x, weights: try numbers.tensor(6, 72), bias: try numbers.tensor(6), name: "gemm")
        builder.output(builder.softmax(x, name: "softmax"), named: "scores", dimensions: ["N", 6])
        model = try builder.model()
        image = try numbers.tensor(batch, 3, 9, 9)
    }

    /// The outputs, by the formulas, of a model that differs by a mistake.
    func outputs(_ change: (inout Model) throws -> Void = { _ in }, image: Tensor? = nil) throws -> [String: Tensor] {
        var faulty = model
        try change(&faulty)
        return try ReferenceEvaluator(faulty).run(["image": image ?? self.image])
    }
}

extension Model {
    /// Changes the node of this name.
    mutating func change(_ name: String, _ body: (inout Node) -> Void) {
        for index in graph.nodes.indices where graph.nodes[index].name == name { body(&graph.nodes[index]) }
    }

    /// Replaces an initializer's elements, each with its position.
    mutating func changeWeights(_ name: String, _ body: ([Double]) -> [Double]) throws {
        for index in graph.initializers.indices where graph.initializers[index].name == name {
            let tensor = graph.initializers[index].tensor
            graph.initializers[index].tensor = try Tensor(
                rounding: body(tensor.doubles()), to: .float32, shape: tensor.shape)
        }
    }
}

extension Node {
    mutating func set(_ name: String, _ value: Attribute.Value) {
        attributes.removeAll { $0.name == name }
        attributes.append(Attribute(name, value))
    }
}

/// Numbers between -1 and 1 that are the same in every run: a multiplicative generator (Park and Miller 1988).
struct Numbers {
    private var state: Int

    init(seed: Int) { state = seed }

    mutating func next() -> Float {
        state = state * 48_271 % 2_147_483_647
        return Float(Double(state) / 2_147_483_647 * 2 - 1)
    }

    mutating func tensor(_ sizes: Int..., around center: Float = 0) throws -> Tensor {
        let shape = try Shape(sizes)
        return try Tensor((0..<shape.elementCount).map { _ in center + next() * 0.5 }, shape: shape)
    }
}
