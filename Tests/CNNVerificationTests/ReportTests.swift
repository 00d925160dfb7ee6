import CNNTensors
import Foundation
import Testing

@testable import CNNVerification

@Suite("Reports for browsers and test systems")
struct ReportTests {
    static let hostile = #"</title><script>alert('x')</script>"&\#u{1B}[31m\#u{202E}"#

    private func page(prefix: String = "", epsilon: Float = 1e-5) throws -> String {
        let network = try NetworkUnderVerification(prefix: prefix)
        let report = try network.report(against: NetworkUnderVerification(epsilon: epsilon, prefix: prefix), layers: true)
        return HTMLReport(
            report, of: network.model,
            context: .init(
                subject: [("model", "model.onnx\(prefix)")], findings: ["a finding \(prefix)"],
                environment: [("version", prefix)],
                commands: ["onnxcnn verify '\(prefix)'"])
        ).html
    }

    @Test("the page says the verdict, shows every node, and loads nothing")
    func content() throws {
        let page = try page()
        #expect(page.contains(#"<p class="verdict mismatch" role="status">"#))
        #expect(page.components(separatedBy: #"<g class="node "#).count == 9)
        #expect(page.components(separatedBy: #"<g class="node wrong">"#).count == 2)
        #expect(page.contains("Where it begins"))
        #expect(page.contains("standard deviations of the expected rounding error"))
        for address in ["http:", "https:", "//", "@import", "url("] { #expect(!page.contains(address), "\(address)") }
    }

    @Test("names from a file never become markup")
    func escaping() throws {
        let page = try page(prefix: Self.hostile)
        #expect(page.components(separatedBy: "<script>").count == 2)
        #expect(page.components(separatedBy: "</title>").count == page.components(separatedBy: "<title>").count)
        #expect(!page.contains("alert('x')"))
        #expect(!page.unicodeScalars.contains("\u{1B}"))
        #expect(!page.unicodeScalars.contains("\u{202E}"))
        #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"))
    }

    @Test("JUnit's XML is well formed, counts its cases and escapes their names")
    func junit() throws {
        let report = JUnitReport([
            .init(
                name: "a \(Self.hostile)",
                cases: [
                    .init(name: "right", outcome: .passed), .init(name: "wrong", outcome: .failed("first\nsecond <&>\u{0}")),
                    .init(name: "broken", outcome: .error("no file")), .init(name: "new", outcome: .skipped("not supported")),
                ])
        ])
        #expect(report.xml.contains(#"<testsuites name="onnxcnn verify" tests="4" failures="1" errors="1" skipped="1">"#))
        #expect(report.xml.contains("<failure message=\"first\">first\nsecond &lt;&amp;&gt;\u{FFFD}</failure>"))
        let balance = report.xml.count { $0 == "<" } == report.xml.count { $0 == ">" }
        #expect(balance)
    }
}

@Suite("Layered drawings")
struct LayeredLayoutTests {
    @Test("every edge runs down through each row once, and no two nodes of a row overlap")
    func rows() {
        // A chain of six with a shortcut over four, and a side branch.
        let edges = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5), (1, 6), (6, 4)].map { (from: $0.0, to: $0.1) }
        let layout = LayeredLayout(nodeCount: 7, edges: edges)
        #expect(layout.rowCount == 6)
        for (edge, route) in zip(edges, layout.routes) {
            #expect(route.first == layout.places[edge.from])
            #expect(route.last == layout.places[edge.to])
            #expect(zip(route, route.dropFirst()).allSatisfy { $0.row + 1 == $1.row })
        }
        #expect(layout.places[2].row == layout.places[6].row)
        #expect(abs(layout.places[2].x - layout.places[6].x) >= 168)
        #expect(layout.places.allSatisfy { $0.x >= 84 && $0.x <= layout.width - 84 })
    }

    @Test("a chain is drawn straight")
    func chain() {
        let layout = LayeredLayout(nodeCount: 4, edges: [(0, 1), (1, 2), (2, 3)].map { (from: $0.0, to: $0.1) })
        #expect(Set(layout.places.map(\.x)).count == 1)
        #expect(LayeredLayout(nodeCount: 0, edges: []).rowCount == 0)
    }
}
