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

    /// Refuses a file on stdout where the JSON object goes.
    func validate(output: String?) throws {
        if output == "-", json { throw ValidationError("'-o -' and '--json' would both write to stdout") }
    }

    /// Refuses `-` for what is written beside the results, and an empty name: files in such a folder would lie at the root.
    static func validate(_ path: String?, besideResultsBy option: String, kind: String = "file") throws {
        if path?.isEmpty == true { throw ValidationError("'\(option)' needs the name of a \(kind)") }
        if path == "-" { throw ValidationError("'\(option) -' would mix with the results on stdout: name a \(kind)") }
    }

    /// Where this run of the tool prints.
    var console: Console { Console(isQuiet: quiet, printsJSON: json, color: color) }
}

/// When output is coloured.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never
}
