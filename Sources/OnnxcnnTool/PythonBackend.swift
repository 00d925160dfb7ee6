import ArgumentParser
import CNNModels
import CNNTensors
import Foundation
import ONNXFormat

/// Another runtime that bisecting runs, through Python where it is one of Python's.
enum ReferenceBackend: String, ExpressibleByArgument, CaseIterable {
    case onnxruntime, openvino, onnxcnn
}

/// Runs models in a runtime that Python knows, each in a process of its own. Arrays go through `.npy` files by position, so
/// that no name has to suit a file.
struct PythonBackend {
    let backend: ReferenceBackend
    /// The interpreter: a path, or a name to look up in `PATH`.
    let python: String

    private static let script = """
        import sys
        folder, backend = sys.argv[1:]
        try:
            import numpy
            if backend == "onnxruntime":
                import onnxruntime
            else:
                import openvino
        except ImportError as error:
            sys.exit(f"missing: {error.name}")
        def given(count):
            return [numpy.load(f"{folder}/input_{i}.npy", allow_pickle=False) for i in range(count)]
        path = f"{folder}/model.onnx"
        if backend == "onnxruntime":
            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            names = [value.name for value in session.get_inputs()]
            results = session.run(None, dict(zip(names, given(len(names)))))
        else:
            core = openvino.Core()
            model = core.read_model(path)
            settings = {"INFERENCE_PRECISION_HINT": "f32"}
            compiled = core.compile_model(model, "CPU", settings)
            done = compiled(given(len(compiled.inputs)))
            results = [done[port] for port in compiled.outputs]
        for i, array in enumerate(results):
            numpy.save(f"{folder}/output_{i}.npy", array)
        """

    /// - Returns: the model's outputs by name.
    /// - Throws: `ToolError` if Python or the runtime is missing, or the runtime refuses the model.
    func run(_ model: Model, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("onnxcnn-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try ONNXWriter.write(model, to: folder.path + "/model.onnx")
        for (index, input) in model.graph.requiredInputs.enumerated() {
            guard let tensor = inputs[input.name] else { continue }
            try NPYFile.write(tensor, to: "\(folder.path)/input_\(index).npy")
        }
        try launch(folder.path)
        var outputs: [String: Tensor] = [:]
        for (index, output) in model.graph.outputs.enumerated() {
            outputs[output.name] = try ArrayReader.arrays(at: "\(folder.path)/output_\(index).npy").first?.tensor
        }
        return outputs
    }

    private func launch(_ folder: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, "-c", Self.script, folder, backend.rawValue]
        process.standardOutput = FileHandle.nullDevice
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus != 0 else { return }
        let last = text.split(separator: "\n").last.map(String.init) ?? ""
        if process.terminationStatus == 127 {
            throw ToolError("there is no Python '\(python)'", hint: "'--python PATH' names one")
        }
        if last.hasPrefix("missing: ") {
            throw ToolError(
                "Python '\(python)' has no package '\(last.dropFirst("missing: ".count))'",
                hint: "'\(python) -m pip install \(backend.rawValue) numpy', or '--python PATH' for one that has it")
        }
        throw ToolError("\(backend.rawValue) failed: \(last)")
    }
}
