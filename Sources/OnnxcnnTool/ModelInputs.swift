import ArgumentParser
import CNNModels
import CNNTensors
import Foundation

/// The arrays that a model is run on.
struct InputOptions: ParsableArguments {
    @Option(
        name: .customLong("input"), parsing: .singleValue,
        help: ArgumentHelp(
            "An input array: .npy, .npz, .safetensors or ONNX .pb; repeatable. With one input the name may be left out; - reads stdin.",
            valueName: "[name=]file"))
    var files: [String] = []

    /// The named arrays.
    /// - Throws: `ToolError` if an array without a name cannot be assigned, or one name is given twice.
    func tensors(for graph: Graph) throws -> [String: Tensor] {
        let names = graph.requiredInputs.map(\.name)
        return try ArrayAssignment(kind: "input", names: names).assign(files, allNames: graph.inputs.map(\.name))
    }
}

/// Gives arrays from files their names in the model.
struct ArrayAssignment {
    /// What the arrays are, for errors: `input` or `reference`.
    let kind: String
    /// The names that stand to be given, in the model's order.
    let names: [String]

    /// Reads files given as `FILE` or `NAME=FILE` and names their arrays: by the text before `=`, by the name in
    /// the file if the model knows it, and where the model has one name only, by that.
    /// - Parameter allNames: names that are accepted besides.
    func assign(_ files: [String], allNames: [String]) throws -> [String: Tensor] {
        var assigned: [String: Tensor] = [:]
        for text in files {
            let file = NamedFile(text, names: names + allNames)
            let arrays = try ArrayReader.arrays(at: file.path)
            for array in arrays {
                let name = try name(for: array, in: file, isOnlyArray: arrays.count == 1, known: Set(names + allNames))
                guard assigned.updateValue(array.tensor, forKey: name) == nil else {
                    throw ToolError("\(kind) '\(name)' is given twice", at: file.path)
                }
            }
        }
        return assigned
    }

    private func name(
        for array: ArrayReader.NamedArray, in file: NamedFile, isOnlyArray: Bool, known: Set<String>
    ) throws -> String {
        if let name = file.name {
            guard isOnlyArray else {
                throw ToolError(
                    "'\(name)=' names one array, but the file holds several", at: file.path,
                    hint: "give the file without a name; its arrays have names of their own")
            }
            return name
        }
        if let name = array.name, known.contains(name) || !(isOnlyArray && names.count == 1) { return name }
        if names.count == 1 { return names[0] }
        throw ToolError(
            "which \(kind) the array is, is not clear: the model has \(names.count): \(names.joined(separator: ", "))",
            at: file.path, hint: "write '--\(kind) NAME=\(file.path)'")
    }
}
