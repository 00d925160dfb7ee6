/// What a file said of one element beyond its meaning, kept so that writing gives back the same file.
///
/// A writer's rule is: a text is written when it is not empty, a number that is not a value of its own when it is not
/// zero. Where the file deviates from that rule, the field's number stands in `presenceExceptions`: an empty text that was
/// present all the same, a value that was left out because it was the default, or the type of an attribute, which its value
/// tells. Texts and values that are no defaults any more are written whatever stands there.
public struct FormatDetails: Sendable, Hashable {
    /// Fields this package does not interpret, as they stood on the wire (tags included), in file order.
    public var unknownFields: [UInt8]
    /// Numbers of the fields whose presence in the file differs from the writer's rule, ascending.
    public var presenceExceptions: [Int]

    /// Nothing beside the meaning, unless fields are given.
    public init(unknownFields: [UInt8] = [], presenceExceptions: [Int] = []) {
        self.unknownFields = unknownFields
        self.presenceExceptions = presenceExceptions
    }

    /// Whether the element needs no more than its meaning to be written as it was.
    public var isEmpty: Bool { unknownFields.isEmpty && presenceExceptions.isEmpty }
}
