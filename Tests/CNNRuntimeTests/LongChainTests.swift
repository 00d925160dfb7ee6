import CNNModels
import CNNTensors
import Testing

@testable import CNNRuntime

/// Networks of ten thousand nodes, which would take minutes if reading, inference or compilation cost more than a constant a node.
@Suite("Chains of 10,000 layers")
struct LongChainTests {
    /// `nodes` layers, made two by two by `append`, on an input of one channel.
    private func chain(
        nodes: Int, _ append: (inout GraphBuilder, GraphBuilder.Value) throws -> GraphBuilder.Value
    ) throws -> Model {
        var builder = GraphBuilder(name: "chain")
        var value = builder.input("x", dimensions: [1, 1, 2, 3])
        for _ in 0..<nodes / 2 { value = try append(&builder, value) }
        builder.output(value, named: "y")
        return try builder.model()
    }

    private func outputs(_ model: Model, keepingAll: Bool = false) throws -> [String: Tensor] {
        let x = try Tensor([Float(1), 2, 3, 4, -5, 6], shape: Shape([1, 1, 2, 3]))
        return try Session(model, options: SessionOptions(threads: 1)).run(["x": x], keepingAll: keepingAll)
    }

    @Test("of convolutions and activations hand on what is positive", arguments: [false, true])
    func convolutions(_ keepingAll: Bool) throws {
        let one = try Tensor([Float(1)], shape: Shape([1, 1, 1, 1]))
        let model = try chain(nodes: 10_000) { builder, value in builder.relu(builder.conv(value, weights: one)) }
        let outputs = try outputs(model, keepingAll: keepingAll)
        #expect(try outputs["y"]?.elements(as: Float.self) == [1, 2, 3, 4, 0, 6])
        #expect(outputs.count == (keepingAll ? 10_000 : 1))
    }

    @Test("of residuals double what they get")
    func residuals() throws {
        // Half of x and half of x again.
        let half = try Tensor([Float(0.5)], shape: Shape([1, 1, 1, 1]))
        let model = try chain(nodes: 10_000) { builder, value in
            let scaled = builder.conv(value, weights: half)
            return builder.add(scaled, scaled)
        }
        #expect(try outputs(model)["y"]?.elements(as: Float.self) == [1, 2, 3, 4, -5, 6])
    }

    @Test("of sums of many inputs and of nodes without kernels")
    func sums() throws {
        let model = try chain(nodes: 10_000) { builder, value in
            let sign = builder.node("Sign", [value])[0]
            return builder.node("Max", [value, sign, value])[0]
        }
        #expect(try outputs(model)["y"]?.elements(as: Float.self) == [1, 2, 3, 4, -1, 6])
    }
}
