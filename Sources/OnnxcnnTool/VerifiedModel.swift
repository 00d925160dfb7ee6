import CNNModels
import CNNRuntime
import CNNTensors
import CNNVerification

/// One model with what it was held against and what came of it.
struct VerifiedModel: Sendable {
    /// What a model is held against.
    enum Outcome: Sendable {
        case compared(VerificationReport)
        /// The check that the model carries.
        case selfChecked(SelfCheckReport)
    }

    let path: String
    /// What was run: with its batch bound.
    let model: Model
    let inputs: [String: Tensor]
    let references: ReferenceArrays
    /// Where the reference came from, as the user would name it.
    let referenceText: String
    let outcome: Outcome

    var verdict: VerificationReport.Verdict {
        switch outcome {
        case .compared(let report): report.verdict
        case .selfChecked(let report): report.verdict
        }
    }

    var verdictText: String {
        switch outcome {
        case .compared(let report): report.verdictText
        case .selfChecked(let report): report.verdictText
        }
    }

    /// Why the verification is incomplete, a sentence each; empty if it is complete.
    var omissions: [String] {
        switch outcome {
        case .compared(let report): report.omissions
        case .selfChecked(let report): report.omissions
        }
    }

    var jsonMembers: [JSON.Member] {
        switch outcome {
        case .compared(let report): report.jsonMembers
        case .selfChecked(let report): report.jsonMembers
        }
    }

    /// The references of this model's values, read, by name.
    func referenceTensors() throws -> [String: Tensor] {
        let values = Set(model.graph.nodes.flatMap(\.outputs))
        var places: [String: Int] = [:]
        for (place, name) in references.names.enumerated() {
            if let name, values.contains(name), places[name] == nil { places[name] = place }
        }
        for pair in ModelVerification.matching(of: model.graph, to: references).pairs { places[pair.output] = pair.reference }
        return try places.mapValues(references.tensor(at:))
    }

    func junitSuite() -> JUnitReport.Suite {
        switch outcome {
        case .compared(let report): report.junitSuite(named: path)
        case .selfChecked(let report): report.junitSuite(named: path)
        }
    }
}

extension VerifyCommand {
    /// Verifies the model at `path`, or the one archive in the working directory.
    func verified(
        _ path: String?, threads: Int, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> VerifiedModel {
        let source = try ModelSource(path: path)
        let model = try source.bindingBatch(binding)
        let files = references.isEmpty ? Self.referencesBeside(source.path) : references
        if files.isEmpty {
            guard let check = try SelfCheck(in: source.model) else {
                throw MissingReference(path: source.path)
            }
            // Options for several models may be meant for others than this one.
            if models.count <= 1 { try checkOptions(for: .selfCheck) }
            let runner = try engine.runner(for: source.model, threads: threads)
            let report = try check.report { try runner.run($0) }
            return VerifiedModel(
                path: source.path, model: source.model, inputs: [:], references: ReferenceArrays([]),
                referenceText: "the check in the model", outcome: .selfChecked(report))
        }
        let runner = try engine.runner(for: model, threads: threads)
        let arrays = try ReferenceFiles(files, names: model.graph.outputs.map(\.name) + model.graph.nodes.flatMap(\.outputs))
        let given = try inputTensors(for: model.graph, arrays)
        let hasLayers = !ModelVerification.layerNames(of: model.graph, in: arrays.references).isEmpty
        if layers == true, !hasLayers {
            throw ToolError(
                "the reference has no values between nodes", at: files.joined(separator: ", "),
                hint: "'Tools/reference.py --layers' and 'onnxcnn run --layers' write them")
        }
        let verification = ModelVerification(
            model, options: engine.sessionOptions(threads: threads), tolerance: rule,
            checksLayers: layers != false && engine.engine == .runtime, allowsPartial: partial
        ) { try runner.run($0, keepingAll: $1) }
        return VerifiedModel(
            path: source.path, model: model, inputs: given, references: arrays.references,
            referenceText: files.joined(separator: ", "),
            outcome: .compared(try verification.report(given, references: arrays.references, progress: progress)))
    }

    /// The reference that belongs to a model by its name: `<model>.ref.npz`, else `<model>.npz`, in the same folder.
    private static func referencesBeside(_ path: String) -> [String] {
        let stem = ModelSource.stem(of: path)
        let candidates = ["\(stem).ref.npz", "\(stem).npz"].compactMap { FilePath.sibling($0, of: path) }
        return candidates.first(where: FilePath.exists).map { [$0] } ?? []
    }

    /// The arrays given as inputs, else those under the inputs' names in the reference files, else `input.npy` beside them.
    private func inputTensors(for graph: Graph, _ arrays: ReferenceFiles) throws -> [String: Tensor] {
        if !inputs.files.isEmpty { return try inputs.tensors(for: graph) }
        let required = graph.requiredInputs.map(\.name)
        var tensors: [String: Tensor] = [:]
        for (place, name) in arrays.references.names.enumerated() {
            if let name, required.contains(name) { tensors[name] = try arrays.references.tensor(at: place) }
        }
        let missing = required.filter { tensors[$0] == nil }
        guard !missing.isEmpty else { return tensors }
        if missing.count == 1, let path = FilePath.sibling("input.npy", of: arrays.firstPath), FilePath.exists(path),
            let array = try ArrayReader.arrays(at: path).first
        {
            tensors[missing[0]] = array.tensor
            return tensors
        }
        let names = missing.map { "'\($0)'" }.joined(separator: ", ")
        throw ToolError(
            "no array for input \(names): none under that name in the reference, and no 'input.npy' beside it",
            hint: "give '--input FILE'")
    }
}

/// There is nothing to verify a model against.
struct MissingReference: Error {
    let path: String

    var diagnostic: Diagnostic {
        Diagnostic(
            cause: "there is nothing to verify the model against: no <model>.ref.npz or <model>.npz beside it, "
                + "and no check in it",
            places: [path], hint: "give '--reference FILE'; 'onnxcnn export --self-check' puts a check into the model")
    }
}

/// The arrays of all reference files, with the names they have in the model as far as the files tell.
struct ReferenceFiles {
    let references: ReferenceArrays
    let firstPath: String

    /// - Parameter names: the names that may stand before a file, `NAME=FILE`.
    init(_ texts: [String], names: [String]) throws {
        var arrays: [(name: String?, collection: ArrayCollection, place: Int)] = []
        var firstPath = ""
        for text in texts {
            let file = NamedFile(text, names: names)
            if firstPath.isEmpty { firstPath = file.path }
            let collection = try ArrayCollection(opening: file.path)
            if let name = file.name, collection.names.count != 1 {
                throw ToolError(
                    "'\(name)=' names one array, but the file holds \(collection.names.count)", at: file.path,
                    hint: "give the file without a name; its arrays have names of their own")
            }
            for (place, name) in collection.names.enumerated() { arrays.append((file.name ?? name, collection, place)) }
        }
        self.firstPath = firstPath
        let found = arrays
        references = ReferenceArrays(names: found.map(\.name)) { place in
            try found[place].collection.tensor(at: found[place].place)
        }
    }
}
