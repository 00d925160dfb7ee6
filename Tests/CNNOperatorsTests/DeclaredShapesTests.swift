import CNNModels
import CNNTensors
import Testing

@testable import CNNOperators

@Suite("Declaring inferred shapes")
struct DeclaredShapesTests {
    @Test("A built model gets every value's shape declared, and the outputs it leaves open")
    func builtModel() throws {
        var builder = GraphBuilder(name: "open")
        let image = builder.input("image", dimensions: ["N", 1, 5, 5])
        let kernels = try Tensor([Float](repeating: 1, count: 18), shape: Shape([2, 1, 3, 3]))
        let features = builder.relu(builder.conv(image, weights: kernels, name: "conv"), name: "relu")
        builder.output(features)
        builder.output(builder.flatten(features, name: "flat"), dimensions: ["batch", 18])
        let model = try builder.model().declaringShapes()
        #expect(model.graph.valueInfos == [ValueInfo(name: "conv", dataType: .float32, dimensions: ["N", 2, 3, 3])])
        #expect(
            model.graph.outputs == [
                ValueInfo(name: "relu", dataType: .float32, dimensions: ["N", 2, 3, 3]),
                ValueInfo(name: "flat", dataType: .float32, dimensions: ["batch", 18]),
            ])
    }
}
