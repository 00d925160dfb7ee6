import ArgumentParser
import CNNModels
import CNNTensors
import Foundation
import ONNXFormat

@testable import OnnxcnnTool

/// Runs the tool in this process, as its `main` does, and returns the exit code. Not for what writes to stdout.
func exitCode(of arguments: [String]) -> Int32 {
    do {
        var command = try Onnxcnn.parseAsRoot(arguments)
        try command.run()
        return 0
    } catch {
        return Onnxcnn.exitCode(for: error).rawValue
    }
}

/// A folder of a test's own with a model in it, removed with the object.
final class ModelFolder {
    let root: String

    /// - Parameter name: the model's path within the folder, where `input.npy` lies too.
    init(_ name: String = "model.onnx") throws {
        root = FileManager.default.temporaryDirectory.appendingPathComponent("onnxcnn-tests-\(UUID().uuidString)").path
        try FileDescriptor.createFolder(at: root)
        try write(Self.model(), to: name)
        try NPYFile.write(Tensor([Float](repeating: 1, count: 6), shape: Shape([3, 2])), to: path("input.npy"))
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    func path(_ name: String) -> String { root + "/" + name }

    func write(_ model: Model, to name: String) throws {
        if let folder = FilePath.sibling("", of: path(name)) { try FileDescriptor.createFolder(at: folder) }
        try ONNXWriter.write(model, to: path(name))
    }

    func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path(name))) }

    func move(_ name: String, to other: String) throws {
        try FileManager.default.moveItem(atPath: path(name), toPath: path(other))
    }

    /// `y = Relu(x) + c`, all of shape `[N, 2]` or `[2]`.
    static func model(adding constant: Float = 0.5) throws -> Model {
        var graph = GraphBuilder(name: "sum", opset: 17)
        let x = graph.input("x", dimensions: ["N", DeclaredDimension(.known(2))])
        let sum = graph.add(graph.relu(x), graph.weights(try Tensor([constant, 1]), named: "c"))
        graph.output(sum, named: "y", dimensions: ["N", DeclaredDimension(.known(2))])
        return try graph.model()
    }
}
