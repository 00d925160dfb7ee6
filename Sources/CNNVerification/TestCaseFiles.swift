import CNNModels
import CNNTensors
import ONNXFormat

/// Writes test cases in the layout of ONNX's backend tests, which `TestCaseRunner` reads.
public enum TestCaseFiles {
    /// Writes `model.onnx` and `test_data_set_0/{input,output}_N.pb`, in the model's order of inputs and outputs.
    /// - Parameters:
    ///   - inputs: a tensor for every required input, by name.
    ///   - outputs: a tensor for every output, by name.
    ///   - tolerance: what `data.json` states; nil writes none, for ONNX's own default.
    /// - Throws: `FileError`, `ModelFileError`.
    @discardableResult
    public static func write(
        _ model: Model, inputs: [String: Tensor], outputs: [String: Tensor], to folder: String,
        tolerance: ComparisonTolerance? = nil, options: ONNXWriter.Options = ONNXWriter.Options()
    ) throws -> ONNXWriter.Receipt {
        let dataSet = folder + "/test_data_set_0"
        try FileDescriptor.createFolder(at: dataSet)
        let receipt = try ONNXWriter.write(model, to: folder + "/model.onnx", options: options)
        try write(model.graph.requiredInputs, inputs, "input", to: dataSet)
        try write(model.graph.outputs, outputs, "output", to: dataSet)
        if let tolerance, case .fixed(let absolute) = tolerance.absolute {
            let data = JSON.object([
                JSON.Member("rtol", .number(tolerance.relative)), JSON.Member("atol", .number(absolute)),
            ])
            try AtomicFile.write(Array(data.text().utf8), to: folder + "/data.json")
        }
        return receipt
    }

    private static func write(
        _ values: [ValueInfo], _ tensors: [String: Tensor], _ role: String, to dataSet: String
    ) throws {
        for (index, value) in values.enumerated() {
            guard let tensor = tensors[value.name] else { continue }
            try ONNXWriter.write(NamedTensor(name: value.name, tensor: tensor), to: "\(dataSet)/\(role)_\(index).pb")
        }
    }
}
