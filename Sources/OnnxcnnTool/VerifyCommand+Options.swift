import ArgumentParser

extension VerifyCommand {
    /// What a run holds its models against.
    enum Mode: Sendable {
        case reference, models, cases, bisection, selfCheck

        /// What brings the mode about, and why options do not go with it.
        var text: String {
            switch self {
            case .reference: "one model and its reference"
            case .models: "several models: each has its reference and its inputs beside it, and has one line of text"
            case .cases: "'--cases', which brings models, inputs and references of its own"
            case .bisection: "'--bisect' without a reference, which compares with what the backend gives"
            case .selfCheck: "the check in the model, which has inputs and tolerances of its own; '--reference' takes its place"
            }
        }
    }

    /// The mode that the command line asks for. Whether a model without a reference is held against its own check is known
    /// only when it was opened.
    var mode: Mode {
        if !cases.isEmpty { return .cases }
        if models.count > 1 { return .models }
        return investigation.bisect && references.isEmpty && !inputs.files.isEmpty ? .bisection : .reference
    }

    /// The options that do not go with every mode: whether each is given, and the modes in which it has an effect.
    private var restrictedOptions: [(name: String, isGiven: Bool, modes: [Mode])] {
        [
            ("MODEL", !models.isEmpty, [.reference, .models, .bisection, .selfCheck]),
            ("--batch", binding.batch != nil, [.reference, .models, .bisection]),
            ("--reference", !references.isEmpty, [.reference]),
            ("--input", !inputs.files.isEmpty, [.reference, .bisection]),
            ("--tolerance fixed", toleranceRule == .fixed, [.reference, .models]),
            ("--rtol", tolerance.rtol != nil, [.reference, .models, .cases]),
            ("--atol", tolerance.atol != nil, [.reference, .models, .cases]),
            ("--layers", layers == true, [.reference, .models]),
            ("--partial", partial, [.reference, .models]),
            ("--report", report != nil, [.reference, .selfCheck]),
            ("--diagnose", investigation.diagnose == true, [.reference, .bisection]),
            ("--bisect", investigation.bisect, [.reference, .bisection]),
            ("--engine reference", engine.engine == .reference, [.reference, .models, .cases, .selfCheck]),
            ("--extract", investigation.extract != nil, [.reference, .bisection]),
        ]
    }

    /// - Throws: `ValidationError` with every option that is given and would have no effect.
    func checkOptions(for mode: Mode) throws {
        let idle = restrictedOptions.filter { $0.isGiven && !$0.modes.contains(mode) }.map { "'\($0.name)'" }
        guard let first = idle.first else { return }
        let subject =
            idle.count == 1 ? "\(first) does" : "\(idle.dropLast().joined(separator: ", ")) and \(idle[idle.count - 1]) do"
        throw ValidationError("\(subject) not go with \(mode.text)")
    }
}
