import CNNTensors
import Testing

@testable import CNNVerification

@Suite("Verification reports")
struct VerificationReportTests {
    let one = try? Tensor([1, 2] as [Float])

    func report(
        outputs: [(name: String, tensor: Tensor)], references: [(name: String?, tensor: Tensor)],
        knownNames: Set<String> = [], partial: Bool = false
    ) throws -> VerificationReport {
        try VerificationReport(
            outputs: outputs, references: references, knownNames: knownNames, tolerance: .standard, allowsPartial: partial)
    }

    @Test("outputs that agree with their references pass")
    func passed() throws {
        let tensor = try #require(one)
        let report = try report(outputs: [("a", tensor), ("b", tensor)], references: [("b", tensor), ("a", tensor)])
        #expect(report.verdict == .passed)
        #expect(report.outputs.map(\.name) == ["a", "b"])
        #expect(report.omissions == [])
        #expect(report.text().hasSuffix("verified: all 2 outputs agree with the reference"))
    }

    @Test("one differing output is a mismatch, even where something else is missing")
    func mismatch() throws {
        let tensor = try #require(one)
        let report = try report(
            outputs: [("a", tensor), ("b", tensor), ("c", tensor)],
            references: [("a", tensor), ("b", Tensor([1, 3] as [Float]))])
        #expect(report.verdict == .mismatch)
        #expect(report.text().contains("mismatch: 'b' (1 of 2 outputs agree)"))
        #expect(report.text().contains("incomplete: output 'c' has no reference"))
    }

    @Test("nothing passes by omission")
    func incomplete() throws {
        let tensor = try #require(one)
        let missing = try report(outputs: [("a", tensor), ("b", tensor)], references: [("a", tensor)])
        #expect(missing.verdict == .incomplete)
        #expect(missing.omissions == ["output 'b' has no reference"])
        let unused = try report(outputs: [("a", tensor)], references: [("a", tensor), ("x", tensor)])
        #expect(unused.verdict == .incomplete)
        #expect(unused.omissions == ["the reference 'x' belongs to no output"])
        let other = try report(outputs: [("a", tensor), ("b", tensor)], references: [("a", tensor), ("x", tensor)])
        #expect(other.text().contains("hint: if they belong together, give the file as 'b=FILE'"))
        #expect(other.verdictText == "incomplete: not everything could be compared (1 of 2 outputs agree)")
        let twice = try report(outputs: [("a", tensor)], references: [("a", tensor), ("a", tensor)])
        #expect(twice.verdict == .incomplete)
        let shape = try report(outputs: [("a", tensor)], references: [("a", tensor.reshaped(Shape([2, 1])))])
        #expect(shape.verdict == .incomplete)
        #expect(
            shape.omissions == ["output 'a' was not compared: its shape is [2], the reference's [2, 1]: 1 axes against 2"])
        let type = try report(outputs: [("a", tensor)], references: [("a", Tensor([1, 2] as [Double]))])
        #expect(type.omissions == ["output 'a' was not compared: its type is float32, the reference's float64"])
        #expect(try report(outputs: [], references: []).omissions == ["nothing was compared"])
        #expect(try report(outputs: [("a", tensor)], references: []).verdict == .incomplete)
        let empty = try Tensor([] as [Float], shape: Shape([0, 2]))
        #expect(try report(outputs: [("a", empty)], references: [("a", empty)]).omissions == ["nothing was compared"])
        let besides = try report(outputs: [("a", empty), ("b", tensor)], references: [("a", empty), ("b", tensor)])
        #expect(besides.verdict == .passed)
    }

    @Test("partial verification allows outputs and references that stand alone, but neither wrong shapes nor nothing at all")
    func partial() throws {
        let tensor = try #require(one)
        let some = try report(
            outputs: [("a", tensor), ("b", tensor)], references: [("a", tensor), ("x", tensor)], partial: true)
        #expect(some.verdict == .passed)
        #expect(some.text().contains("left out: output 'b' has no reference"))
        #expect(
            try report(outputs: [("a", tensor)], references: [("x", tensor), ("z", tensor)], partial: true).verdict
                == .incomplete)
        #expect(
            try report(outputs: [("a", tensor)], references: [("a", tensor.reshaped(Shape([1, 2])))], partial: true).verdict
                == .incomplete)
    }

    @Test("references without a name belong to the only output, NumPy's numbered ones to the output at their place")
    func unnamed() {
        #expect(ReferenceMatching(outputs: ["y"], references: [nil]).pairs == [.init(output: "y", reference: 0)])
        #expect(ReferenceMatching(outputs: ["y", "z"], references: [nil]).unusedReferences == [0])
        #expect(
            ReferenceMatching(outputs: ["y", "z"], references: ["arr_1", "arr_0"]).pairs == [
                .init(output: "y", reference: 1), .init(output: "z", reference: 0),
            ])
        #expect(ReferenceMatching(outputs: ["y"], references: ["arr_1", "arr_2"]).unusedReferences == [0, 1])
        // An output really called so comes first.
        #expect(
            ReferenceMatching(outputs: ["y", "arr_0"], references: ["arr_0"]).pairs == [.init(output: "arr_0", reference: 0)])
        #expect(ReferenceMatching(outputs: ["y"], references: [nil, "y"]).unusedReferences == [0])
    }

    @Test("the only array belongs to the only output whatever it is called, unless it is another value of the model")
    func onlyArray() {
        let pair = ReferenceMatching.Pair(output: "y", reference: 0)
        #expect(ReferenceMatching(outputs: ["y"], references: ["result"]).pairs == [pair])
        #expect(ReferenceMatching(outputs: ["y"], references: ["result", "x"], ignoring: ["x"]).pairs == [pair])
        #expect(ReferenceMatching(outputs: ["y"], references: ["x"], ignoring: ["x"]).pairs == [])
        #expect(ReferenceMatching(outputs: ["y"], references: ["result", "other"]).pairs == [])
        #expect(ReferenceMatching(outputs: ["y", "z"], references: ["z", "result"]).unusedReferences == [1])
    }

    @Test("other values of the model in the reference file are no fault")
    func knownNames() throws {
        let tensor = try #require(one)
        let report = try report(
            outputs: [("y", tensor)], references: [("x", tensor), ("y", tensor), ("hidden", tensor)],
            knownNames: ["x", "hidden"])
        #expect(report.verdict == .passed)
    }

    @Test("the JSON text has a schema and every number, and names NaN as text")
    func json() throws {
        let tensor = try Tensor([1, .nan, 3, 4, 5] as [Float], shape: Shape([1, 5]))
        let report = try report(
            outputs: [("y", tensor)], references: [("y", Tensor([1, 2, 3, 4, 5] as [Float], shape: Shape([1, 5])))])
        let json = try JSON(parsing: report.json())
        #expect(json["schema"] == 1)
        #expect(json["verdict"] == "mismatch")
        guard case .array(let outputs)? = json["outputs"], let output = outputs.first else {
            Issue.record("no outputs")
            return
        }
        #expect(output["mismatches"] == 1)
        #expect(output["first_mismatch"] == [0, 1])
        #expect(output["non_finite"]?["actual"]?["nan"] == 1)
        #expect(output["class_agreement"]?["top5"] == 1)
        #expect(output["max_abs"]?["value"] == .number(0))
        #expect(output["atol"] == .number(5e-5))
    }

    @Test("the text shows measures, tolerance and first mismatch, and no control characters of a name")
    func text() throws {
        let report = try report(
            outputs: [("y\u{1B}[2J", Tensor([1, 2.5] as [Float]))], references: [(nil, Tensor([1, 2] as [Float]))])
        let text = report.text(width: 200)
        #expect(text.contains("float32[2]"))
        #expect(text.contains("5.00e-01"))
        #expect(text.contains("1 of 2"))
        #expect(text.contains("the first of 1 mismatches is at [1]"))
        #expect(text.contains("2.00e-05"))
        #expect(text.contains("<= atol + 1.00e-03*|reference|, atol = 1.00e-05 of the reference's largest magnitude"))
        #expect(!text.unicodeScalars.contains("\u{1B}"))
        // The same facts on a display too narrow for the table.
        let narrow = report.text(width: 60)
        #expect(narrow.contains("  max abs diff 5.00e-01 at [1]  max rel diff 2.50e-01 at [1]\n"))
        #expect(narrow.contains("mismatches 1 of 2"))
    }
}
