import ArgumentParser
import CNNTensors
import CNNVerification

/// Runs models and compares their outputs with reference arrays.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Run models and compare their outputs with references; exit 1 on a mismatch.",
        discussion: """
            By default the allowed difference follows from the model's own arithmetic: its rounding errors are propagated \
            through the network, and the verdict says how many standard deviations (σ) of the expected error a difference is. \
            With --rtol or --atol a number agrees when |actual − reference| ≤ atol + rtol·|reference|. A NaN or infinity on one \
            side only is a mismatch. Nothing passes by being left out: an output without a reference, a reference that matches \
            no output (both unless --partial allows it), another shape or type, no element to compare, or elements of whose \
            rounding errors nothing is known is exit code 3.

            Where the reference holds the values between nodes, every node is checked from the reference's own inputs to it, and \
            the first that does not follow from them is named and computed out loud.

            Without --reference, <model>.ref.npz or <model>.npz beside the model is taken, else the check that 'export \
            --self-check' left in the model itself. Without --input, arrays under the inputs' names in the reference file are \
            taken, else 'input.npy' beside it. Several models are verified at once, each with what stands beside it; exit code 1 \
            outweighs 2, and 2 outweighs 3.

            EXAMPLE:
              onnxcnn verify model.onnx --input input.npy --reference out.npy
              onnxcnn verify model.onnx --reference ref.npz --layers --report report.html
              onnxcnn verify models/*.onnx --quiet --junit results.xml
              onnxcnn verify --cases cases/
            """)

    @Argument(help: "An .onnx file or a native archive, or several; left out, the one archive in the working directory.")
    var models: [String] = []

    @OptionGroup var binding: BatchOption

    @Option(
        name: .customLong("reference"), parsing: .singleValue,
        help: ArgumentHelp("Reference arrays: .npy, .npz, .safetensors or ONNX .pb; repeatable.", valueName: "[name=]file"))
    var references: [String] = []

    @OptionGroup var inputs: InputOptions

    @Option(help: ArgumentHelp("Run the tree of ONNX test cases in this folder; repeatable.", valueName: "dir"))
    var cases: [String] = []

    @Option(
        name: .customLong("tolerance"),
        help: ArgumentHelp(
            "auto: as much as rounding explains; fixed: rtol 1e-3, atol 1e-5 times the reference's largest magnitude.",
            valueName: "rule"))
    var toleranceRule: ToleranceRule = .auto

    @OptionGroup var tolerance: ToleranceOptions

    @Flag(
        inversion: .prefixedNo,
        help: "Check every node from the reference's own inputs to it, and show all (default: check, where it has them).")
    var layers: Bool?

    @Flag(help: "Compare what there is: outputs without a reference do not count against the verdict.")
    var partial = false

    @Option(help: ArgumentHelp("Write a report for a browser: one file that needs no network.", valueName: "out.html"))
    var report: String?

    @Option(help: ArgumentHelp("Write the results as JUnit XML.", valueName: "out.xml"))
    var junit: String?

    @OptionGroup var investigation: InvestigationOptions
    @OptionGroup var engine: EngineOptions
    @OptionGroup var common: CommonOptions

    enum ToleranceRule: String, ExpressibleByArgument, CaseIterable {
        case auto, fixed
    }

    func validate() throws {
        try checkOptions(for: mode)
        try CommonOptions.validate(report, besideResultsBy: "--report")
        try CommonOptions.validate(junit, besideResultsBy: "--junit")
        if toleranceRule == .fixed || tolerance.chosen != nil, layers == true {
            throw ValidationError("'--layers' needs '--tolerance auto': its bounds follow from each node's arithmetic")
        }
        if engine.engine == .reference, layers == true {
            throw ValidationError(
                "'--layers' checks the runtime against the reference formulas: leave '--engine reference' out")
        }
    }

    /// How far numbers may differ.
    var rule: Tolerance {
        if let chosen = tolerance.chosen { return .fixed(chosen) }
        return toleranceRule == .auto ? .automatic : .fixed(.standard)
    }

    func run() throws {
        switch mode {
        case .cases: try verifyCases(common.console)
        case .models: try verifyModels(common.console)
        case .bisection: try bisectModel(models.first, common.console)
        case .reference, .selfCheck: try verifyModel(models.first, common.console)
        }
    }

    func write(_ suites: [JUnitReport.Suite]) throws {
        guard let junit else { return }
        try AtomicFile.write(Array(JUnitReport(suites).xml.utf8), to: junit)
    }
}
