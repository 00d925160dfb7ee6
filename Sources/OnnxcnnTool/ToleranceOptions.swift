import ArgumentParser
import CNNVerification

/// How far numbers may differ, where the user sets it.
struct ToleranceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Allowed difference relative to the reference (1e-3 if only --atol is given).", valueName: "number"))
    var rtol: Double?

    @Option(
        help: ArgumentHelp(
            "Allowed absolute difference (1e-5 times the reference's largest magnitude if only --rtol is given).",
            valueName: "number"))
    var atol: Double?

    func validate() throws {
        for (name, value) in [("--rtol", rtol), ("--atol", atol)] {
            if let value, !(value >= 0 && value.isFinite) {
                throw ValidationError("'\(name)' must be a number of 0 or more, but is \(value)")
            }
        }
    }

    /// The tolerance that was asked for; nil if none was.
    var chosen: ComparisonTolerance? { rtol == nil && atol == nil ? nil : completed }

    /// The tolerance with the standard for what was not asked for.
    var completed: ComparisonTolerance {
        ComparisonTolerance(
            relative: rtol ?? ComparisonTolerance.standard.relative,
            absolute: atol.map { .fixed($0) } ?? ComparisonTolerance.standard.absolute)
    }
}
