import ArgumentParser
import CNNModels
import CNNTensors
import Foundation
import Testing

@testable import OnnxcnnTool

@Suite("The tool's commands")
struct CommandContractTests {
    @Test("every command's help has an example that begins with the tool's name and the command's", arguments: commandNames)
    func example(of name: String) {
        let lines = helpText(name).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        let examples = lines.drop { $0 != "EXAMPLE:" }.dropFirst()
        #expect(examples.contains { $0.hasPrefix("onnxcnn \(name)") })
    }

    @Test(
        "commands that compute take --json, --quiet and --threads",
        arguments: ["import", "export", "verify", "run", "inspect", "bench"])
    func commonOptions(of name: String) {
        let help = helpText(name)
        for option in ["--json", "--quiet", "--threads"] { #expect(help.contains(option)) }
    }

    @Test("an unknown option is wrong usage: exit code 64")
    func wrongUsage() {
        #expect(throws: (any Error).self) { try Onnxcnn.parseAsRoot(["inspect", "--no-such-option"]) }
        do {
            _ = try Onnxcnn.parseAsRoot(["inspect", "--no-such-option"])
        } catch {
            #expect(Onnxcnn.exitCode(for: error).rawValue == 64)
        }
    }

    @Test(
        "what cannot be meant is wrong usage too: exit code 64",
        arguments: [
            ["run", "--batch", "0"], ["inspect", "--batch", "0"], ["verify", "--batch", "-1"], ["bench", "--batch", "0"],
            ["export", "--batch", "0"], ["new", "lenet5", "--classes", "0"], ["export", "--cases", "c", "-o", "m.onnx"],
            ["export", "--cases", "-"], ["export", "--cases", ""], ["verify", "--report", "-"], ["verify", "--junit", "-"],
            ["verify", "--extract", "-"], ["bench", "--trace", "-"],
            ["new", "lenet5", "-o", "-", "--json"], ["import", "m.onnx", "-o", "-", "--json"],
            ["run", "-o", "-", "--json"], ["run", "--layers", "-o", "y.npy"],
        ])
    func contradiction(_ arguments: [String]) {
        #expect(exitCode(of: arguments) == 64)
    }

    @Test(
        "'run --layers' writes to stdout as to a file of several arrays",
        arguments: ["-", "y.npz", "y.NPZ", "y.safetensors"])
    func layers(to output: String) throws {
        #expect(try Onnxcnn.parseAsRoot(["run", "--layers", "-o", output]) is RunCommand)
    }

    @Test("no help text has a gap in a line", arguments: commandNames)
    func gaps(in name: String) {
        let command = Onnxcnn.configuration.subcommands.first { $0.configuration.commandName == name }
        for line in (command?.configuration.discussion ?? "").split(separator: "\n") {
            #expect(!line.trimmingCharacters(in: .whitespaces).contains("  "), "\(line)")
        }
    }

    @Test("what 'doctor' finds out has keys of lower-case letters and underscores")
    func doctorKeys() {
        let keys = DoctorCommand.facts.map { DoctorCommand.key($0.name) }
        #expect(Set(keys).isSuperset(of: ["version", "protobuf_c", "ir_versions"]))
        #expect(keys.allSatisfy { $0.allSatisfy { "abcdefghijklmnopqrstuvwxyz_".contains($0) } })
    }

    private static let commandNames = [
        "import", "export", "verify", "compare", "run", "inspect", "operators", "bench", "new", "doctor",
    ]

    private func helpText(_ name: String) -> String {
        for command in Onnxcnn.configuration.subcommands where command.configuration.commandName == name {
            return Onnxcnn.helpMessage(for: command)
        }
        return ""
    }
}

@Suite("Arguments that name a file")
struct NamedFileTests {
    @Test("text before '=' is a name where it is one, and part of the path where no such name exists but the file does")
    func splitting() {
        let known = NamedFile("image=a=b.npy", names: ["image"])
        #expect(known.name == "image")
        #expect(known.path == "a=b.npy")
        let unknown = NamedFile("picture=b.npy", names: ["image"])
        #expect(unknown.name == "picture")
        let plain = NamedFile("b.npy", names: ["image"])
        #expect(plain.name == nil)
        #expect(plain.path == "b.npy")
    }
}

@Suite("Diagnostics")
struct DiagnosticTests {
    @Test("problems that differ in their place only are one diagnostic with all places")
    func gathering() {
        let problems = [1, 2].map { node in
            ModelProblem(
                .unsupportedOperator, "unsupported operator 'Loop'",
                at: .node(index: node, name: "n\(node)", operatorType: "Loop"))
        }
        let diagnostics = Diagnostic.diagnostics(for: ModelError(problems), file: "model.onnx")
        #expect(diagnostics.count == 1)
        #expect(diagnostics.first?.places.count == 2)
        #expect(diagnostics.first?.places.allSatisfy { $0.hasSuffix("in model.onnx") } == true)
    }

    @Test("as JSON an error has a cause, places and a hint, which may be null")
    func json() throws {
        let errors = [Diagnostic(cause: "c", places: ["p", "q"], hint: "h"), Diagnostic(cause: "d")]
        let expected = #"[{"cause":"c","places":["p","q"],"hint":"h"},{"cause":"d","places":[],"hint":null}]"#
        #expect(errors.jsonMember.key == "errors")
        #expect(try errors.jsonMember.value == JSON(parsing: expected))
        #expect(errors.json(ofModel: "m")["ok"] == .boolean(false))
        #expect(errors.json(ofModel: "m")["errors"] == errors.jsonMember.value)
    }
}
