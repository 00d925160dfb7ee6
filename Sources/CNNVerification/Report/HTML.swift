/// A piece of HTML. Text that is put into one is escaped unless it is HTML itself, so that no name in a model can become
/// markup:
///
///     let cell: HTML = "<td title='\(name)'>\(number)</td>"
struct HTML: ExpressibleByStringInterpolation {
    private(set) var text: String

    init(stringLiteral text: String) { self.text = text }

    init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }

        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ html: HTML) { text += html.text }
        mutating func appendInterpolation(_ value: String) { text += MarkupText.escaped(value) }
        mutating func appendInterpolation(_ value: Int) { text += String(value) }

        /// A length or position in a drawing, to a tenth.
        mutating func appendInterpolation(_ value: Double) {
            let rounded = (value * 10).rounded() / 10
            text += rounded == rounded.rounded() && rounded.magnitude < 1e15 ? String(Int(rounded)) : String(rounded)
        }
    }

    static func += (left: inout HTML, right: HTML) { left.text += right.text }
}

extension Sequence<HTML> {
    /// All pieces, one after the other.
    func joined() -> HTML { reduce(into: "") { $0 += $1 } }
}
