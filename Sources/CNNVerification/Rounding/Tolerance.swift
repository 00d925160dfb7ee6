/// How much a computed array may differ from its reference.
public enum Tolerance: Sendable, Hashable {
    /// As much as rounding explains: derived from the model's arithmetic, element by element.
    case automatic
    /// As much as a number given beforehand allows.
    case fixed(ComparisonTolerance)
}
