import CNNModels
import CNNRuntime
import CNNTensors

@testable import CNNVerification

/// A small network for tests, seeded: convolution, batch normalisation, Relu, a second convolution added to the first, a
/// classifier. Input `x` [N, 3, 8, 8], output `scores` [N, 10].
struct NetworkUnderVerification {
    let model: Model
    let options = SessionOptions(threads: 1)

    /// - Parameters:
    ///   - epsilon: of the batch normalisation; the conversion mistake that the tests look for.
    ///   - prefix: stands before every name.
    init(epsilon: Float = 1e-3, prefix: String = "") throws {
        var random = SplitMix64(seed: 3)
        func weights(_ dimensions: [Int], scale: Float = 0.3) throws -> Tensor {
            let shape = try Shape(dimensions)
            return try Tensor((0..<shape.elementCount).map { _ in random.nextSymmetricUnit() * scale }, shape: shape)
        }
        func constant(_ value: Float) throws -> Tensor { try Tensor([Float](repeating: value, count: 8)) }
        var builder = GraphBuilder(name: "network")
        let x = builder.input("x", dimensions: ["N", 3, 8, 8])
        let first = builder.conv(x, weights: try weights([8, 3, 3, 3]), pads: [1, 1, 1, 1], name: prefix + "first")
        let normal = builder.batchNormalization(
            first, scale: try constant(0.5), bias: try constant(0.1), mean: try constant(0.05), variance: try constant(0.01),
            epsilon: epsilon, name: prefix + "norm")
        let active = builder.relu(normal, name: prefix + "active")
        let second = builder.conv(active, weights: try weights([8, 8, 3, 3]), pads: [1, 1, 1, 1], name: prefix + "second")
        let sum = builder.add(active, second, name: prefix + "sum")
        let flat = builder.flatten(builder.globalAveragePool(sum, name: prefix + "pool"), name: prefix + "flat")
        let scores = try builder.gemm(flat, weights: try weights([10, 8]), name: prefix + "classes")
        builder.output(scores, named: "scores", dimensions: ["N", 10])
        model = try builder.model()
    }

    func input(batch: Int = 2) throws -> [String: Tensor] {
        var random = SplitMix64(seed: 11)
        let shape = try Shape([batch, 3, 8, 8])
        return ["x": try Tensor((0..<shape.elementCount).map { _ in random.nextSymmetricUnit() }, shape: shape)]
    }

    /// Every value, by name, as the runtime computes it.
    func values(mode: SessionOptions.Mode = .strict) throws -> [String: Tensor] {
        try Session(model, options: SessionOptions(threads: 1, mode: mode)).run(input(), keepingAll: true)
    }

    func verification(
        tolerance: Tolerance = .automatic, layers: Bool = true
    ) throws -> ModelVerification {
        let session = try Session(model, options: options)
        return ModelVerification(model, options: options, tolerance: tolerance, checksLayers: layers) {
            try session.run($0, keepingAll: $1)
        }
    }

    /// Verifies this network against what another one computes.
    /// - Parameter layers: whether the reference has the values between nodes.
    func report(against other: NetworkUnderVerification, layers: Bool) throws -> VerificationReport {
        let values = try other.values()
        let names = layers ? values.keys.sorted() : ["scores"]
        let references = ReferenceArrays(names.compactMap { name in values[name].map { (name: name, tensor: $0) } })
        return try verification().report(input(), references: references)
    }
}
