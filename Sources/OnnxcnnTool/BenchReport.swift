import CNNRuntime
import CNNTensors
import CNNTextTables
import Foundation

extension BenchCommand {
    /// The memory of a session, as planned and as the system saw it.
    struct Memory {
        let use: MemoryUse
        /// The most that the process held, files that it maps included; nil where the system does not tell.
        let peakResidentBytes: Int?
    }

    /// What was measured, as text and as JSON.
    struct Report {
        let path: String
        let engine: String
        let options: SessionOptions
        let instructionSet: InstructionSet
        /// Milliseconds to open and check the model.
        let loading: Double
        /// Milliseconds to make the plan for the inputs' sizes.
        let compiling: Double
        /// Along the first axis of the inputs.
        let images: Int
        let measurement: Measurement
        let memory: Memory
        let profile: ProfileReport?

        private var imagesPerSecond: Double { Double(images) / measurement.median * 1e3 }

        func lines(width: Int?) -> [String] {
            let peak = memory.peakResidentBytes.map { "; \(NumberText.bytes($0)) resident at the most" } ?? ""
            return [
                "\(path): \(engine), \(instructionSet.rawValue), \(options.threads) thread\(options.threads == 1 ? "" : "s"), batch \(images)",
                "median \(Self.text(measurement.median)) ms, min \(Self.text(measurement.minimum)), 90 % within "
                    + "\(Self.text(measurement.percentile90)) (\(measurement.milliseconds.count) runs); "
                    + "\(Self.text(imagesPerSecond)) images/s",
                "opened in \(Self.text(loading)) ms, compiled in \(Self.text(compiling)) ms, first run "
                    + "\(Self.text(measurement.first)) ms",
                "memory: weights \(NumberText.bytes(memory.use.weightBytes)), packed for the kernels "
                    + "\(NumberText.bytes(memory.use.packedBytes)); activations \(NumberText.bytes(memory.use.activationBytes)) "
                    + "(at least \(NumberText.bytes(memory.use.activationLowerBound)))\(peak)",
            ] + (profile?.lines(width: width) ?? [])
        }

        var json: [JSON.Member] {
            let latency = [
                JSON.Member("min", .number(measurement.minimum)), JSON.Member("median", .number(measurement.median)),
                JSON.Member("p90", .number(measurement.percentile90)),
            ]
            let bytes = [
                JSON.Member("weights_bytes", .integer(memory.use.weightBytes)),
                JSON.Member("activations_bytes", .integer(memory.use.activationBytes)),
                JSON.Member("activations_lower_bound_bytes", .integer(memory.use.activationLowerBound)),
                JSON.Member("packed_bytes", .integer(memory.use.packedBytes)),
                JSON.Member("peak_resident_bytes", memory.peakResidentBytes.map { .integer($0) } ?? .null),
            ]
            let members = [
                JSON.Member("command", .string("bench")), JSON.Member("path", .string(path)),
                JSON.Member("engine", .string(engine)), JSON.Member("isa", .string(instructionSet.rawValue)),
                JSON.Member("threads", .integer(options.threads)), JSON.Member("batch", .integer(images)),
                JSON.Member("runs", .integer(measurement.milliseconds.count)), JSON.Member("latency_ms", .object(latency)),
                JSON.Member("load_ms", .number(loading)), JSON.Member("compile_ms", .number(compiling)),
                JSON.Member("first_run_ms", .number(measurement.first)),
                JSON.Member("images_per_second", .number(imagesPerSecond)), JSON.Member("memory", .object(bytes)),
            ]
            guard let profile else { return members }
            return members + [
                JSON.Member("peak_gflops", .number(profile.peakOperationsPerSecond * 1e-9)),
                JSON.Member("profiled_runs", .integer(profile.runs)), JSON.Member("profile", profile.json),
            ]
        }

        /// About four significant digits.
        private static func text(_ number: Double) -> String {
            String(format: number < 10 ? "%.3f" : number < 1000 ? "%.2f" : "%.0f", number)
        }
    }
}
