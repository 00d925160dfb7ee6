/// The size of one axis as an expression over named sizes: a sum of products of atoms with whole coefficients, in one
/// canonical form, so that equal expressions of that kind compare equal. `batch`, `2*H + 1` and `floor((H - 1)/2) + 1` are
/// examples; a plain number is the expression without names.
///
/// Names stand for sizes, so they are 0 or more; differences may be negative until they are used as a size. All
/// arithmetic is checked: a coefficient past `Int` throws `DimensionError.overflow`, an expression that grows past
/// `Dimension.complexityLimit` parts throws `.tooComplex` (a hostile graph could double it with every node).
public struct Dimension: Sendable, Hashable {
    private let form: Form

    /// Most sizes are numbers, which need no table of terms.
    private enum Form: Sendable, Hashable {
        case number(Int)
        /// Never a number alone: equal expressions have equal forms.
        case sum([Product: Int])
    }

    /// Coefficients by product, none of them zero.
    private var terms: [Product: Int] {
        switch form {
        case .number(let number): number == 0 ? [:] : [.one: number]
        case .sum(let terms): terms
        }
    }

    /// A product of atoms in a fixed order; the empty product is 1.
    fileprivate struct Product: Sendable, Hashable {
        var atoms: [Atom]

        static let one = Product(atoms: [])
    }

    /// What an expression is made of besides numbers.
    fileprivate indirect enum Atom: Sendable, Hashable {
        case symbol(String)
        case floorQuotient(Dimension, Dimension)
        case maximum(Dimension, Dimension)
        case minimum(Dimension, Dimension)
    }

    /// This number.
    public init(_ value: Int) {
        form = .number(value)
    }

    /// The size that is called `name`.
    public static func symbol(_ name: String) -> Dimension {
        Dimension(atom: .symbol(name))
    }

    /// The most numbers and names that an expression may be made of; a long name counts as several.
    public static let complexityLimit = 200

    /// How many numbers and names the expression is made of.
    fileprivate var complexity: Int {
        terms.keys.reduce(0) { total, product in
            total + 1 + product.atoms.reduce(0) { $0 + $1.complexity }
        }
    }

    private init(atom: Atom) {
        form = .sum([Product(atoms: [atom]): 1])
    }

    private init(checked atom: Atom) throws(DimensionError) {
        guard atom.complexity <= Self.complexityLimit else { throw .tooComplex }
        self.init(atom: atom)
    }

    private init(terms: [Product: Int]) throws(DimensionError) {
        let terms = terms.filter { $0.value != 0 }
        if terms.isEmpty {
            form = .number(0)
        } else if terms.count == 1, let number = terms[.one] {
            form = .number(number)
        } else {
            form = .sum(terms)
        }
        guard complexity <= Self.complexityLimit else { throw .tooComplex }
    }

    /// The number, if the expression has no names in it.
    public var value: Int? {
        if case .number(let number) = form { number } else { nil }
    }

    /// The name, if the expression is nothing but one name.
    public var symbolName: String? {
        guard terms.count == 1, let (product, coefficient) = terms.first, coefficient == 1, product.atoms.count == 1,
            case .symbol(let name) = product.atoms[0]
        else { return nil }
        return name
    }

    /// All names in the expression.
    public var symbols: Set<String> {
        terms.keys.reduce(into: []) { names, product in
            for atom in product.atoms {
                switch atom {
                case .symbol(let name): names.insert(name)
                case .floorQuotient(let left, let right), .maximum(let left, let right), .minimum(let left, let right):
                    names.formUnion(left.symbols.union(right.symbols))
                }
            }
        }
    }

    /// Whether no choice of sizes makes the expression negative, as far as its form shows.
    public var isKnownNonNegative: Bool {
        terms.allSatisfy { product, coefficient in
            coefficient > 0 && product.atoms.allSatisfy(\.isKnownNonNegative)
        }
    }
}

extension Dimension.Atom {
    fileprivate var complexity: Int {
        switch self {
        // Every text of the expression repeats the name, whose length a file decides.
        case .symbol(let name): 1 + name.utf8.count / 256
        case .floorQuotient(let left, let right), .maximum(let left, let right), .minimum(let left, let right):
            left.complexity + right.complexity
        }
    }

    fileprivate var isKnownNonNegative: Bool {
        switch self {
        case .symbol: true
        case .floorQuotient(let dividend, let divisor): dividend.isKnownNonNegative && divisor.isKnownNonNegative
        case .maximum(let left, let right): left.isKnownNonNegative || right.isKnownNonNegative
        case .minimum(let left, let right): left.isKnownNonNegative && right.isKnownNonNegative
        }
    }
}

// MARK: - Arithmetic

extension Dimension {
    /// The sum, terms of the same names put together.
    /// - Throws: `.overflow` if a coefficient passes `Int`, `.tooComplex` past `complexityLimit` parts.
    public static func + (left: Dimension, right: Dimension) throws(DimensionError) -> Dimension {
        if let first = left.value, let second = right.value {
            let (sum, overflow) = first.addingReportingOverflow(second)
            guard !overflow else { throw .overflow }
            return Dimension(sum)
        }
        var terms = left.terms
        for (product, coefficient) in right.terms {
            let (sum, overflow) = terms[product, default: 0].addingReportingOverflow(coefficient)
            guard !overflow else { throw .overflow }
            terms[product] = sum
        }
        return try Dimension(terms: terms)
    }

    /// The difference; throws as the sum does.
    public static func - (left: Dimension, right: Dimension) throws(DimensionError) -> Dimension {
        try left + right * Dimension(-1)
    }

    /// The product, multiplied out; throws as the sum does.
    public static func * (left: Dimension, right: Dimension) throws(DimensionError) -> Dimension {
        if let first = left.value, let second = right.value {
            let (product, overflow) = first.multipliedReportingOverflow(by: second)
            guard !overflow else { throw .overflow }
            return Dimension(product)
        }
        // Sums that cancel each other are rare; sums that are large cost time before their product is seen to be too large.
        guard left.terms.count * right.terms.count <= 4 * complexityLimit else { throw .tooComplex }
        var terms: [Product: Int] = [:]
        for (leftProduct, leftCoefficient) in left.terms {
            for (rightProduct, rightCoefficient) in right.terms {
                let (coefficient, overflow) = leftCoefficient.multipliedReportingOverflow(by: rightCoefficient)
                guard !overflow else { throw .overflow }
                let product = leftProduct.times(rightProduct)
                let (sum, sumOverflow) = terms[product, default: 0].addingReportingOverflow(coefficient)
                guard !sumOverflow else { throw .overflow }
                terms[product] = sum
            }
        }
        return try Dimension(terms: terms)
    }

    /// The quotient rounded towards negative infinity.
    /// - Throws: `DimensionError.divisionByZero`, `.overflow`.
    public func floorDivided(by divisor: Dimension) throws(DimensionError) -> Dimension {
        if divisor == Dimension(0) { throw .divisionByZero }
        if divisor == Dimension(1) { return self }
        if let value, let number = divisor.value { return Dimension(try Self.floorQuotient(value, number)) }
        if self == divisor { return Dimension(1) }
        guard divisor.terms.count == 1, let (divisorProduct, divisorCoefficient) = divisor.terms.first else {
            return try Dimension(checked: .floorQuotient(self, divisor))
        }
        // floor((q*d + r)/d) = q + floor(r/d) for a whole q: terms that the divisor divides leave the quotient.
        var quotient: [Product: Int] = [:]
        var rest: [Product: Int] = [:]
        for (product, coefficient) in terms {
            if let reduced = product.divided(by: divisorProduct), divisorCoefficient != -1,
                coefficient % divisorCoefficient == 0
            {
                quotient[reduced] = coefficient / divisorCoefficient
            } else {
                rest[product] = coefficient
            }
        }
        let remainder = try Dimension(terms: rest)
        return try Dimension(terms: quotient) + remainder.floorQuotientWithoutWholePart(divisor)
    }

    private func floorQuotientWithoutWholePart(_ divisor: Dimension) throws(DimensionError) -> Dimension {
        if let value {
            if value == 0 { return Dimension(0) }
            if let number = divisor.value { return Dimension(try Self.floorQuotient(value, number)) }
        }
        // floor((floor(x/a) + c)/b) = floor((x + c*a)/(a*b)) for positive a and b.
        if let outer = divisor.value, outer > 0, let (inner, innerDivisor, constant) = singleFloorQuotient {
            let dividend = try inner + Dimension(constant) * Dimension(innerDivisor)
            return try dividend.floorDivided(by: Dimension(innerDivisor) * divisor)
        }
        return try Dimension(checked: .floorQuotient(self, divisor))
    }

    /// The parts x, a and c when the expression is `floor(x/a) + c` with positive number a.
    private var singleFloorQuotient: (dividend: Dimension, divisor: Int, constant: Int)? {
        var rest = terms
        let constant = rest.removeValue(forKey: .one) ?? 0
        guard rest.count == 1, let (product, coefficient) = rest.first, coefficient == 1, product.atoms.count == 1,
            case .floorQuotient(let dividend, let divisor) = product.atoms[0], let number = divisor.value, number > 0
        else { return nil }
        return (dividend, number, constant)
    }

    private static func floorQuotient(_ dividend: Int, _ divisor: Int) throws(DimensionError) -> Int {
        let (quotient, overflow) = dividend.dividedReportingOverflow(by: divisor)
        guard !overflow else { throw .overflow }
        let isInexactNegative = dividend % divisor != 0 && (dividend < 0) != (divisor < 0)
        return isInexactNegative ? quotient - 1 : quotient
    }

    /// The quotient rounded towards positive infinity, for a positive divisor.
    public func ceilDivided(by divisor: Dimension) throws(DimensionError) -> Dimension {
        try (self + divisor - Dimension(1)).floorDivided(by: divisor)
    }

    /// The larger of the two.
    public static func maximum(_ left: Dimension, _ right: Dimension) throws(DimensionError) -> Dimension {
        let difference = try left - right
        if difference.isKnownNonNegative { return left }
        if try (right - left).isKnownNonNegative { return right }
        return try Dimension(checked: .maximum(left, right))
    }

    /// The smaller of the two.
    public static func minimum(_ left: Dimension, _ right: Dimension) throws(DimensionError) -> Dimension {
        let difference = try left - right
        if difference.isKnownNonNegative { return right }
        if try (right - left).isKnownNonNegative { return left }
        return try Dimension(checked: .minimum(left, right))
    }

    /// The expression with each name that `sizes` knows replaced by its size.
    /// - Throws: `DimensionError.overflow`, `.divisionByZero`.
    public func substituting(_ sizes: [String: Dimension]) throws(DimensionError) -> Dimension {
        var sum = Dimension(0)
        for (product, coefficient) in terms {
            var term = Dimension(coefficient)
            for atom in product.atoms {
                switch atom {
                case .symbol(let name):
                    term = try term * (sizes[name] ?? Dimension(atom: atom))
                case .floorQuotient(let left, let right):
                    term = try term * left.substituting(sizes).floorDivided(by: right.substituting(sizes))
                case .maximum(let left, let right):
                    term = try term * Dimension.maximum(left.substituting(sizes), right.substituting(sizes))
                case .minimum(let left, let right):
                    term = try term * Dimension.minimum(left.substituting(sizes), right.substituting(sizes))
                }
            }
            sum = try sum + term
        }
        return sum
    }
}

extension Dimension.Product {
    /// The product of both, its atoms in the order of their texts.
    fileprivate func times(_ other: Dimension.Product) -> Dimension.Product {
        if atoms.isEmpty { return other }
        if other.atoms.isEmpty { return self }
        let ordered = (atoms + other.atoms).map { (atom: $0, text: $0.description) }.sorted { $0.text < $1.text }
        return Dimension.Product(atoms: ordered.map(\.atom))
    }

    /// The product without the divisor's atoms; nil if it does not contain them all.
    fileprivate func divided(by divisor: Dimension.Product) -> Dimension.Product? {
        var rest = atoms
        for atom in divisor.atoms {
            guard let position = rest.firstIndex(of: atom) else { return nil }
            rest.remove(at: position)
        }
        return Dimension.Product(atoms: rest)
    }
}

/// What can go wrong in the arithmetic of sizes.
public enum DimensionError: Error, Sendable, Hashable {
    /// A coefficient passes `Int`.
    case overflow
    case divisionByZero
    case tooComplex
}

extension DimensionError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .overflow: "a size passes \(Int.max)"
        case .divisionByZero: "a size is divided by zero"
        case .tooComplex: "the expression of a size has more than \(Dimension.complexityLimit) parts"
        }
    }
}

// MARK: - Text

extension Dimension: CustomStringConvertible {
    /// The expression with its named terms first, for example `floor((H - 1)/2) + 1`.
    public var description: String {
        if let value { return String(value) }
        // One text a term: asked for in the comparison, it would be made again, and so twice as often with each level within.
        let ordered = terms.map { (isNumber: $0.key.atoms.isEmpty, text: $0.key.description, coefficient: $0.value) }
            .sorted { ($0.isNumber ? 1 : 0, $0.text) < ($1.isNumber ? 1 : 0, $1.text) }
        var text = ""
        for term in ordered {
            let isNegative = term.coefficient < 0
            text += text.isEmpty ? (isNegative ? "-" : "") : (isNegative ? " - " : " + ")
            let magnitude = term.coefficient.magnitude
            if term.isNumber {
                text += String(magnitude)
            } else {
                text += (magnitude == 1 ? "" : "\(magnitude)*") + term.text
            }
        }
        return text
    }
}

extension Dimension.Product: CustomStringConvertible {
    var description: String { atoms.map(\.description).joined(separator: "*") }
}

extension Dimension.Atom: CustomStringConvertible {
    var description: String {
        switch self {
        case .symbol(let name): name
        case .floorQuotient(let dividend, let divisor): "floor(\(dividend.factor)/\(divisor.factor))"
        case .maximum(let left, let right): "max(\(left), \(right))"
        case .minimum(let left, let right): "min(\(left), \(right))"
        }
    }
}

extension Dimension {
    /// The expression in parentheses where it is a sum.
    fileprivate var factor: String { terms.count > 1 ? "(\(self))" : description }
}

extension Dimension: ExpressibleByIntegerLiteral {
    /// This number.
    public init(integerLiteral value: Int) { self.init(value) }
}
