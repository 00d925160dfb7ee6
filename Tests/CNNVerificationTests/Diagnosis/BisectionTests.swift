import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors
import Foundation
import Testing

@testable import CNNVerification

@Suite("Bisection and reproduction")
struct BisectionTests {
    /// Twenty residual layers, the weights of one of them changed. What a layer adds stays to the end.
    private func chain(changing layer: Int?) throws -> Model {
        var numbers = Numbers(seed: 11)
        var builder = GraphBuilder(name: "chain", opset: 17)
        var x = builder.input("x", dimensions: [1, 12])
        for index in 0..<20 {
            // Small enough that no sigmoid saturates, which would hide a change.
            let scale = index == layer ? 0.101 : 0.1
            let elements = try numbers.tensor(12, 12).doubles().map { $0 * scale }
            let weights = try Tensor(rounding: elements, to: .float32, shape: Shape([12, 12]))
            let product = try builder.gemm(x, weights: weights, name: "fc\(index)")
            x = builder.relu(builder.add(builder.sigmoid(product), x, name: "sum\(index)"))
        }
        builder.output(x, dimensions: [1, 12])
        return try builder.model().declaringShapes()
    }

    private func input() throws -> [String: Tensor] {
        var numbers = Numbers(seed: 13)
        return ["x": try numbers.tensor(1, 12)]
    }

    @Test("The guilty node is found in a logarithm of runs", arguments: [0, 7, 19])
    func guilty(layer: Int) throws {
        let (model, other) = (try chain(changing: nil), try chain(changing: layer))
        var runs = 0
        let outcome = try Bisection(model, options: SessionOptions(threads: 1)).run(input()) { values in
            runs += 1
            return try ReferenceEvaluator(other.prefix(endingAt: values)).run(input())
        }
        guard case .difference(let found) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect("\(try #require(found.guiltyNode))".contains("'fc\(layer)'"))
        #expect(found.runCount == runs)
        // 40 cuts: one run for the whole, six halvings at most, one for the values between.
        #expect(runs <= 8)
    }

    @Test("A reference that agrees has nothing to find")
    func agreement() throws {
        let model = try chain(changing: nil)
        let outcome = try Bisection(model, options: SessionOptions(threads: 1)).run(input()) { values in
            try ReferenceEvaluator(model.prefix(endingAt: values)).run(input())
        }
        guard case .agreement = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test("A reproduction is a test case that fails as the whole does, and passes once the fault is mended")
    func reproduction() throws {
        let (model, other) = (try chain(changing: nil), try chain(changing: 5))
        let references = try ReferenceEvaluator(other).run(input(), keepingAll: true)
        let guilty = try #require(model.graph.nodes.firstIndex { $0.name == "fc5" })
        let options = SessionOptions(threads: 1)
        let reproduction = try #require(
            try Reproduction(of: model, nodes: [guilty], references: references, values: input(), options: options))
        #expect(reproduction.model.graph.nodes.map(\.name) == ["fc5"])
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("onnxcnn-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try reproduction.write(to: folder)
        let runner = TestCaseRunner { model in
            let session = try Session(model, options: options)
            return { try session.run($0) }
        }
        #expect(try runner.run(folder).results.map(\.status) == [.failed])
        let right = try ReferenceEvaluator(reproduction.model).run(reproduction.inputs)
        try TestCaseFiles.write(
            reproduction.model, inputs: reproduction.inputs, outputs: right, to: folder)
        #expect(try runner.run(folder).results.map(\.status) == [.passed])
    }
}
