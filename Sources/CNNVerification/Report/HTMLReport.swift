import CNNModels
import CNNOperators
import CNNTensors
import CNNTextTables

/// A verification as a page for a browser: one file with everything in it.
public struct HTMLReport: Sendable {
    /// What is known beside the comparison.
    public struct Context: Sendable {
        /// What was verified: the model's path, what it was held against, how it was computed.
        public var subject: [(name: String, value: String)]
        /// What was found out about a mismatch, a text each.
        public var findings: [String]
        /// Versions and machine.
        public var environment: [(name: String, value: String)]
        /// The commands that do the same again.
        public var commands: [String]

        /// A context of these parts.
        public init(
            subject: [(name: String, value: String)], findings: [String] = [],
            environment: [(name: String, value: String)] = [],
            commands: [String] = []
        ) {
            self.subject = subject
            self.findings = findings
            self.environment = environment
            self.commands = commands
        }
    }

    private let body: HTML
    private let title: String

    /// The report of a comparison.
    public init(_ report: VerificationReport, of model: Model, context: Context) {
        let graph = (try? BoundModel(model).model.graph) ?? model.graph
        title = "\(report.verdict.rawValue): \(context.subject.first?.value ?? "verification")"
        var body = Self.head(report.verdict, report.verdictText, context)
        if !report.omissions.isEmpty {
            let items = report.omissions.map { omission -> HTML in "<li>\(omission)</li>" }
            body += "<h2 id=\"incomplete\">Incomplete</h2><ul>\(items.joined())</ul>"
        }
        if let layers = report.layers, !layers.agrees {
            let lines = layers.explanation(of: layers.firstFailure).joined(separator: "\n")
            body += "<h2 id=\"where-it-begins\">Where it begins</h2><pre>\(lines)</pre>"
        }
        if !context.findings.isEmpty {
            body += "<h2 id=\"diagnosis\">Diagnosis</h2>"
            for finding in context.findings { body += "<pre>\(finding)</pre>" }
        }
        body += Self.outputs(report)
        let drawing = NetworkDrawing(graph, report: report).svg
        let note = drawing.omitted > 0 ? "; \(drawing.omitted) nodes far from it are left out" : ""
        body += """
            <h2 id="network">Network</h2><p class="legend"><span><i class="right"></i>right</span><span><i class="wrong"></i>wrong</span>\
            <span><i class="fed"></i>right by itself, fed by a wrong one</span><span><i class="unknown"></i>not checked</span></p>\
            <p class="soft">\(graph.nodes.count) nodes\(note). The number is the relative error of its value against the \
            reference.</p><div class="scroll">\(drawing.html)</div>
            """
        if let layers = report.layers { body += Self.layers(layers) }
        body += Self.foot(context)
        self.body = Self.navigated(body)
    }

    /// The report of a model's check of itself.
    public init(_ report: SelfCheckReport, context: Context) {
        title = "\(report.verdict.rawValue): \(context.subject.first?.value ?? "verification")"
        var body = Self.head(report.verdict, report.verdictText, context)
        body += "<h2 id=\"outputs\">Outputs</h2><pre>\(report.text())</pre>"
        body += Self.foot(context)
        self.body = body
    }

    /// The page.
    public var html: String { ReportPage.document(title: title, body) }

    // MARK: Sections

    /// The page with links to its sections in front.
    private static func navigated(_ body: HTML) -> HTML {
        let sections = [
            "Incomplete", "Where it begins", "Diagnosis", "Outputs", "Network", "Layers", "To reproduce", "Environment",
        ]
        let links = sections.compactMap { title -> HTML? in
            let anchor = title.lowercased().replacing(" ", with: "-")
            return body.text.contains("<h2 id=\"\(anchor)\">") ? "<a href=\"#\(anchor)\">\(title)</a>" : nil
        }
        return "<nav>\(links.joined())</nav>\(body)"
    }

    private static func head(_ verdict: VerificationReport.Verdict, _ text: String, _ context: Context) -> HTML {
        """
        <h1>\(context.subject.first?.value ?? "Verification")</h1>\
        <p class="verdict \(verdict.rawValue)" role="status">\(text)</p>\(list(Array(context.subject.dropFirst())))
        """
    }

    private static func foot(_ context: Context) -> HTML {
        var html: HTML = ""
        if !context.commands.isEmpty {
            html += "<h2 id=\"to-reproduce\">To reproduce</h2><pre>\(context.commands.joined(separator: "\n"))</pre>"
        }
        if !context.environment.isEmpty { html += "<h2 id=\"environment\">Environment</h2>\(list(context.environment))" }
        return html
    }

    private static func list(_ facts: [(name: String, value: String)]) -> HTML {
        let items = facts.map { fact -> HTML in "<dt>\(fact.name)</dt><dd>\(fact.value)</dd>" }
        return "<dl>\(items.joined())</dl>"
    }

    private static func outputs(_ report: VerificationReport) -> HTML {
        let titles = [
            "Output", "Type and shape", "Verdict", "Max abs", "Max rel", "RMSE", "Norm. RMSE", "Cosine", "PSNR (dB)",
            "ULP 50 %",
            "ULP 99 %", "ULP max", "σ", "σ allowed", "Mismatches", "Top-1", "Top-5",
        ]
        var html: HTML = "<h2 id=\"outputs\">Outputs</h2>"
        html += table(titles, textColumns: 3, rows: report.outputs.map(row))
        for output in report.outputs {
            var section: HTML = ""
            if let rounding = output.rounding {
                section += "<p>\(rounding.culpritText)</p>"
                if let flips = rounding.classFlips?.summary { section += "<p>\(flips)</p>" }
                if let histogram = rounding.histogram {
                    section += ReportPictures.picture(histogram, threshold: rounding.difference.threshold)
                }
            }
            if let map = output.comparison.metrics?.map {
                if let summary = map.summary { section += "<p>All mismatches lie in \(summary).</p>" }
                section += ReportPictures.picture(map)
            }
            if !section.text.isEmpty { html += "<h3>\(output.name)</h3>\(section)" }
        }
        return html
    }

    private static func row(_ output: VerificationReport.Output) -> HTML {
        let comparison = output.comparison
        let (badge, text) =
            switch comparison.verdict {
            case .match: output.agrees ? ("match", "agrees") : ("other", "undecided")
            case .mismatch: ("mismatch", "differs")
            case .incomparable: ("other", "not compared")
            }
        let metrics = comparison.metrics
        let (ulp, classes) = (metrics?.unitsInLastPlace, comparison.classAgreement)
        let deviation = output.rounding.flatMap { $0.difference.basis == .deviation ? $0.difference : nil }
        return """
            <tr><td class="name">\(output.name)</td><td class="text">\("\(comparison.dataType)\(comparison.shape)")</td>\
            <td class="text"><span class="badge \(badge)">\(text)</span></td>\(number(metrics?.maxAbsolute?.difference))\
            \(number(metrics?.maxRelative?.difference))\(number(metrics?.rootMeanSquare))\
            \(number(metrics?.normalizedRootMeanSquare))\(number(metrics?.cosineSimilarity, digits: 7))\
            \(number(metrics?.peakSignalToNoiseRatio, digits: 1))\(number(ulp.map { Double($0.median) }, digits: 0))\
            \(number(ulp.map { Double($0.percentile99) }, digits: 0))\(number(ulp.map { Double($0.maximum) }, digits: 0))\
            \(number(deviation?.largest))\(number(deviation?.threshold, digits: 1))\
            \(number(metrics.map { Double($0.mismatchCount) }, digits: 0))\
            \(number(classes.map { Double($0.top1Count) / Double($0.itemCount) }, digits: 3))\
            \(number(classes.flatMap { c in c.top5Count.map { Double($0) / Double(c.itemCount) } }, digits: 3))</tr>
            """
    }

    private static func layers(_ layers: LayerReport) -> HTML {
        let titles = [
            "#", "Node", "Operator", "Shape", "Wrong", "Isolated", "Cumulative", "Reference off", "Ours off", "Of allowed",
        ]
        let rows = layers.layers.map { layer -> HTML in
            let wrong = layer.culprit?.rawValue ?? (layer.reference?.agrees == true ? "" : "not checked")
            let style = layer.culprit == nil ? "" : "wrong"
            let ratio = layer.reference.flatMap { $0.threshold > 0 ? $0.largest / $0.threshold : nil }
            return """
                <tr class="\(style)">\(number(Double(layer.nodeIndex), digits: 0))\
                <td class="name">\(layer.nodeName.isEmpty ? layer.value : layer.nodeName)</td>\
                <td class="text">\(layer.operatorType)</td><td class="text">\("\(layer.shape)")</td><td class="text">\(wrong)</td>\
                \(number(layer.isolated?.relative))\(number(layer.cumulative?.relative))\
                \(number(layer.referenceDistance?.relative))\(number(layer.ourDistance?.relative))\(number(ratio))</tr>
                """
        }
        return """
            <h2 id="layers">Layers</h2><p class="soft">Errors relative in the Euclidean norm. Isolated: ours against the reference, both on \
            the reference's inputs to the node. Cumulative: ours from the model's inputs on. Off: from the Double evaluation \
            of the node on the reference's inputs. Of allowed: the reference's largest distance from it in units of what rounding allows.</p>\
            \(table(titles, textColumns: 5, rows: rows))
            """
    }

    private static func table(_ titles: [String], textColumns: Int, rows: [HTML]) -> HTML {
        let heads = titles.enumerated().map { index, title -> HTML in
            index < textColumns ? "<th class=\"text\" scope=\"col\">\(title)</th>" : "<th scope=\"col\">\(title)</th>"
        }
        return """
            <div class="scroll"><table class="sortable"><thead><tr>\(heads.joined())</tr></thead>\
            <tbody>\(rows.joined())</tbody></table></div>
            """
    }

    /// A cell with a number that it also sorts by.
    private static func number(_ value: Double?, digits: Int? = nil) -> HTML {
        guard let value else { return "<td>–</td>" }
        let text =
            switch digits {
            case nil: NumberText.scientific(value)
            case 0: value.magnitude < 1e15 ? NumberText.grouped(Int(value)) : NumberText.scientific(value)
            case .some(let digits): value.isFinite ? NumberText.fixed(value, digits: digits) : NumberText.scientific(value)
            }
        return "<td data-v=\"\(value.description)\">\(text)</td>"
    }
}
