import CNNModels
import CProtobufC

/// Reads the plain fields of one message and notes in `details` where their presence differs from the writer's rule: text is
/// written unless empty, a number unless zero, a value of its own always.
struct FieldPresence {
    private(set) var exceptions: [Int] = []

    mutating func text(_ field: Int, _ text: UnsafeMutablePointer<CChar>?) -> String {
        guard let text else { return "" }
        if text.pointee == 0 { exceptions.append(field) }
        return String(cString: text)
    }

    mutating func number<Number: Numeric>(_ field: Int, _ isPresent: protobuf_c_boolean, _ number: Number) -> Number {
        guard isPresent != 0 else { return 0 }
        if number == 0 { exceptions.append(field) }
        return number
    }

    /// A number that is written even when it is zero.
    mutating func ownNumber<Number: Numeric>(_ field: Int, _ isPresent: protobuf_c_boolean, _ number: Number) -> Number {
        if isPresent == 0 { exceptions.append(field) }
        return isPresent == 0 ? 0 : number
    }

    /// A field that was left out though a writer would write it.
    mutating func note(_ field: Int) { exceptions.append(field) }
}

/// The other direction: decides by the same rule which fields are written.
struct PresenceRule {
    let exceptions: [Int]

    init(_ details: FormatDetails) { exceptions = details.presenceExceptions }

    func isException(_ field: Int) -> Bool { exceptions.contains(field) }

    /// Whether a text or number field is written: always with a meaning, which it may have got since the file was read.
    func writes(_ field: Int, isDefault: Bool) -> Bool { !isDefault || isException(field) }

    /// Whether a value of its own is written: left out only if it is the default and was left out before.
    func writesOwn(_ field: Int, isDefault: Bool) -> Bool { !(isDefault && isException(field)) }

    /// Whether a field is written that says nothing which other fields do not: left out only if it was left out before.
    func writesRedundant(_ field: Int) -> Bool { !isException(field) }
}
