import CNNTensors
import Testing

@testable import CNNModels

/// An expression beside a function that computes the same with plain numbers, grown at random from a seed.
private struct Grown {
    let dimension: Dimension
    let compute: (_ a: Int, _ b: Int) -> Int
}

private struct Grower {
    var state: UInt64

    mutating func number(_ count: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % count
    }

    static func floorDivision(_ dividend: Int, _ divisor: Int) -> Int {
        Int((Double(dividend) / Double(divisor)).rounded(.down))
    }

    /// Nil where the expression grows past the limit, which deep ones may.
    mutating func grow(depth: Int) throws -> Grown {
        if depth == 0 {
            switch number(3) {
            case 0: return Grown(dimension: .symbol("a")) { a, _ in a }
            case 1: return Grown(dimension: .symbol("b")) { _, b in b }
            default:
                let constant = number(7) - 3
                return Grown(dimension: Dimension(constant)) { _, _ in constant }
            }
        }
        let left = try grow(depth: depth - 1)
        // A divisor that is zero for no choice of names: a number, or one more than a name.
        if number(3) == 0 {
            let constant = [-3, -1, 1, 2, 3, 4][number(6)]
            switch number(3) {
            case 0:
                return Grown(dimension: try left.dimension.floorDivided(by: Dimension(constant))) {
                    Self.floorDivision(left.compute($0, $1), constant)
                }
            case 1:
                let positive = abs(constant)
                return Grown(dimension: try left.dimension.ceilDivided(by: Dimension(positive))) {
                    -Self.floorDivision(-left.compute($0, $1), positive)
                }
            default:
                return Grown(dimension: try left.dimension.floorDivided(by: .symbol("b") + 1)) {
                    Self.floorDivision(left.compute($0, $1), $1 + 1)
                }
            }
        }
        let right = try grow(depth: depth - 1)
        switch number(5) {
        case 0: return Grown(dimension: try left.dimension + right.dimension) { left.compute($0, $1) + right.compute($0, $1) }
        case 1: return Grown(dimension: try left.dimension - right.dimension) { left.compute($0, $1) - right.compute($0, $1) }
        case 2: return Grown(dimension: try left.dimension * right.dimension) { left.compute($0, $1) * right.compute($0, $1) }
        case 3:
            return Grown(dimension: try .maximum(left.dimension, right.dimension)) {
                max(left.compute($0, $1), right.compute($0, $1))
            }
        default:
            return Grown(dimension: try .minimum(left.dimension, right.dimension)) {
                min(left.compute($0, $1), right.compute($0, $1))
            }
        }
    }
}

@Suite("Dimension")
struct DimensionTests {
    private let n = Dimension.symbol("N")
    private let h = Dimension.symbol("H")

    @Test("2,000 random expressions give, with small numbers in place of names, what plain arithmetic gives")
    func substitution() throws {
        var grower = Grower(state: 1)
        var followed = 0
        for round in 0..<2_000 {
            guard let grown = try? grower.grow(depth: 1 + round % 4) else { continue }
            followed += 1
            for a in 0...5 {
                for b in 0...5 {
                    let value = try grown.dimension.substituting(["a": Dimension(a), "b": Dimension(b)]).value
                    #expect(value == grown.compute(a, b), "\(grown.dimension) for a = \(a), b = \(b)")
                    if grown.dimension.isKnownNonNegative { #expect((value ?? -1) >= 0, "\(grown.dimension)") }
                }
            }
        }
        #expect(followed > 1_900)
    }

    @Test("Quotients of quotients are one quotient")
    func nestedQuotients() throws {
        // Two poolings by 2 in a row, and the same after a convolution that shrinks by 2.
        let halved = try h.floorDivided(by: 2)
        #expect(try halved.floorDivided(by: 2) == h.floorDivided(by: 4))
        #expect(try (halved - 2).floorDivided(by: 2).description == "floor(H/4) - 1")
        #expect(try (halved - 1).floorDivided(by: 2) == (h - 2).floorDivided(by: 4))
    }

    @Test("Whole parts leave a quotient, and equal expressions compare equal")
    func canonicalForm() throws {
        #expect(try (h * 4 + 6).floorDivided(by: 2) == h * 2 + 3)
        #expect(try (h * 2 + 1).floorDivided(by: 2) == h)
        #expect(try (n * h).floorDivided(by: h) == n)
        #expect(try (n * 9216).floorDivided(by: 9216) == n)
        #expect(try (h + 1) * (h - 1) == h * h - 1)
        #expect(try n * h == h * n)
        #expect(try h.ceilDivided(by: 2) == (h + 1).floorDivided(by: 2))
        #expect(try h - h == 0)
    }

    @Test("The larger and the smaller are settled where the form shows them")
    func extrema() throws {
        #expect(try Dimension.maximum(h, h + 1) == h + 1)
        #expect(try Dimension.minimum(h, h + 1) == h)
        #expect(try Dimension.maximum(h, 0) == h)
        #expect(try Dimension.minimum(3, -2) == -2)
        #expect(try Dimension.maximum(h - 1, 0).value == nil)
    }

    @Test("Texts read as formulas")
    func texts() throws {
        #expect(try "\((h - 1).floorDivided(by: 2) * 2 + n * 3 - 4)" == "3*N + 2*floor((H - 1)/2) - 4")
        #expect("\(n)" == "N")
        #expect(try "\(Dimension(0) - n)" == "-N")
        #expect(n.symbolName == "N")
        #expect(try (n + 1).symbolName == nil)
        #expect(try (n * h.floorDivided(by: 2)).symbols == ["N", "H"])
    }

    @Test("Sizes that pooling and transposed convolution in turn nest 60 deep are as quick as any", .timeLimit(.minutes(1)))
    func deepNesting() throws {
        // None of the quotients joins the one within it, since what lies between them doubles it.
        var (size, text, expected) = (h, "(H - 1)", 100_000)
        for _ in 0..<60 {
            size = try (size - 1).floorDivided(by: 3) * 2 + 2
            text = "(2*floor(\(text)/3) + 1)"
            expected = Grower.floorDivision(expected - 1, 3) * 2 + 2
        }
        #expect(try (size - 1).description == text.dropFirst().dropLast())
        #expect(try size.substituting(["H": 100_000]).value == expected)
        #expect(try size * n == n * size)
        #expect(Set([size]).contains(size))
        #expect(try Dimension.maximum(size, size - 1) == size)
        var largest = h
        for level in 0..<40 { largest = try .maximum(largest - 1, .symbol("s\(level)")) }
        #expect(largest.symbols.count == 41)
        #expect(largest.description.hasPrefix("max(max("))
        #expect(try largest.substituting(["H": 1_000, "s39": 0]).symbols.count == 39)
    }

    @Test("A name so long that expressions could not repeat it is too complex")
    func longName() throws {
        let long = Dimension.symbol(String(repeating: "H", count: 100_000))
        #expect(throws: DimensionError.tooComplex) { try long + 1 }
    }

    @Test("Overflow and division by zero are errors")
    func arithmeticErrors() throws {
        #expect(throws: DimensionError.overflow) { try Dimension(.max) + 1 }
        #expect(throws: DimensionError.overflow) { try Dimension(.min) - 1 }
        #expect(throws: DimensionError.overflow) { try n * Dimension(.max) * 2 }
        #expect(throws: DimensionError.overflow) { try Dimension(.min).floorDivided(by: -1) }
        #expect(throws: DimensionError.divisionByZero) { try n.floorDivided(by: 0) }
        #expect(throws: DimensionError.divisionByZero) { try n.floorDivided(by: h).substituting(["H": 0]) }
        #expect(throws: DimensionError.overflow) { try (n * n).substituting(["N": Dimension(1 << 32)]) }
    }

    @Test("An expression that doubles with every step is refused soon")
    func hostileGrowth() throws {
        // Without the limits no machine would come to the end of this.
        var square = try n + h + 1
        #expect(throws: DimensionError.tooComplex) {
            for _ in 0..<64 { square = try square * square }
        }
        var largest = try n - h
        #expect(throws: DimensionError.tooComplex) {
            for _ in 0..<64 {
                largest = try .maximum(largest * largest - n, largest.floorDivided(by: h + largest * largest + 2))
            }
        }
        var sum = Dimension(0)
        #expect(throws: DimensionError.tooComplex) {
            for index in 0..<1_000 { sum = try sum + .symbol("s\(index)") }
        }
        // The widest expressions that are allowed, multiplied: thousands of products, none of them like another.
        var (left, right) = (Dimension(0), Dimension(0))
        for index in 0..<90 {
            left = try left + .symbol("left\(index)")
            right = try right + .symbol("right\(index)")
        }
        for _ in 0..<20 { #expect(throws: DimensionError.tooComplex) { try left * right } }
    }
}

@Suite("SymbolicShape")
struct SymbolicShapeTests {
    @Test("Sizes multiply to the element count where all are known")
    func elementCount() throws {
        let shape = SymbolicShape([.symbol("N"), 3, .symbol("H")])
        #expect(try shape.elementCount() == .symbol("N") * 3 * .symbol("H"))
        #expect(try SymbolicShape([.symbol("N"), nil]).elementCount() == nil)
        #expect(try SymbolicShape.unknown.elementCount() == nil)
        #expect(try SymbolicShape.scalar.elementCount() == 1)
        #expect(throws: DimensionError.overflow) { try SymbolicShape([Dimension(1 << 62), 4]).elementCount() }
    }

    @Test("Numbers of 0 or more make a concrete shape, names do once they are replaced")
    func concrete() throws {
        #expect(SymbolicShape([2, 0]).concrete == (try Shape([2, 0])))
        #expect(SymbolicShape([-1]).concrete == nil)
        #expect(SymbolicShape([Dimension(1 << 62), 4]).concrete == nil)
        let shape = SymbolicShape([.symbol("N"), nil])
        #expect(shape.concrete == nil)
        #expect(try shape.substituting(["N": 2]).dimensions == [2, nil])
        #expect(try SymbolicShape([.symbol("N") * 2]).substituting(["N": 3]).concrete == Shape([6]))
    }

    @Test("Declared sizes: names and numbers stay, empty names and negative numbers are unknown")
    func declared() {
        let declared = DeclaredShape(dimensions: ["N", 3, DeclaredDimension(.unknown), "", -1])
        #expect(SymbolicShape(declared: declared).dimensions == [.symbol("N"), 3, nil, nil, nil])
        #expect(SymbolicShape(declared: nil) == .unknown)
        #expect("\(SymbolicShape(declared: declared))" == "[N, 3, ?, ?, ?]")
        #expect("\(SymbolicShape.unknown)" == "[...]")
    }
}
