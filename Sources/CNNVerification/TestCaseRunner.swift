import CNNModels
import CNNTensors
import ONNXFormat

/// Runs trees of ONNX test cases, as ONNX's own backend tests do (`onnx.backend.test.runner`): inputs and outputs belong to
/// the graph's by their position, shapes and types must agree, NaN equals NaN, floating-point numbers may differ by the
/// case's tolerance, everything else has to be the same.
public struct TestCaseRunner: Sendable {
    /// Computes a model's outputs, by name, from its inputs, by name.
    public typealias Evaluation = @Sendable ([String: Tensor]) throws -> [String: Tensor]

    private let tolerance: ComparisonTolerance?
    private let prepare: @Sendable (Model) throws -> Evaluation

    /// - Parameters:
    ///   - tolerance: what all cases are held to; nil for each case's own.
    ///   - prepare: makes what evaluates a model; called once a case.
    public init(tolerance: ComparisonTolerance? = nil, prepare: @escaping @Sendable (Model) throws -> Evaluation) {
        self.tolerance = tolerance
        self.prepare = prepare
    }

    /// Runs every case in `folder` and the folders in it.
    /// - Parameter jobs: how many cases run at a time.
    /// - Throws: `FileError` if the folders cannot be read. What goes wrong in a case is its result.
    public func run(_ folder: String, jobs: Int = 1) throws -> TestCaseReport {
        TestCaseReport(folder: folder, results: concurrentMap(try TestCase.cases(in: folder), jobs: jobs, result))
    }

    @Sendable
    private func result(of testCase: TestCase) -> TestCaseResult {
        do {
            let differences = try differences(testCase)
            return TestCaseResult(
                name: testCase.name, status: differences.isEmpty ? .passed : .failed,
                message: differences.joined(separator: "; "))
        } catch {
            return TestCaseResult(
                name: testCase.name, status: Self.isUnsupported(error) ? .unsupported : .error, message: "\(error)")
        }
    }

    /// What differs, a sentence each.
    private func differences(_ testCase: TestCase) throws -> [String] {
        let tolerance = try tolerance ?? testCase.tolerance()
        guard !testCase.dataSets.isEmpty else { throw TestCaseFault("there is no test_data_set_* beside model.onnx") }
        let model = try ONNXReader.model(at: testCase.modelPath)
        let evaluate = try prepare(model)
        return try testCase.dataSets.flatMap { dataSet in
            let inputs = try Self.inputs(testCase.files("input", ofDataSet: dataSet), of: model.graph)
            let expected = try testCase.files("output", ofDataSet: dataSet).map { try ONNXReader.tensor(at: $0).tensor }
            guard expected.count == model.graph.outputs.count, !expected.isEmpty else {
                throw TestCaseFault(
                    "\(dataSet) has \(expected.count) outputs, but the graph has \(model.graph.outputs.count)")
            }
            let computed = try evaluate(inputs)
            return try zip(model.graph.outputs, expected).compactMap { output, reference in
                guard let actual = computed[output.name] else { return "output '\(output.name)' was not computed" }
                return try difference(actual, reference, tolerance, name: output.name)
            }
        }
    }

    /// The inputs by the names of the graph's: of those without an initializer, or, where there are more files, of all.
    private static func inputs(_ files: [String], of graph: Graph) throws -> [String: Tensor] {
        let required = graph.requiredInputs
        let inputs = files.count <= required.count ? required : graph.inputs
        guard files.count <= inputs.count else {
            throw TestCaseFault("there are \(files.count) input files, but the graph has \(inputs.count) inputs")
        }
        var tensors: [String: Tensor] = [:]
        for (input, file) in zip(inputs, files) { tensors[input.name] = try ONNXReader.tensor(at: file).tensor }
        return tensors
    }

    private func difference(
        _ actual: Tensor, _ reference: Tensor, _ tolerance: ComparisonTolerance, name: String
    ) throws -> String? {
        var tolerance = tolerance
        // ONNX's runner allows bfloat16, whose unit in the last place is 2^-7 of the number, two of them.
        if self.tolerance == nil, actual.dataType == .bfloat16 { tolerance.relative = max(tolerance.relative, 0x1p-6) }
        let comparison = try TensorComparison(actual: actual, reference: reference, tolerance: tolerance)
        switch comparison.verdict {
        case .match: return nil
        case .incomparable(let reason): return "output '\(name)': \(reason)"
        case .mismatch:
            guard let metrics = comparison.metrics else { return "output '\(name)' differs" }
            let worst =
                metrics.maxAbsolute.map { ", at most by \($0.difference)" + ($0.index.isEmpty ? "" : " at \($0.index)") } ?? ""
            return "output '\(name)': \(metrics.mismatchCount) of \(metrics.elementCount) elements differ\(worst)"
        }
    }

    /// Whether a model was refused for what this package does not implement, not for what is wrong with it.
    private static func isUnsupported(_ error: any Error) -> Bool {
        guard let error = error as? ModelError else { return false }
        return error.problems.contains { $0.rule == .unsupportedOperator || $0.rule == .unsupportedType }
    }
}
