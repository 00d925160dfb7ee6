import ArgumentParser
import CNNModels
import Foundation
import Testing

@testable import OnnxcnnTool

/// Commands run within this process on the LeNet-5 of the fixtures.
private struct Workbench {
    static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/lenet5").path
    static let model = fixtures + "/model.onnx"
    static let input = fixtures + "/input.npy"

    let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("onnxcnn-verify-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    func path(_ name: String) -> String { folder + "/" + name }

    func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    /// The exit code of a command, with `--quiet`.
    func run(_ arguments: String...) -> Int32 {
        do {
            var command = try Onnxcnn.parseAsRoot(arguments + ["--quiet"])
            try command.run()
            return 0
        } catch {
            return Onnxcnn.exitCode(for: error).rawValue
        }
    }

    /// A copy of LeNet-5's reference with the last element changed.
    func wrongReference() throws -> String {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: Self.fixtures + "/out.npy"))
        bytes[bytes.count - 2] ^= 0x40
        try bytes.write(to: URL(fileURLWithPath: path("wrong.npy")))
        return path("wrong.npy")
    }
}

@Suite("Options of verify")
struct VerifyOptionsTests {
    private func message(_ arguments: [String]) -> String? {
        do {
            _ = try Onnxcnn.parseAsRoot(["verify"] + arguments)
            return nil
        } catch {
            #expect(Onnxcnn.exitCode(for: error).rawValue == 64)
            return Onnxcnn.message(for: error)
        }
    }

    @Test("an option that would have no effect is wrong usage, and the message names it and why")
    func idleOptions() {
        let cases = ["--cases", "c"]
        for option in [
            ["--batch", "2"], ["--partial"], ["--layers"], ["--diagnose"], ["--bisect"], ["--extract", "d"],
            ["--tolerance", "fixed"], ["--report", "r.html"], ["--input", "x.npy"], ["--reference", "y.npy"],
        ] {
            let name = option.joined(separator: " ").hasPrefix("--tolerance") ? "--tolerance fixed" : option[0]
            #expect(message(cases + option)?.contains("'\(name)' does not go with '--cases'") == true)
        }
        for option in [["--bisect"], ["--extract", "d"], ["--diagnose"], ["--report", "r.html"], ["--input", "x.npy"]] {
            #expect(message(["a.onnx", "b.onnx"] + option)?.contains("'\(option[0])' does not go with several models") == true)
        }
        let bisection = ["a.onnx", "--bisect", "--input", "x.npy"]
        for option in [["--report", "r.html"], ["--rtol", "1"], ["--layers"], ["--partial"]] {
            #expect(message(bisection + option)?.contains("'\(option[0])' does not go with '--bisect' without") == true)
        }
        #expect(
            message(cases + ["--batch", "2", "--partial", "--layers"])?.contains(
                "'--batch', '--layers' and '--partial' do not go with") == true)
    }

    @Test(
        "options that have an effect are accepted",
        arguments: [
            ["--cases", "c", "--rtol", "1", "--atol", "0", "--engine", "reference", "--junit", "j.xml"],
            ["a.onnx", "b.onnx", "--batch", "2", "--rtol", "1", "--partial", "--no-diagnose"],
            ["a.onnx", "--bisect", "--input", "x.npy", "--junit", "j.xml", "--extract", "d"],
            ["a.onnx", "--reference", "y.npy", "--bisect", "--report", "r.html", "--batch", "2"],
        ])
    func effectiveOptions(arguments: [String]) { #expect(message(arguments) == nil) }
}

@Suite("Outcomes of verify")
struct VerifyOutcomeTests {
    @Test("a mismatch outweighs what fails afterwards, and is written all the same")
    func mismatchStands() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let code = bench.run(
            "verify", Workbench.model, "--reference", try bench.wrongReference(), "--input", Workbench.input, "--bisect",
            "--python", "/nonexistent",
            "--no-diagnose", "--junit", bench.path("out.xml"))
        #expect(code == 1)
        #expect(try bench.text("out.xml").contains("failures=\"1\""))
        #expect(
            bench.run(
                "verify", Workbench.model, "--reference", bench.path("wrong.npy"), "--input", Workbench.input, "--no-diagnose",
                "--junit",
                "/nonexistent/out.xml") == 1)
        #expect(
            bench.run(
                "verify", Workbench.model, "--reference", Workbench.fixtures + "/out.npy", "--junit", "/nonexistent/out.xml")
                == 2)
    }

    @Test("a model that cannot be read, alone or with others, is exit code 2 and an error in the XML")
    func unreadable() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let missing = bench.path("missing.onnx")
        for models in [[missing], [missing, missing]] {
            let arguments = ["verify"] + models + ["--quiet", "--junit", bench.path("out.xml")]
            var command = try Onnxcnn.parseAsRoot(arguments)
            #expect(throws: ExitCode.invalidInput) { try command.run() }
            #expect(try bench.text("out.xml").contains("errors=\"\(models.count)\""))
            try FileManager.default.removeItem(atPath: bench.path("out.xml"))
        }
    }

    @Test("nothing to verify against is exit code 2 for one model as for several")
    func missingReference() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let copy = bench.path("bare.onnx")
        try FileManager.default.copyItem(atPath: Workbench.model, toPath: copy)
        #expect(bench.run("verify", copy) == 2)
        #expect(bench.run("verify", copy, copy) == 2)
    }

    @Test("a folder of cases that cannot be read leaves the results of the others")
    func unreadableCases() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        #expect(bench.run("export", Workbench.model, "--cases", bench.path("case"), "--input", Workbench.input) == 0)
        let code = bench.run(
            "verify", "--cases", bench.path("case"), "--cases", bench.path("missing"), "--junit", bench.path("out.xml"))
        #expect(code == 2)
        let report = try bench.text("out.xml")
        #expect(report.contains("tests=\"2\" failures=\"0\" errors=\"1\""))
    }

    @Test("exporting another batch leaves out the check for the old one; the same batch keeps it")
    func staleSelfCheck() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let checked = bench.path("checked.onnx")
        #expect(bench.run("export", Workbench.model, "--self-check", "-o", checked) == 0)
        #expect(bench.run("verify", checked) == 0)
        #expect(bench.run("verify", checked, "--rtol", "1") == 64)
        #expect(bench.run("export", checked, "--batch", "1", "-o", bench.path("one.onnx")) == 0)
        #expect(bench.run("verify", bench.path("one.onnx")) == 0)
        #expect(bench.run("export", checked, "--batch", "4", "-o", bench.path("four.onnx")) == 0)
        // No check is left, so there is nothing to verify against.
        #expect(bench.run("verify", bench.path("four.onnx")) == 2)
        #expect(bench.run("export", checked, "--batch", "4", "--self-check", "-o", bench.path("again.onnx")) == 0)
        #expect(bench.run("verify", bench.path("again.onnx")) == 0)
    }

    @Test("of a file with inputs and values between nodes the inputs are taken")
    func inputsAmongOthers() throws {
        let bench = try Workbench()
        defer { bench.remove() }
        let layers = bench.path("layers.npz")
        #expect(bench.run("run", Workbench.model, "--input", Workbench.input, "--layers", "-o", layers) == 0)
        #expect(bench.run("run", Workbench.model, "--input", layers, "-o", bench.path("out.npy")) == 0)
        #expect(
            bench.run("verify", Workbench.model, "--input", layers, "--reference", bench.path("out.npy")) == 0)
        let values = try ArrayCollection(opening: layers)
        let names = try #require(values.names as? [String])
        #expect(try TensorSummary(values.tensor(at: 0), name: "a\u{1B}[2J").text.hasPrefix("a\u{FFFD}[2J: "))
        let assignment = ArrayAssignment(kind: "input", names: ["no such input"])
        #expect(throws: ToolError.self) { try assignment.assign([layers], allNames: []) }
        let one = ArrayAssignment(kind: "input", names: [names[1]])
        #expect(Array(try one.assign([layers], allNames: []).keys) == [names[1]])
    }

    @Test("the worst code wins: a mismatch, then what is unreadable, then what was left out")
    func order() {
        #expect(throws: ExitCode.mismatch) { try ExitCode.leave(with: [.incomplete, .invalidInput, .mismatch]) }
        #expect(throws: ExitCode.invalidInput) { try ExitCode.leave(with: [.incomplete, nil, .invalidInput]) }
        #expect(throws: ExitCode.incomplete) { try ExitCode.leave(with: [nil, .incomplete]) }
        #expect(throws: Never.self) { try ExitCode.leave(with: [nil, nil]) }
    }

    @Test("nothing of a model's names reaches the terminal as it is")
    func printable() {
        let problem = ModelProblem(.unsupportedOperator, "unsupported operator 'A\u{1B}[2J'", at: .model)
        let result = ModelResult("m.onnx") { throw ModelError([problem]) }
        #expect(!result.text.unicodeScalars.contains("\u{1B}"))
        let findings = Findings(text: ["first \u{1B}[31m\nsecond"])
        #expect(findings.printableText == ["first \u{FFFD}[31m\nsecond"])
    }
}
