import ArgumentParser

/// The options that every verb has.
struct CommonOptions: ParsableArguments {
    @Flag(help: "Print one JSON object on stdout instead of text.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print errors only.")
    var quiet = false

    @Option(help: ArgumentHelp("Use so many threads; by default one for each processor.", valueName: "n"))
    var threads: Int?

    @Option(
        help: ArgumentHelp("Colour the output: auto (on a terminal, unless NO_COLOR is set), always, never.", valueName: "when")
    )
    var color: ColorChoice = .auto

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("'--threads' must be from 1 to 1024, but is \(threads)")
        }
    }

    /// Where this run of the tool prints.
    var console: Console { Console(isQuiet: quiet, printsJSON: json, color: color) }
}

/// When output is coloured.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never
}
