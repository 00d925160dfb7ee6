import CNNKernelSelection
import CNNModels
import CNNTensors

/// How a session computes.
public struct SessionOptions: Sendable, Hashable {
    /// Threads that work on one run, the calling one among them; 1 or more. The default is the number of processors.
    public var threads: Int
    public var mode: Mode
    /// The instruction set of the kernels; nil chooses the one that suits processor and model best.
    public var instructionSet: InstructionSet?
    /// The most bytes that one run may take for values between nodes. A model that needs more is refused.
    public var memoryLimit: Int
    /// What a plan is worth preparing.
    public var purpose: Purpose

    /// What may be traded for speed.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// Sums may be reordered: Winograd's convolution, an average taken before a 1×1 convolution, the algorithm chosen by batch and threads.
        case fast
        /// Direct convolution and one order of every sum: the same bits for any number of threads and any split of a batch.
        case strict
    }

    /// What a session is made for.
    public enum Purpose: String, Sendable, Hashable, CaseIterable {
        /// The first result soon: large weights that can be read where they lie, as in a mapped file, are not copied.
        case fewRuns = "few-runs"
        /// Every run fast: large weights are copied into another form where that saves time in each run, after some tens of runs more than
        /// the copy takes.
        case manyRuns = "many-runs"
    }

    /// Options that are checked when a session is made of them.
    public init(
        threads: Int = SessionOptions.processorCount, mode: Mode = .fast, instructionSet: InstructionSet? = nil,
        memoryLimit: Int = 1 << 36, purpose: Purpose = .manyRuns
    ) {
        self.threads = threads
        self.mode = mode
        self.instructionSet = instructionSet
        self.memoryLimit = memoryLimit
        self.purpose = purpose
    }

    /// The most threads that a session accepts.
    public static let threadLimit = 1024
}

/// A vector instruction set that the kernels are compiled for.
public enum InstructionSet: String, Sendable, Hashable, CaseIterable {
    case avx512
    case avx2
    /// The portable vectors that every processor of the architecture has; on arm64 that is NEON.
    case baseline
}

/// Why a session cannot be made or cannot run a model.
public enum SessionError: Error, Sendable, Hashable {
    /// The number of threads is not between 1 and `SessionOptions.threadLimit`.
    case invalidThreadCount(Int)
    /// The system did not start another thread.
    case threadCreationFailed(errorNumber: Int32)
    /// The processor (or this build) lacks the instruction set.
    case instructionSetUnavailable(InstructionSet, available: [InstructionSet])
    /// Values between nodes take more memory than is allowed.
    case memoryLimitExceeded(needed: Int, limit: Int)
    /// The bytes that a value would take cannot even be counted.
    case valueTooLarge(value: String, shape: Shape)
}

extension SessionError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidThreadCount(let count):
            "\(count) threads are not possible: 1 to \(SessionOptions.threadLimit) are"
        case .threadCreationFailed(let errorNumber):
            "the system starts no more threads (error \(errorNumber))"
        case .instructionSetUnavailable(let requested, let available):
            "instruction set '\(requested.rawValue)' is not available here; these are: "
                + available.map(\.rawValue).joined(separator: ", ")
        case .memoryLimitExceeded(let needed, let limit):
            "the values between nodes take \(needed) bytes, but \(limit) are allowed"
        case .valueTooLarge(let value, let shape):
            "value '\(value)' of shape \(shape) takes more bytes than can be counted"
        }
    }
}

extension InstructionSet {
    /// Those that this processor and this build have, the widest first.
    public static var available: [InstructionSet] {
        KernelSelection.available.compactMap { InstructionSet(rawValue: $0.name) }
    }
}
