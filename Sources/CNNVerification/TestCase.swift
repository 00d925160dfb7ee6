import CNNTensors

/// One of ONNX's test cases in the layout of its backend tests: a folder with `model.onnx`, perhaps `data.json` with the
/// case's own tolerance, and data sets with `input_*.pb` and `output_*.pb`.
struct TestCase: Sendable {
    /// The folder, relative to the one that was searched; its last component if it is that one itself.
    let name: String
    let folder: String
    /// The folders of the data sets, `test_data_set_*`, in the order of their numbers.
    let dataSets: [String]

    var modelPath: String { folder + "/model.onnx" }

    /// Folders are searched this deep: the trees of ONNX have two levels.
    private static let depthLimit = 16

    /// All cases in a folder and the folders in it, in the order of their names. Links to folders are not followed, but for
    /// the one given.
    /// - Throws: `FileError` if a folder cannot be read.
    static func cases(in root: String) throws -> [TestCase] {
        var cases: [TestCase] = []
        try collect(root, name: "", depth: 0, into: &cases)
        return cases
    }

    private static func collect(_ folder: String, name: String, depth: Int, into cases: inout [TestCase]) throws {
        let entries = try FolderListing.names(at: folder)
        if entries.contains("model.onnx") {
            let last = folder.split(separator: "/").last.map(String.init) ?? folder
            let dataSets = numbered(entries, prefix: "test_data_set_", suffix: "")
            cases.append(TestCase(name: name.isEmpty ? last : name, folder: folder, dataSets: dataSets))
        }
        guard depth < depthLimit else { return }
        for entry in entries where !entry.hasPrefix(".") && !entry.hasPrefix("test_data_set_") {
            let path = folder + "/" + entry
            guard try FileDescriptor.status(of: path, followingLinks: false)?.isDirectory == true else { continue }
            try collect(path, name: name.isEmpty ? entry : name + "/" + entry, depth: depth + 1, into: &cases)
        }
    }

    /// The files of one role (`input` or `output`) of a data set, by their numbers, which count from 0 without a gap.
    /// - Throws: `TestCaseFault` if a number is missing.
    func files(_ role: String, ofDataSet dataSet: String) throws -> [String] {
        let entries = try FolderListing.names(at: folder + "/" + dataSet)
        let names = Self.numbered(entries, prefix: role + "_", suffix: ".pb")
        for (number, name) in names.enumerated() where name != "\(role)_\(number).pb" {
            throw TestCaseFault("\(dataSet) has \(name), but no \(role)_\(number).pb")
        }
        return names.map { "\(folder)/\(dataSet)/\($0)" }
    }

    /// The entries of this form, in the order of their numbers.
    private static func numbered(_ entries: [String], prefix: String, suffix: String) -> [String] {
        let matches = entries.compactMap { entry -> (number: Int, name: String)? in
            guard entry.hasPrefix(prefix), entry.hasSuffix(suffix), entry.count > prefix.count + suffix.count,
                let number = Int(entry.dropFirst(prefix.count).dropLast(suffix.count)), number >= 0
            else { return nil }
            return (number, entry)
        }
        return matches.sorted { $0.number < $1.number }.map(\.name)
    }

    /// The case's tolerance: the `rtol` and `atol` of its `data.json`, the members that ONNX's own test loader reads; ONNX's
    /// defaults for what it does not state.
    func tolerance() throws -> ComparisonTolerance {
        let path = folder + "/data.json"
        guard try FileDescriptor.status(of: path, followingLinks: true) != nil else { return .onnxBackendTests }
        let data: JSON
        do {
            data = try JSON(parsing: MappedFile(path: path))
        } catch let error as JSONError {
            throw TestCaseFault("data.json is no JSON object: \(error)")
        }
        guard case .object = data else { throw TestCaseFault("data.json is no JSON object") }
        func number(_ key: String, default standard: Double) throws -> Double {
            let value: Double? =
                switch data[key] {
                case nil: standard
                case .number(let value): value
                case .integer(let value): Double(value)
                default: nil
                }
            guard let value, value >= 0 else { throw TestCaseFault("'\(key)' in data.json is no number of 0 or more") }
            return value
        }
        return ComparisonTolerance(
            relative: try number("rtol", default: 1e-3), absolute: .fixed(try number("atol", default: 1e-7)))
    }
}

/// A test case is not as a test case must be.
struct TestCaseFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
