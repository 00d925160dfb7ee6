import CNNModels
import CNNOperators
import CNNTensors
import Testing

@testable import CNNRuntime

@Suite("Shapes that only the file claims, where the input of a run decides them")
struct DeclaredShapeTests {
    /// A node whose second input a caller gives, and the sizes that the file claims for its outputs.
    private static func model(_ type: String, given: DataType, claims: [[Int64]], attributes: [Attribute] = []) -> Model {
        let outputs = claims.indices.map { "y\($0)" }
        var graph = Graph(name: "claims")
        graph.inputs = [
            ValueInfo(name: "x", dataType: .float32, dimensions: ["N", "C", "H", "W"]),
            ValueInfo(name: "given", dataType: given, dimensions: ["count"]),
        ]
        graph.nodes = [Node(type, inputs: ["x", "given"], outputs: outputs, attributes: attributes)]
        graph.outputs = zip(outputs, claims).map { name, sizes in
            ValueInfo(name: name, dataType: .float32, dimensions: sizes.map { DeclaredDimension(.known($0)) })
        }
        return Model(irVersion: 8, opsetImports: [OperatorSetID(version: 17)], graph: graph)
    }

    private static let image: Result<Tensor, any Error> = Result {
        try Tensor((0..<256).map { Float($0) }, shape: Shape([1, 4, 8, 8]))
    }

    @Test("are no reason to read beyond the input, or to give other parts than were asked for")
    func split() throws {
        for (claims, sizes) in [([2, 4096], [2, 2]), ([2, 2], [1, 3]), ([2, 2], [2, 2])] as [([Int64], [Int64])] {
            let model = Self.model(
                "Split", given: .int64, claims: claims.map { [1, $0, 8, 8] }, attributes: [Attribute("axis", .int(1))])
            let inputs = ["x": try Self.image.get(), "given": try Tensor(sizes)]
            if claims == sizes {
                #expect(try Session(model).run(inputs) == ReferenceEvaluator(model).run(inputs))
            } else {
                #expect(throws: (any Error).self) { try Session(model).run(inputs) }
            }
        }
    }

    @Test("do not hide that a Reshape was asked for another shape")
    func reshape() throws {
        for sizes in [[2, 128], [5, 5], [128, 2]] as [[Int64]] {
            let model = Self.model("Reshape", given: .int64, claims: [[2, 128]])
            let inputs = ["x": try Self.image.get(), "given": try Tensor(sizes)]
            if sizes == [2, 128] {
                #expect(try Session(model).run(inputs) == ReferenceEvaluator(model).run(inputs))
            } else {
                #expect(throws: (any Error).self) { try Session(model).run(inputs) }
            }
        }
    }
}
