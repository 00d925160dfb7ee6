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
        let known = Set(names + allNames)
        var assigned: [String: Tensor] = [:]
        for text in files {
            let file = NamedFile(text, names: names + allNames)
            let arrays = try ArrayCollection(opening: file.path)
            for (place, name) in try places(of: arrays, in: file, known: known) {
                guard assigned.updateValue(try arrays.tensor(at: place), forKey: name) == nil else {
                    throw ToolError("\(kind) '\(name)' is given twice", at: file.path)
                }
            }
        }
        return assigned
    }

    /// Which arrays of a file are meant, and their names in the model. Of several those that the model knows: a file of
    /// references holds inputs beside values between nodes.
    private func places(
        of arrays: ArrayCollection, in file: NamedFile, known: Set<String>
    ) throws -> [(place: Int, name: String)] {
        if arrays.names.count == 1 { return [(0, try onlyName(arrays.names[0], in: file, known: known))] }
        if let name = file.name {
            throw ToolError(
                "'\(name)=' names one array, but the file holds \(arrays.names.count)", at: file.path,
                hint: "give the file without a name; its arrays have names of their own")
        }
        let places = arrays.names.enumerated().compactMap { place, name in
            name.flatMap { known.contains($0) ? (place: place, name: $0) : nil }
        }
        guard !places.isEmpty else {
            throw ToolError(
                "none of the file's \(arrays.names.count) arrays has the name of an \(kind): \(names.joined(separator: ", "))",
                at: file.path, hint: "give files of one array each, as '--\(kind) NAME=FILE'")
        }
        return places
    }

    /// The name of a file's only array.
    private func onlyName(_ given: String?, in file: NamedFile, known: Set<String>) throws -> String {
        if let name = file.name { return name }
        if let given, known.contains(given) || names.count != 1 { return given }
        if names.count == 1 { return names[0] }
        throw ToolError(
            "which \(kind) the array is, is not clear: the model has \(names.count): \(names.joined(separator: ", "))",
            at: file.path, hint: "write '--\(kind) NAME=\(file.path)'")
    }
}
