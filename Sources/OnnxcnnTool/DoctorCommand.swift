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
        try reporting(to: common.console) {
            for fact in facts {
                try common.console.result(fact.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + fact.value)
            }
            try common.console.result(
                json: [JSON.Member("command", .string("doctor"))]
                    + facts.map { JSON.Member(Self.key($0.name), .string($0.value)) })
        }
    }

    /// The name of a fact as the members of all our JSON objects are written.
    static func key(_ name: String) -> String { String(name.lowercased().map { $0.isLetter ? $0 : "_" }) }

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
