import CNNTensors
import CNNVerification

extension VerifyCommand {
    /// Writes the report for a browser.
    func writeReport(_ verified: VerifiedModel, _ findings: Findings, to path: String) throws {
        let context = HTMLReport.Context(
            subject: [
                ("model", verified.path), ("against", verified.referenceText), ("computed by", engine.label),
                ("inputs", verified.inputs.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")),
            ].filter { !$0.1.isEmpty }.map { (name: $0.0, value: $0.1) },
            findings: findings.text, environment: DoctorCommand.facts, commands: [Self.commandLine])
        let report =
            switch verified.outcome {
            case .compared(let report): HTMLReport(report, of: verified.model, context: context)
            case .selfChecked(let report): HTMLReport(report, context: context)
            }
        try AtomicFile.write(Array(report.html.utf8), to: path)
    }

    /// The command as a POSIX shell reads it.
    private static var commandLine: String {
        let words = ["onnxcnn"] + CommandLine.arguments.dropFirst()
        return words.map { word in
            let isPlain =
                !word.isEmpty
                && word.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"):
                        true
                    default: "-_./=:,+@".utf8.contains(byte)
                    }
                }
            return isPlain ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
        }.joined(separator: " ")
    }
}
