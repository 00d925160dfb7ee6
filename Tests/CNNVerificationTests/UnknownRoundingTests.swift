import CNNModels
import CNNRuntime
import CNNTensors
import Testing

@testable import CNNVerification

/// A network of whose rounding errors nothing is known: a mean so large beside the deviation that a variance computed in one
/// pass may come to nothing.
private struct UnboundedNetwork {
    let model: Model
    private let options = SessionOptions(threads: 1)

    init() throws {
        let value = { (name: String) in ValueInfo(name: name, dataType: .float32, dimensions: [1, 1, 16]) }
        model = Model(
            irVersion: 8, opsetImports: [OperatorSetID(version: 17)],
            graph: Graph(
                name: "normalized",
                nodes: [
                    Node("InstanceNormalization", inputs: ["x", "scale", "bias"], outputs: ["n"]),
                    Node("Relu", inputs: ["n"], outputs: ["y"]),
                ],
                initializers: [
                    NamedTensor(name: "scale", tensor: try Tensor([1] as [Float])),
                    NamedTensor(name: "bias", tensor: try Tensor([8] as [Float])),
                ], inputs: [value("x")], outputs: [value("y")]))
    }

    func input() throws -> [String: Tensor] {
        ["x": try Tensor((0..<16).map { 1000 + Float($0 % 4) }, shape: Shape([1, 1, 16]))]
    }

    func values() throws -> [String: Tensor] {
        try Session(model, options: options).run(input(), keepingAll: true)
    }

    func report(_ references: [String: Tensor]) throws -> VerificationReport {
        let session = try Session(model, options: options)
        let verification = ModelVerification(model, options: options) { try session.run($0, keepingAll: $1) }
        return try verification.report(
            input(), references: ReferenceArrays(references.map { (name: $0.key, tensor: $0.value) }))
    }

    /// The tensor with all elements multiplied.
    static func scaled(_ tensor: Tensor?, by factor: Float) throws -> Tensor {
        let tensor = try #require(tensor)
        return try Tensor(tensor.elements(as: Float.self).map { $0 * factor }, shape: tensor.shape)
    }
}

@Suite("Values of whose rounding nothing is known")
struct UnknownRoundingTests {
    @Test("an element with an infinite or undefined unit passes by the standard tolerance, or leaves the verdict open")
    func judgement() throws {
        func judgement(_ actual: [Double], units: [Double]) throws -> RoundingJudgement {
            RoundingJudgement(
                basis: .deviation, actual: actual, expected: [1, 2, 3], units: units, threshold: 5, shape: try Shape([3]))
        }
        #expect(try judgement([1.0005, 2, 3], units: [.infinity, 1, 1]).verdict == .agrees)
        for unit in [Double.infinity, .nan] {
            let open = try judgement([1.1, 2, 3], units: [unit, 1, 1])
            #expect(open.verdict == .undecided)
            #expect(!open.agrees && !open.differs)
            #expect(open.undecidedReason == "the expected deviation is unknown for 1 of 3 elements")
        }
        #expect(try judgement([1.1, 20, 3], units: [.infinity, 1, 1]).verdict == .differs)
        #expect(try judgement([.nan, 2, 3], units: [.infinity, 1, 1]).verdict == .differs)
    }

    @Test("a made-up reference is not verified: output and layers are left open, a close one passes")
    func madeUp() throws {
        let network = try UnboundedNetwork()
        let values = try network.values()
        #expect(try network.report(["y": #require(values["y"])]).verdict == .passed)
        #expect(try network.report(["y": UnboundedNetwork.scaled(values["y"], by: 1.0005)]).verdict == .passed)
        let report = try network.report(["y": UnboundedNetwork.scaled(values["y"], by: 3)])
        #expect(report.verdict == .incomplete)
        #expect(report.omissions == ["output 'y' was not compared: the expected deviation is unknown for 16 of 16 elements"])
        #expect(report.matchCount == 0)
        #expect(report.text().contains("undecided"))
        #expect(
            report.junitSuite(named: "m").cases.map(\.outcome) == [
                .error("the expected deviation is unknown for 16 of 16 elements")
            ])
        let layered = try network.report([
            "n": UnboundedNetwork.scaled(values["n"], by: 3), "y": UnboundedNetwork.scaled(values["y"], by: 3),
        ])
        #expect(layered.verdict == .incomplete)
        #expect(layered.omissions.contains { $0.hasPrefix("value 'n' was not compared: ") })
        #expect(layered.layers?.layers.first?.culprit == nil)
    }

    @Test("a saved report stays open until a tolerance decides")
    func savedReport() throws {
        let network = try UnboundedNetwork()
        let report = try network.report(["y": UnboundedNetwork.scaled(network.values()["y"], by: 3)])
        let saved = try SavedReport(JSON(parsing: report.json()))
        let unchanged = saved.judged(relative: nil, absolute: nil)
        #expect(unchanged.verdict == .incomplete)
        #expect(unchanged.omissions == report.omissions)
        #expect(saved.judged(relative: 1e-3, absolute: nil).verdict == .mismatch)
        #expect(saved.judged(relative: 10, absolute: nil).verdict == .passed)
    }

    @Test("a bisection that cannot tell says so instead of agreeing")
    func bisection() throws {
        let network = try UnboundedNetwork()
        let outcome = try Bisection(network.model, options: SessionOptions(threads: 1)).run(network.input()) { names in
            let values = try network.values()
            return try names.reduce(into: [:]) { $0[$1] = try UnboundedNetwork.scaled(values[$1], by: 3) }
        }
        guard case .undecided(let omissions) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(omissions == ["output 'y' was not compared: the expected deviation is unknown for 16 of 16 elements"])
    }

    @Test("no self-check is made of outputs with NaN, or of whose rounding nothing is known")
    func selfCheck() throws {
        func error(_ nodes: [Node]) throws -> String? {
            let value = { (name: String) in ValueInfo(name: name, dataType: .float32, dimensions: [64]) }
            let model = Model(
                irVersion: 8, opsetImports: [OperatorSetID(version: 17)],
                graph: Graph(name: "one", nodes: nodes, inputs: [value("x")], outputs: [value("y")]))
            return #expect(throws: SelfCheckError.self) { try SelfCheck.make(for: model) }?.description
        }
        // The seeded inputs are negative for about half of the elements.
        let nan = try error([Node("Log", inputs: ["x"], outputs: ["y"])])
        #expect(nan?.contains("NaN or infinite of 64 elements") == true)
        // A root has no derivative at 0.
        let unknown = try error([
            Node("Sigmoid", inputs: ["x"], outputs: ["s"]), Node("Sub", inputs: ["s", "s"], outputs: ["d"]),
            Node("Sqrt", inputs: ["d"], outputs: ["y"]),
        ])
        #expect(unknown?.contains("the expected deviation is unknown for 64 of 64 elements of output 'y'") == true)
    }
}
