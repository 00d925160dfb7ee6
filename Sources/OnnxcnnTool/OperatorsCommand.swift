import ArgumentParser
import CNNModels
import CNNOperators
import CNNRuntime
import CNNTensors
import CNNTextTables

/// Prints the table of supported operators.
struct OperatorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operators",
        abstract: "List the supported operators, their opset versions and element types.",
        discussion: """
            Versions are the operator sets at which the definition changed, the first of which introduced the operator; each is \
            supported up to the next and the last up to operator set \(StructureChecker.opsetVersions.upperBound). Types are \
            those of the newest version. An operator without a kernel is computed by its formula, which is slower.

            EXAMPLE:
              onnxcnn operators --markdown
            """)

    @Flag(help: "Print the table as Markdown.")
    var markdown = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        let console = common.console
        let rows = OperatorRegistry.all.map(OperatorRow.init)
        try reporting(to: console) {
            try console.result(markdown ? Self.markdown(rows) : Self.table(rows, width: console.width))
            try console.result(
                json: [JSON.Member("command", .string("operators")), JSON.Member("operators", .array(rows.map(\.json)))])
        }
    }

    private static func markdown(_ rows: [OperatorRow]) -> String {
        let lines = rows.map { "| \($0.name) | \($0.versionsText) | \($0.types) | \($0.kernelText) | \($0.gradientText) |" }
        let head = ["| operator | versions | element types | kernel | gradient |", "|---|---|---|---|---|"]
        return (head + lines).joined(separator: "\n")
    }

    private static func table(_ rows: [OperatorRow], width: Int?) -> String {
        var table = TextTable([
            .fixed("Operator"), .fixed("Versions"), .text("Element types"), .fixed("Kernel"), .fixed("Gradient"),
        ])
        for row in rows { table.append([row.name, row.versionsText, row.types, row.kernelText, row.gradientText]) }
        return table.lines(width: width).joined(separator: "\n")
    }
}

/// What the table says of one operator.
private struct OperatorRow {
    let name: String
    let versions: [Int]
    /// Whether the compiled runtime has a kernel for it.
    let hasKernel: Bool
    /// Whether training can pass through it. None can yet: nothing here trains.
    let hasGradient = false
    /// The element types of the first input, or of the first output of an operator without inputs.
    let types: String
    private let definition: OperatorDefinition

    init(_ definition: OperatorDefinition) {
        self.definition = definition
        name = definition.type
        versions = definition.versions
        hasKernel = KernelCoverage.operatorTypes.contains(definition.type)
        let signature = definition.signature(definition.versions.last ?? 1)
        let parameter = signature.inputs.first ?? signature.outputs.first
        types = parameter.flatMap { signature.types[$0.typeVariable] }.map(Self.text) ?? ""
    }

    var versionsText: String { versions.map(String.init).joined(separator: " ") }

    var kernelText: String { hasKernel ? "yes" : "formula" }
    var gradientText: String { hasGradient ? "yes" : "no" }

    var json: JSON {
        .object([
            JSON.Member("name", .string(name)), JSON.Member("kernel", .boolean(hasKernel)),
            JSON.Member("gradient", .boolean(hasGradient)), JSON.Member("versions", .array(versions.map { .integer($0) })),
            JSON.Member("types", .string(types)),
            JSON.Member("signatures", .array(versions.map { Self.json(definition.signature($0), version: $0) })),
        ])
    }

    /// Formal inputs and outputs of a version with their element types and how often each may stand.
    private static func json(_ signature: Signature, version: Int) -> JSON {
        func json(_ parameters: [Signature.Parameter]) -> JSON {
            .array(
                parameters.map { parameter in
                    let types = signature.types[parameter.typeVariable]?.members ?? []
                    let multiplicity =
                        switch parameter.multiplicity {
                        case .one: "one"
                        case .optional: "optional"
                        case .variadic(let minimum): "at least \(minimum)"
                        }
                    return .object([
                        JSON.Member("name", .string(parameter.name)),
                        JSON.Member("types", .array(types.map { .string("\($0)") })),
                        JSON.Member("multiplicity", .string(multiplicity)),
                    ])
                })
        }
        return .object([
            JSON.Member("version", .integer(version)), JSON.Member("inputs", json(signature.inputs)),
            JSON.Member("outputs", json(signature.outputs)),
        ])
    }

    /// The types, whole families by their name.
    private static func text(_ types: TypeSet) -> String {
        if types == .all { return "all" }
        var rest = types
        var parts: [String] = []
        for (name, family) in families where rest.isSuperset(of: family) {
            parts.append(name)
            rest.subtract(family)
        }
        return (parts + rest.members.map(\.description)).joined(separator: " ")
    }

    private static let families: [(String, TypeSet)] = [
        ("float16-64 bfloat16", .floats), ("float16-64", .ieeeFloats), ("int8-64", .signedIntegers),
        ("uint8-64", .unsignedIntegers), ("complex", .complex),
    ]
}
