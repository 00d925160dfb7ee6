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
///
/// The folder of these files is the other process's, which removes it when its input ends: so it goes too when this process is
/// interrupted or killed.
struct PythonBackend {
    let backend: ReferenceBackend
    /// The interpreter: a path, or a name to look up in `PATH`.
    let python: String

    private static let script = """
        import sys, tempfile
        def say(text):
            print(text, flush=True)
        backend = sys.argv[1]
        try:
            import numpy
            if backend == "onnxruntime":
                import onnxruntime
            else:
                import openvino
        except ImportError as error:
            say(f"missing: {error.name}")
            sys.exit()
        def given(count):
            return [numpy.load(f"{folder}/input_{i}.npy", allow_pickle=False) for i in range(count)]
        def run():
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
        with tempfile.TemporaryDirectory(prefix="onnxcnn-") as folder:
            say(f"folder: {folder}")
            if sys.stdin.readline():
                try:
                    run()
                    say("done")
                except Exception as error:
                    say("failed: " + " ".join(str(error).split()))
                sys.stdin.read()
        """

    /// - Returns: the model's outputs by name.
    /// - Throws: `ToolError` if Python or the runtime is missing, or the runtime refuses the model.
    func run(_ model: Model, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, "-c", Self.script, backend.rawValue]
        let (orders, answers) = (Pipe(), Pipe())
        process.standardInput = orders
        process.standardOutput = answers
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer {
            // The end of its input is what the process waits for.
            try? orders.fileHandleForWriting.close()
            process.waitUntilExit()
        }
        var lines = AnswerLines(answers.fileHandleForReading)
        let folder = try answer("folder: ", &lines, process)
        try ONNXWriter.write(model, to: folder + "/model.onnx")
        for (index, input) in model.graph.requiredInputs.enumerated() {
            guard let tensor = inputs[input.name] else { continue }
            try NPYFile.write(tensor, to: "\(folder)/input_\(index).npy")
        }
        try orders.fileHandleForWriting.write(contentsOf: Data("run\n".utf8))
        _ = try answer("done", &lines, process)
        var outputs: [String: Tensor] = [:]
        for (index, output) in model.graph.outputs.enumerated() {
            outputs[output.name] = try ArrayReader.arrays(at: "\(folder)/output_\(index).npy").first?.tensor
        }
        return outputs
    }

    /// The rest of the next line that begins so; lines that are no answer at all are what an import printed.
    private func answer(_ start: String, _ lines: inout AnswerLines, _ process: Process) throws -> String {
        while let line = lines.next() {
            if line.hasPrefix(start) { return String(line.dropFirst(start.count)) }
            if line.hasPrefix("missing: ") {
                throw ToolError(
                    "Python '\(python)' has no package '\(line.dropFirst("missing: ".count))'",
                    hint: "'\(python) -m pip install \(backend.rawValue) numpy', or '--python PATH' for one that has it")
            }
            if line.hasPrefix("failed: ") { throw ToolError("\(backend.rawValue) \(line)") }
        }
        process.waitUntilExit()
        // What `env` leaves with when there is no such program.
        if process.terminationStatus == 127 {
            throw ToolError("there is no Python '\(python)'", hint: "'--python PATH' names one")
        }
        throw ToolError("\(backend.rawValue) ended without a result (status \(process.terminationStatus))")
    }
}

/// The lines that a process prints, as they come.
private struct AnswerLines {
    private let handle: FileHandle
    private var rest = Data()

    init(_ handle: FileHandle) { self.handle = handle }

    /// The next line; nil at the end.
    mutating func next() -> String? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest = Data(rest[rest.index(after: end)...]) }
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            let more = handle.availableData
            if more.isEmpty { return nil }
            rest.append(more)
        }
    }
}
