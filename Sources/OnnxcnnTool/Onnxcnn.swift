import ArgumentParser
import CNNModels
import CNNTensors

/// The command-line tool: one subcommand a verb, each in its own file.
@main
struct Onnxcnn: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "onnxcnn",
        abstract: "Import, run, verify and export convolutional networks in ONNX.",
        discussion: """
            MODEL is an .onnx file or a native archive (.safetensors) that 'import' wrote; left out, it is the one archive in \
            the working directory.

            Exit codes: 0 done; 1 verification found a mismatch; 2 the model or data is invalid, unsupported or unreadable; \
            3 verification was incomplete; 64 wrong usage; 130 interrupted.

            EXAMPLE:
              onnxcnn import model.onnx
              onnxcnn verify --reference out.npy
              onnxcnn export
            """,
        version: Producer.version,
        subcommands: [
            ImportCommand.self, ExportCommand.self, VerifyCommand.self, CompareCommand.self, RunCommand.self,
            InspectCommand.self,
            OperatorsCommand.self, BenchCommand.self, NewCommand.self, DoctorCommand.self,
        ])

    static func main() {
        MappedFile.explainShortening()
        main(nil)
    }
}
