import CNNModels
import CNNTensors
import Foundation
import ONNXFormat
import Testing

@testable import CNNVerification

@Suite("Running ONNX test cases")
struct TestCaseRunnerTests {
    /// A tree of cases of one graph, `sum = first + second` where `second` has the initializer 1. What evaluates it is given
    /// by each test, so that the runner alone is tested.
    final class CaseTree {
        let root: String

        init() throws {
            root = FileManager.default.temporaryDirectory.appendingPathComponent("onnxcnn-cases-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: root) }

        func add(
            _ name: String, inputs: [[Tensor]] = [], outputs: [[Tensor]] = [], settings: String? = nil
        ) throws {
            let folder = root + "/" + name
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            _ = try ONNXWriter.write(TestCaseRunnerTests.model(), to: folder + "/model.onnx")
            if let settings { try Data(settings.utf8).write(to: URL(fileURLWithPath: folder + "/data.json")) }
            for (number, sets) in zip(inputs, outputs).enumerated() {
                let dataSet = folder + "/test_data_set_\(number)"
                try FileManager.default.createDirectory(atPath: dataSet, withIntermediateDirectories: true)
                for (role, tensors) in [("input", sets.0), ("output", sets.1)] {
                    for (index, tensor) in tensors.enumerated() {
                        try ONNXWriter.write(NamedTensor(name: "", tensor: tensor), to: "\(dataSet)/\(role)_\(index).pb")
                    }
                }
            }
        }
    }

    static func model() throws -> Model {
        let value = { (name: String) in ValueInfo(name: name, dataType: .float32, dimensions: []) }
        return Model(
            irVersion: 8, opsetImports: [OperatorSetID(version: 17)],
            graph: Graph(
                name: "sum", nodes: [Node("Add", inputs: ["first", "second"], outputs: ["sum"])],
                initializers: [NamedTensor(name: "second", tensor: try Tensor(scalar: Float(1)))],
                inputs: [value("first"), value("second")], outputs: [value("sum")]))
    }

    /// Adds as the graph says, and then `error`.
    static func runner(error: Float = 0, tolerance: ComparisonTolerance? = nil) -> TestCaseRunner {
        TestCaseRunner(tolerance: tolerance) { model in
            #expect(model.graph.nodes.map(\.operatorType) == ["Add"])
            return { inputs in
                let first = try #require(inputs["first"]).elements(as: Float.self)
                let second = try inputs["second"]?.elements(as: Float.self) ?? [1]
                return ["sum": try Tensor(scalar: first[0] + second[0] + error)]
            }
        }
    }

    func scalar(_ value: Float) throws -> Tensor { try Tensor(scalar: value) }

    @Test("cases are found in nested folders, and each data set is run with its inputs by position")
    func walks() throws {
        let tree = try CaseTree()
        try tree.add("node/test_b", inputs: [[scalar(2)], [scalar(2), scalar(5)]], outputs: [[scalar(3)], [scalar(7)]])
        try tree.add("node/test_a", inputs: [[scalar(2)]], outputs: [[scalar(3)]])
        try tree.add("simple/deeper/test_c", inputs: [[scalar(2)]], outputs: [[scalar(4)]])
        let report = try Self.runner().run(tree.root, jobs: 2)
        #expect(report.results.map(\.name) == ["node/test_a", "node/test_b", "simple/deeper/test_c"])
        #expect(report.results.map(\.status) == [.passed, .passed, .failed])
        #expect(report.results[2].message == "output 'sum': 1 of 1 elements differ, at most by 1.0")
        #expect(report.verdict == .mismatch)
        #expect(report.totalsText == "2 passed, 1 failed, 0 unsupported, 0 errors")
        #expect(report.text.hasPrefix("failed: simple/deeper/test_c: output 'sum'"))
    }

    @Test("a case's own tolerance holds, ONNX's defaults where it states none")
    func tolerance() throws {
        let tree = try CaseTree()
        let (inputs, outputs) = try ([[scalar(1)]], [[scalar(2)]])
        try tree.add("default", inputs: inputs, outputs: outputs)
        try tree.add("wide", inputs: inputs, outputs: outputs, settings: #"{"rtol": 0.1, "url": "ignored"}"#)
        try tree.add("absolute", inputs: inputs, outputs: outputs, settings: #"{"rtol": 0, "atol": 1}"#)
        try tree.add("broken", inputs: inputs, outputs: outputs, settings: #"{"rtol": -1}"#)
        try tree.add("text", inputs: inputs, outputs: outputs, settings: "rtol = 1")
        func statuses(error: Float) throws -> [String: TestCaseResult.Status] {
            let results = try Self.runner(error: error).run(tree.root).results
            return Dictionary(uniqueKeysWithValues: results.map { ($0.name, $0.status) })
        }
        // Relative to 2: 1/1024 lies within ONNX's 1e-3 of 2, 1/256 does not, 1/4 is over 10 %.
        let near = try statuses(error: 1 / 1024)
        #expect(near["default"] == .passed)
        #expect(near["broken"] == .error)
        #expect(near["text"] == .error)
        let middle = try statuses(error: 1 / 256)
        #expect((middle["default"], middle["wide"], middle["absolute"]) == (.failed, .passed, .passed))
        let far = try statuses(error: 1 / 4)
        #expect((far["wide"], far["absolute"]) == (.failed, .passed))
    }

    @Test("a tolerance that is given stands in the place of each case's own")
    func givenTolerance() throws {
        let tree = try CaseTree()
        try tree.add("wide", inputs: [[scalar(1)]], outputs: [[scalar(2)]], settings: #"{"rtol": 0.1}"#)
        func status(_ tolerance: ComparisonTolerance?) throws -> [TestCaseResult.Status] {
            try Self.runner(error: 1 / 256, tolerance: tolerance).run(tree.root).results.map(\.status)
        }
        #expect(try status(nil) == [.passed])
        #expect(try status(ComparisonTolerance(relative: 1e-3, absolute: .fixed(0))) == [.failed])
        #expect(try status(ComparisonTolerance(relative: 0, absolute: .fixed(1))) == [.passed])
    }

    @Test("what a case lacks or has too much of is an error with its cause, never a pass")
    func faultyCases() throws {
        let tree = try CaseTree()
        try tree.add("no data sets")
        try tree.add("no outputs", inputs: [[scalar(1)]], outputs: [[]])
        try tree.add("too many outputs", inputs: [[scalar(1)]], outputs: [[scalar(2), scalar(2)]])
        try tree.add("too many inputs", inputs: [[scalar(1), scalar(1), scalar(1)]], outputs: [[scalar(2)]])
        try tree.add("gap", inputs: [[scalar(1)]], outputs: [[scalar(2)]])
        try FileManager.default.moveItem(
            atPath: tree.root + "/gap/test_data_set_0/input_0.pb", toPath: tree.root + "/gap/test_data_set_0/input_1.pb")
        try tree.add("no model", inputs: [[scalar(1)]], outputs: [[scalar(2)]])
        try Data("text".utf8).write(to: URL(fileURLWithPath: tree.root + "/no model/model.onnx"))
        let report = try Self.runner().run(tree.root)
        #expect(report.results.count == 6)
        for result in report.results {
            #expect(result.status == .error, "\(result.name)")
            #expect(!result.message.isEmpty)
        }
        #expect(report.verdict == .incomplete)
    }

    @Test("shapes and types have to agree")
    func typesAndShapes() throws {
        let tree = try CaseTree()
        try tree.add("shape", inputs: [[scalar(1)]], outputs: [[Tensor([2] as [Float])]])
        try tree.add("type", inputs: [[scalar(1)]], outputs: [[Tensor(scalar: Double(2))]])
        #expect(try Self.runner().run(tree.root).results.map(\.status) == [.failed, .failed])
    }

    @Test("a model refused for an operator that is not implemented is unsupported; other refusals are errors")
    func unsupported() throws {
        let tree = try CaseTree()
        try tree.add("a", inputs: [[scalar(1)]], outputs: [[scalar(2)]])
        for (rule, status) in [(.unsupportedOperator, .unsupported), (.arity, .error)]
            as [(ModelProblem.Rule, TestCaseResult.Status)]
        {
            let runner = TestCaseRunner { _ in throw ModelError([ModelProblem(rule, "refused", at: .model)]) }
            let report = try runner.run(tree.root)
            #expect(report.results.map(\.status) == [status])
            #expect(report.verdict == .incomplete)
        }
    }

    @Test("a folder without cases does not pass")
    func empty() throws {
        let tree = try CaseTree()
        let report = try Self.runner().run(tree.root)
        #expect(report.verdict == .incomplete)
        #expect(report.totalsText.contains("no test case"))
        #expect(throws: FileError.self) { try Self.runner().run(tree.root + "/nowhere") }
    }

    @Test("the JSON text has the totals and every case")
    func json() throws {
        let tree = try CaseTree()
        try tree.add("good", inputs: [[scalar(1)]], outputs: [[scalar(2)]])
        try tree.add("wrong", inputs: [[scalar(1)]], outputs: [[scalar(3)]])
        let json = try JSON(parsing: Self.runner().run(tree.root).json())
        #expect(json["schema"] == 1)
        #expect(json["totals"] == ["passed": 1, "failed": 1, "unsupported": 0, "error": 0])
        guard case .array(let cases)? = json["cases"] else {
            Issue.record("no cases")
            return
        }
        #expect(cases.first == ["name": "good", "status": "passed", "message": .null])
        #expect(cases.last?["status"] == "failed")
    }
}
