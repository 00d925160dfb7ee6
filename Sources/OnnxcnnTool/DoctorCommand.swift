import ArgumentParser
import CNNModels
import CNNRuntime
import CNNTensors
import CProtobufC
import CZlib
import Foundation

/// Prints what a bug report needs.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Print version, instruction set, threads and library versions: what a bug report needs.",
        discussion: """
            EXAMPLE:
              onnxcnn doctor --json
            """)

    @OptionGroup var common: CommonOptions

    func run() throws {
        let facts = Self.facts
        let width = facts.map(\.name.count).max() ?? 0
        for fact in facts {
            common.console.result(fact.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + fact.value)
        }
        common.console.result(
            json: facts.map { JSON.Member($0.name.replacingOccurrences(of: " ", with: "_"), .string($0.value)) })
    }

    /// Version, machine and libraries.
    static var facts: [(name: String, value: String)] {
        [
            ("version", Producer.version),
            ("operating system", ProcessInfo.processInfo.operatingSystemVersionString),
            ("architecture", architecture),
            ("instruction sets", InstructionSet.available.map(\.rawValue).joined(separator: ", ")),
            ("processors", String(ProcessInfo.processInfo.activeProcessorCount)),
            ("threads", String(SessionOptions.processorCount)),
            ("protobuf-c", protobuf_c_version().map { String(cString: $0) } ?? "unknown"),
            ("zlib", zlibVersion().map { String(cString: $0) } ?? "unknown"),
            ("IR versions", text(StructureChecker.irVersions)),
            ("operator sets", text(StructureChecker.opsetVersions)),
        ]
    }

    private static func text(_ range: ClosedRange<Int64>) -> String { "\(range.lowerBound) to \(range.upperBound)" }

    private static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "arm64"
        #else
            "other"
        #endif
    }
}
